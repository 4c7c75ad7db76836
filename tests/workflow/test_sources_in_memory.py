"""The verbs with what a notebook holds in place of a path."""

import numpy as np
import pytest
from PIL import Image

import hubblefork
import hubblefork.data.images.transforms
from hubblefork.core.errors import RequestError

pytestmark = pytest.mark.usefixtures("without_reports")

SETTINGS = {"epochs": 1, "data.size": 16}


def _images() -> tuple[np.ndarray, list[str]]:
    """Dark images, and images with a bright square."""
    images = np.random.default_rng(0).integers(0, 90, (60, 16, 16, 3), np.uint8)
    images[1::2, 6:10, 6:10] = 250
    return images, ["dark", "square"] * 30


def test_arrays_through_the_verbs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    registered = hubblefork.data.images.transforms._registry
    monkeypatch.setattr(registered, "_registered", {})
    hubblefork.register_transform("negative")(lambda image: 255 - image)
    settings = SETTINGS | {"data.transforms": ["negative"]}
    run = hubblefork.train(_images(), "mlp", out="run", settings=settings)
    assert run.provenance.source == "arrays (60 images)"
    assert (
        hubblefork.train(_images(), "mlp", out="run", settings=settings, resume=True).path
        == run.path
    )
    with pytest.raises(RequestError, match="no unfinished run of arrays"):
        hubblefork.train(_images(), "mlp", resume=True)

    evaluation = hubblefork.evaluate("run", _images())
    assert evaluation.path.name == "evaluation-arrays-60-images"
    assert evaluation.metrics["n"] == 60
    assert hubblefork.inspect(_images()).page.name == "data-arrays-60-images.html"
    packed = hubblefork.pack(_images(), size=16)
    assert hubblefork.train(packed, "mlp", out="again", settings=SETTINGS).finished

    # Prediction applies the transform too, to images in memory and in files.
    images, _ = _images()
    Image.fromarray(images[0]).save("dark.png")
    larger = np.pad(images[:1], [(0, 0), (1, 1), (1, 1), (0, 0)])
    Image.fromarray(larger[0]).save("larger.png")
    table = hubblefork.predict("run", ["dark.png", "larger.png"])
    in_memory = hubblefork.predict("run", [Image.fromarray(images[0]), larger[0]])
    np.testing.assert_allclose(in_memory["dark"], table["dark"], atol=1e-5)

    registered._registered.clear()
    with pytest.raises(RequestError, match="no transform is registered as 'negative'"):
        hubblefork.Predictor.load("run")
