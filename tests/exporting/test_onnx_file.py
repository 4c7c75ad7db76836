"""Exported as ONNX, a model answers as its `Predictor` does, whatever the number of images."""

import io
import json
import logging
import re
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

import hubblefork
from hubblefork.core.errors import RequestError
from hubblefork.data.images.framing import Framing
from hubblefork.data.images.read import read_images
from hubblefork.data.images.transforms import register_transform
from hubblefork.evaluation.calibration import Calibration
from hubblefork.evaluation.conformal import Reference
from hubblefork.evaluation.outliers import fit_outliers
from hubblefork.models.model_card import ModelCard
from hubblefork.models.predictor import Predictor
from hubblefork.models.uncertainty import UP_TO_ROUNDING, Uncertainty
from hubblefork.models.view import View
from hubblefork.networks.registry import create_network, network_names, register_network
from hubblefork.tasks.classes import Classes
from hubblefork.tasks.votes import Votes
from tests.networks.test_inference import trained_like

pytest.importorskip("onnxscript", reason="pip install 'hubblefork[onnx]'")
pytest.importorskip("torch", "2.9", reason="the exporter of older versions fails on views")
onnxruntime = pytest.importorskip("onnxruntime", reason="pip install 'hubblefork[onnx]'")

from hubblefork.exporting.onnx_file import write_onnx  # noqa: E402
from hubblefork.models.onnx_predictor import open_predictor  # noqa: E402


@pytest.fixture(autouse=True, scope="module")
def _no_traces():
    """The exporter of torch logs each of its steps, which pytest would keep."""
    logging.disable(logging.DEBUG)
    yield
    logging.disable(logging.NOTSET)


CLASSES = Classes(("disc", "bar", "ring"))
SMALL = {"width": 2, "blocks": [1, 1]}
# Side of the view, channels, task and more of a view; any other network is seen as LeNet-5.
CASES = {
    "alexnet": (67, 3, CLASSES, {}),
    "compact-resnet": (33, 5, CLASSES, {}),
    "dieleman": (83, 3, Votes(), {}),
    "equivariant-resnet": (32, 1, CLASSES, {"angles": 2, "field_of_view": 0.8}),
    "galaxy-zoo-vgg16": (32, 3, CLASSES, {}),
    "linnaeus": (36, 3, Votes(), {"field_of_view": 0.7}),
    "lenet5": (24, 1, Votes(), {"symmetries": True}),
    "timm:test_efficientnet": (32, 3, CLASSES, {}),
}


def predictor_of(name):
    """A network of random weights, with an uncertainty as after a training."""
    torch.manual_seed(0)
    size, channels, task, more = CASES.get(name, (24, 3, CLASSES, {}))
    options = SMALL if name in ("compact-resnet", "equivariant-resnet") else {}
    network = trained_like(create_network(name, (channels, size, size), task.outputs, options))
    card = ModelCard(
        network=name,
        options=options,
        head=task.default_head,
        input_shape=(channels, size, size),
        task=task,
        framing=Framing(size=size + 9, channels=channels),
        colours=("in colour",),
        view=View(size, (0.5,) * channels, (0.3,) * channels, **more),
        recipe="default",
        source="galaxies",
        versions={"hubblefork": "0.1.0"},
    )
    predictor = Predictor.of(network, card, torch.device("cpu"))
    (_, features), *_ = predictor.compute(images_of(predictor, 16, seed=1))
    outliers = fit_outliers(features[:12])
    known = Uncertainty(
        calibration=Calibration(0.7, 1.2) if task.exclusive else None,
        outliers=outliers,
        distances=Reference.of(outliers.distance(features)),
    )
    return replace(predictor, uncertainty=known)


def images_of(predictor, number, seed=2):
    """Images of noise, each of another brightness and contrast."""
    random = np.random.default_rng(seed)
    low, high = np.sort(random.uniform(0, 255, (2, number, 1, 1, 1)), axis=0)
    return random.uniform(low, high, (number, *predictor.framing.shape)).astype(np.uint8)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The predictor of a network and its file, which is written once: to trace takes seconds."""

    @cache
    def export(name):
        predictor = predictor_of(name)
        return predictor, write_onnx(predictor, tmp_path_factory.mktemp("onnx") / "model.onnx")

    return export


@pytest.mark.parametrize("name", [*network_names(), "timm:test_efficientnet"])
def test_every_network_answers_as_before_for_any_number_of_images(name, exported):
    predictor, path = exported(name)
    opened = open_predictor(path)
    outliers = predictor.uncertainty.outliers
    for number in (1, 3, 20):
        images = images_of(predictor, number)
        ((values, features),) = list(predictor.compute(images))
        assert np.ptp(values, axis=0).max() > 1e-6 or number == 1
        answers, found, typicality = opened.network.run(images)
        np.testing.assert_allclose(answers, values, rtol=0, atol=1e-5)
        np.testing.assert_allclose(found, features, rtol=0, atol=1e-5 * abs(features).max())
        # A distance that agrees up to rounding may have the rank of one beside it.
        distance = outliers.distance(features) * UP_TO_ROUNDING
        ranks = predictor.uncertainty.distances
        assert (typicality >= ranks.p_values(distance * 1.01).astype(np.float32)).all()
        assert (typicality <= ranks.p_values(distance * 0.99).astype(np.float32)).all()


def test_a_file_holds_what_a_model_file_holds_and_nothing_of_this_machine(exported):
    predictor, path = exported("mlp")
    session = onnxruntime.InferenceSession(path)
    assert [each.type for each in session.get_inputs()] == ["tensor(uint8)"]
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["hubblefork"]) == json.loads(json.dumps(predictor.card.to_json()))
    opened = open_predictor(path)
    assert (opened.card, opened.framing) == (predictor.card, predictor.framing)
    images = images_of(predictor, 7)
    np.testing.assert_allclose(
        opened.answer(images).values, predictor.answer(images).values, atol=1e-5
    )
    for name, array in predictor.uncertainty.to_arrays().items():
        np.testing.assert_array_equal(opened.uncertainty.to_arrays()[name], array)
    assert str(Path(hubblefork.__file__).parent.parent).encode() not in path.read_bytes()
    assert list(path.parent.iterdir()) == [path]


def test_without_a_validation_set_there_is_no_typicality(tmp_path):
    predictor = replace(predictor_of("mlp"), uncertainty=Uncertainty())
    opened = open_predictor(write_onnx(predictor, tmp_path / "model.onnx"))
    images = images_of(predictor, 3)
    assert len(opened.network.run(images)) == 2
    assert opened.answer(images).typicality is None
    np.testing.assert_allclose(opened.predict(images), predictor.predict(images), atol=1e-5)


@register_network("of-three-images")
class OfThree(nn.Module):
    """Takes its number of images by `len`, so that it is a constant where it is traced."""

    def __init__(self, input_shape, outputs):
        super().__init__()
        self.last = nn.Linear(int(np.prod(input_shape)), outputs)

    def forward(self, maps):
        return self.last(maps.reshape(len(maps), -1))


@register_network("of-its-values")
class OfItsValues(OfThree):
    """Its path depends on what it is given."""

    def forward(self, maps):
        return self.last(maps.flatten(1) if maps.mean() > 0 else -maps.flatten(1))


def test_a_network_that_onnx_cannot_express_is_refused_by_name(tmp_path):
    path = tmp_path / "model.onnx"
    with pytest.raises(RequestError, match="cannot express the network 'of-its-values': ") as error:
        write_onnx(predictor_of("of-its-values"), path)
    assert "\n" not in str(error.value)
    with pytest.raises(RequestError, match="'of-three-images': it takes only as many"):
        write_onnx(predictor_of("of-three-images"), path)
    assert not list(tmp_path.iterdir())


@register_transform("upside-down")
def upside_down(image):
    return image[::-1].copy()


def test_preprocessing_of_ones_own_is_refused_by_name(tmp_path):
    predictor = predictor_of("mlp")
    framing = replace(predictor.framing, transforms=("upside-down",))
    predictor = replace(predictor, card=replace(predictor.card, framing=framing))
    with pytest.raises(RequestError, match="cannot express the preprocessing 'upside-down'"):
        write_onnx(predictor, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_only_an_earlier_export_is_replaced(exported, tmp_path):
    (predictor, earlier), path = exported("mlp"), tmp_path / "model.onnx"
    path.write_text("mine")
    with pytest.raises(RequestError, match=r"exists already and is not an ONNX file of hubblefork"):
        write_onnx(predictor, path)
    assert path.read_text() == "mine"
    path.write_bytes(earlier.read_bytes())
    path.chmod(0o600)
    assert write_onnx(predictor, path) == path
    assert path.stat().st_mode & 0o777 != 0o600
    with pytest.raises(RequestError, match=r"expected a name ending in \.onnx"):
        write_onnx(predictor, tmp_path / "model.bin")
    with pytest.raises(RequestError, match="is an ONNX file"):
        hubblefork.export(path, out=tmp_path / "again.onnx")


def _images(folder):
    """Files whose pixels every decoder gives: as large as is packed, larger, much larger, grey."""
    random = np.random.default_rng(3)
    for name, shape in {
        "small.png": (33, 33, 3), "wide.webp": (60, 90, 3), "large.tif": (211, 160, 3),
        "grey.png": (50, 40),
    }.items():  # fmt: skip
        pixels = random.integers(0, 256, shape, dtype=np.uint8)
        Image.fromarray(pixels).save(folder / name, lossless=True)
    return sorted(folder.iterdir())


@pytest.mark.parametrize("name", ["mlp", "lenet5"])  # of classes, and of votes
def test_the_script_of_the_documentation_answers_without_torch(name, exported, tmp_path):
    predictor, path = exported(name)
    (tmp_path / "images").mkdir()
    images = _images(tmp_path / "images")
    text = (Path(__file__).parents[2] / "docs" / "export.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    absent = "import sys\nfor name in ('torch', 'hubblefork', 'onnx'): sys.modules[name] = None\n"
    words = [sys.executable, "-c", absent + code, path, *images]
    ran = subprocess.run(words, capture_output=True, text=True)
    assert ran.stderr == ""
    table = pd.read_csv(io.StringIO(ran.stdout))
    assert list(table.columns) == ["image", "highest", *predictor.names, "typicality"]
    assert list(table["image"]) == list(map(str, images))
    pixels = np.stack([each.pixels for each in read_images(images, predictor.framing)])
    expected = predictor.answer(pixels)
    np.testing.assert_allclose(table[list(predictor.names)], expected.values, rtol=0, atol=1e-5)
    np.testing.assert_allclose(table["typicality"], expected.typicality, rtol=0, atol=1e-5)
    highest = [predictor.names[each] for each in expected.values.argmax(axis=1)]
    assert list(table["highest"]) == highest
