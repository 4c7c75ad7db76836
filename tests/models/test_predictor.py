"""Predictors give probabilities, average over symmetries, and refuse what does not fit."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hubblefork.core.errors import RequestError
from hubblefork.data.images.framing import Framing
from hubblefork.models.model_file import ModelCard, save_model
from hubblefork.models.predictor import Predictor
from hubblefork.models.view import View
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


def test_a_turned_or_mirrored_image_gets_the_same_averaged_answer(predictor):
    straight = predictor.predict(IMAGES[:8])
    for turned in (np.rot90(IMAGES[:8], axes=(1, 2)), IMAGES[:8, :, ::-1]):
        np.testing.assert_allclose(predictor.predict(turned.copy()), straight, atol=1e-5)
    single = replace(predictor, card=replace(CARD, view=replace(CARD.view, symmetries=False)))
    assert not np.allclose(single.predict(IMAGES[:8]), straight, atol=1e-5)


@pytest.mark.parametrize(("side", "field", "size"), [
    (80, 0.8, 64), (81, 0.8, 64), (80, 0.79, 64), (57, 0.7, 32), (33, 1.0, 24), (24, 1.0, 33),
])  # fmt: skip
def test_a_turn_changes_nothing_however_the_view_is_cut(predictor, side, field, size):
    view = replace(CARD.view, field_of_view=field, size=size)
    model = replace(predictor, card=replace(CARD, view=view))
    images = np.random.default_rng(1).integers(0, 256, (4, side, side, 3), dtype=np.uint8)
    straight = model.predict(images)
    for turned in (np.rot90(images, axes=(1, 2)), images[:, ::-1]):
        np.testing.assert_allclose(model.predict(turned.copy()), straight, atol=1e-5)


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
    [IMAGES[0], IMAGES.astype(np.float32), IMAGES[..., :1], IMAGES[:, :, :12]],
)
def test_other_shapes_and_types_are_refused(predictor, images):
    with pytest.raises(RequestError, match="this model takes"):
        predictor.predict(images)


def test_a_place_without_a_model_is_refused(tmp_path):
    with pytest.raises(RequestError, match="no run folder or model file"):
        Predictor.load(tmp_path / "nowhere")
    with pytest.raises(RequestError, match=r"has no model\.safetensors"):
        Predictor.load(tmp_path)
