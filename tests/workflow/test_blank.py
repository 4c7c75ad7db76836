"""Every verb that reads images says so where most of them are blank."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hubblefork.data.packing import pack
from hubblefork.data.sources import open_source
from hubblefork.workflow.evaluate import evaluate
from hubblefork.workflow.predict import predict
from hubblefork.workflow.train import train

pytestmark = pytest.mark.usefixtures("without_reports")

SAID = "blank, or almost, of "


def sky(folder: Path, blank: int) -> Path:
    """Two classes of twelve images; this many of each have hardly any contrast."""
    random = np.random.default_rng(0)
    for label in ("disc", "round"):
        (folder / label).mkdir(parents=True)
        for number in range(12):
            contrast = 2 if number < blank else 99
            pixels = random.integers(90, 90 + contrast, (16, 16, 3), np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{number}.png")
    return folder


def test_train_evaluate_and_predict_say_that_most_images_are_blank(tmp_path, capsys):
    given = sky(tmp_path / "sky", blank=8)
    settings = {"epochs": 1, "split.test": 0.2}
    out = tmp_path / "run"
    run = train(given, "mlp", size=16, device="cpu", settings=settings, out=out)
    said = f"16\xa0images are {SAID}24"
    assert capsys.readouterr().err.count(said) == 1
    evaluate(run, out=tmp_path / "own")
    assert capsys.readouterr().err.count(said) == 1
    evaluate(run, given, out=tmp_path / "all")
    assert capsys.readouterr().err.count(said) == 1
    predict(run, given)
    assert capsys.readouterr().err.count(said) == 1
    images = [Image.open(given / "disc" / f"{number}.png") for number in range(12)]
    for some in (images, np.stack([np.asarray(image) for image in images])):
        predict(run, some)
        assert f"8\xa0images are {SAID}12" in capsys.readouterr().err
    predict(run, images[8:])
    assert SAID not in capsys.readouterr().err


@pytest.mark.parametrize("blank", [0, 6])
def test_a_few_blank_images_are_usual(tmp_path, capsys, blank):
    dataset = pack(open_source(sky(tmp_path / "sky", blank)))
    assert dataset.blank == 2 * blank
    assert SAID not in capsys.readouterr().err
