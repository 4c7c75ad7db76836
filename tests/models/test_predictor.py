"""Predictors give probabilities, average over symmetries, and refuse what does not fit."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from hubblefork.core.errors import RequestError
from hubblefork.data.images.framing import Framing, frame
from hubblefork.models.model_card import ModelCard
from hubblefork.models.model_file import save_model
from hubblefork.models.predictor import Predictor
from hubblefork.models.view import View
from hubblefork.runs.run import Run
from hubblefork.sky.decision_tree import GALAXY_ZOO_2
from hubblefork.tasks.classes import Classes
from hubblefork.tasks.predictions import Predictions
from hubblefork.tasks.votes import Votes

CARD = ModelCard(
    network="compact-resnet",
    options={"width": 8, "blocks": [1, 1]},
    head="softmax",
    input_shape=(3, 24, 24),
    task=Classes(("a", "b", "c")),
    framing=Framing(size=24),
    colours=("in colour",),
    view=View(size=24, mean=(0.5,) * 3, std=(0.2,) * 3, symmetries=True),
    recipe="default",
    source="test",
    versions={},
)
IMAGES = np.random.default_rng(0).integers(0, 256, (300, 24, 24, 3), dtype=np.uint8)


@pytest.fixture
def predictor(tmp_path) -> Predictor:
    torch.manual_seed(0)
    network = CARD.create_network()
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(layer.weight)  # so that the blocks do something
    save_model(tmp_path / "model.safetensors", network, CARD)
    return Predictor.load(tmp_path / "model.safetensors", "cpu")


def test_probabilities_sum_to_one_and_keep_the_order_of_the_rows(predictor):
    everything = predictor.predict(IMAGES)
    assert everything.shape == (300, 3)
    np.testing.assert_allclose(everything.sum(axis=1), 1, atol=1e-5)
    rows = [299, 5, 5, 0]
    np.testing.assert_allclose(predictor.predict(IMAGES, rows), everything[rows], atol=1e-6)
    assert predictor.predict(IMAGES, []).shape == (0, 3)


def test_a_rotated_or_flipped_image_gets_the_same_averaged_answer(predictor):
    straight = predictor.predict(IMAGES[:8])
    for rotated in (np.rot90(IMAGES[:8], axes=(1, 2)), IMAGES[:8, :, ::-1]):
        np.testing.assert_allclose(predictor.predict(rotated.copy()), straight, atol=1e-5)
    assert not np.allclose(predictor.single_view().predict(IMAGES[:8]), straight, atol=1e-5)


@pytest.mark.parametrize(("side", "field", "size"), [
    (80, 0.8, 64), (81, 0.8, 64), (80, 0.79, 64), (57, 0.7, 32), (33, 1.0, 24), (24, 1.0, 33),
])  # fmt: skip
def test_a_rotation_changes_nothing_however_the_view_is_cut(predictor, side, field, size):
    view = replace(CARD.view, field_of_view=field, size=size)
    model = replace(predictor, card=replace(CARD, view=view), framing=Framing(size=side))
    images = np.random.default_rng(1).integers(0, 256, (4, side, side, 3), dtype=np.uint8)
    straight = model.predict(images)
    for rotated in (np.rot90(images, axes=(1, 2)), images[:, ::-1]):
        np.testing.assert_allclose(model.predict(rotated.copy()), straight, atol=1e-5)


def test_fractions_of_votes_follow_the_tree_averaged_or_not(tmp_path):
    card = replace(CARD, task=Votes(), head="tree")
    save_model(tmp_path / "model.safetensors", card.create_network(), card)
    predictor = Predictor.load(tmp_path / "model.safetensors", "cpu")
    fractions = predictor.predict(IMAGES[:20])
    assert fractions.dtype == np.float32
    assert not GALAXY_ZOO_2.check(fractions, tolerance=1e-5).any()
    ids = np.array([f"g{k}" for k in range(20)], dtype=object)
    table = Predictions(predictor.task, ids, fractions, fractions).table()
    assert list(table)[:38] == ["id", *predictor.names] == ["id", *GALAXY_ZOO_2.columns]
    assert list(table)[38:] == [f"true_{column}" for column in GALAXY_ZOO_2.columns]


@pytest.mark.parametrize(
    "images",
    [
        IMAGES.astype(np.float32), IMAGES[None], [IMAGES[:2]], [IMAGES[0].astype(float)],
        "image.png", ["image.png"], 3, [None], IMAGES[0, 0, 0], {"images": IMAGES},
    ],
)  # fmt: skip
def test_other_shapes_and_types_are_refused_by_one_line(predictor, images):
    with pytest.raises(RequestError, match="expected images as uint8 of shape") as error:
        predictor.predict(images)
    assert "\n" not in str(error.value)


def test_an_image_may_be_an_array_or_one_of_pillow_or_one_of_a_list(predictor):
    expected = predictor.predict(IMAGES[:3])
    assert predictor.predict(IMAGES[0]).shape == (1, 3)
    pillow = [Image.fromarray(each) for each in IMAGES[:3]]
    for images in (list(IMAGES[:3]), tuple(pillow), [pillow[0], *IMAGES[1:3]]):
        np.testing.assert_array_equal(predictor.predict(images), expected)
    np.testing.assert_array_equal(predictor.predict(pillow[0]), predictor.predict(IMAGES[0]))
    assert predictor.predict([]).shape == (0, 3)
    assert predictor.answer(pillow, rows=[2, 0]).values.shape == (2, 3)


def test_what_is_masked_is_black(predictor):
    images = np.full((2, *predictor.framing.shape), 200, np.uint8)
    masked = np.ma.masked_array(images, mask=np.zeros_like(images, bool))
    images[:, :8] = 0
    masked[:, :8] = np.ma.masked
    expected = predictor.predict(images)
    for given in (masked, list(masked)):
        np.testing.assert_allclose(predictor.predict(given), expected, rtol=0, atol=1e-6)


def test_an_image_of_another_size_is_framed_as_the_model_file_says(predictor):
    model = replace(predictor, framing=Framing(crop=30, size=24))
    large = np.random.default_rng(2).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    expected = model.predict(frame(large, model.framing))  # of the packed size already
    packed = Image.fromarray(frame(large, model.framing))
    np.testing.assert_array_equal(model.predict(packed), expected)
    for images in (large, large[None], Image.fromarray(large), [large]):
        np.testing.assert_array_equal(model.predict(images), expected)


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (IMAGES[0, ..., :1], "image 0 cannot be predicted: it is grey, where it should be in col"),
        (IMAGES[0, ..., 0], "it is grey"),
        (Image.new("L", (24, 24)), "it is grey"),
        (Image.new("F", (24, 24)), "32-bit or signed numbers"),
        (np.zeros((24, 24, 5), np.uint8), "5 bands, where 3 are expected"),
        (np.zeros((20, 40, 3), np.uint8), "40x20 pixels, smaller than the crop of 30"),
    ],
)
def test_an_image_that_does_not_fit_is_refused_with_the_reason(predictor, image, reason):
    model = replace(predictor, framing=Framing(crop=30 if "crop" in reason else None, size=24))
    for images in (image, [image]):
        with pytest.raises(RequestError, match=reason):
            model.predict(images)


def test_a_run_is_a_place_of_a_model_too(predictor, tmp_path):
    for run in (tmp_path, str(tmp_path), Run(tmp_path)):
        loaded = Predictor.load(run, "cpu")
        np.testing.assert_array_equal(loaded.predict(IMAGES[:2]), predictor.predict(IMAGES[:2]))
    with pytest.raises(RequestError, match="run is 3; expected a run, a run folder"):
        Predictor.load(3)
    assert repr(predictor) == "<Predictor: compact-resnet, 24x24x3 pixels to 3 classes, cpu>"


def test_a_place_without_a_model_is_refused(tmp_path):
    with pytest.raises(RequestError, match="no run folder or model file"):
        Predictor.load(tmp_path / "nowhere")
    with pytest.raises(RequestError, match=r"has no model\.safetensors"):
        Predictor.load(tmp_path)
