"""Features of any layer: one row per image, the same for every orientation of an image."""

from dataclasses import replace

import numpy as np
import pytest

from hubblefork.core.errors import RequestError
from hubblefork.evaluation.anomalies import rank_anomalies
from hubblefork.explanation.features import answers_and_features, compute_features
from hubblefork.explanation.neighbours import nearest_neighbours


@pytest.fixture(scope="module")
def images(cue):
    random = np.random.default_rng(7)
    return np.stack([cue(random, upright=bool(number % 2))[0] for number in range(30)])


@pytest.fixture
def turning(bars):
    """The same network, whose answers are averaged over the eight symmetries."""
    view = replace(bars.card.view, symmetries=True)
    return replace(bars, card=replace(bars.card, view=view))


def test_rows_choose_images_and_batches_do_not_matter(bars, images, monkeypatch):
    everything = compute_features(bars, images, layer="stages.1")
    monkeypatch.setattr("hubblefork.explanation.features.images_at_once", lambda side: 7)
    some = compute_features(bars, images, np.arange(20, 2, -1), layer="stages.1")
    np.testing.assert_allclose(some, everything[np.arange(20, 2, -1)], atol=1e-4)


def test_a_rotated_image_is_its_own_nearest_neighbour(turning, images):
    known = compute_features(turning, images, single_view=True)
    rotated = np.rot90(images, axes=(1, 2)).copy()
    ((answers, sides),) = answers_and_features(turning, rotated)
    np.testing.assert_allclose(answers, turning.predict(rotated), atol=1e-5)
    np.testing.assert_allclose(
        sides.mean(axis=1), compute_features(turning, images), rtol=1e-3, atol=1e-4
    )
    found = nearest_neighbours(sides, known, k=3)
    assert found.rows[:, 0].tolist() == list(range(30))
    np.testing.assert_allclose(found.similarity[:, 0], 1, atol=1e-4)


@pytest.mark.parametrize(
    ("layer", "complaint"), [("stages.9", "no layer 'stages.9'"), ("stage.1", "did you mean")]
)
def test_a_layer_that_is_not_there_is_one_line(bars, images, layer, complaint):
    with pytest.raises(RequestError, match=complaint):
        compute_features(bars, images, layer=layer)


def test_images_of_another_kind_are_ranked_first_among_the_like(bars, cue):
    random = np.random.default_rng(9)
    known = np.stack([cue(random, upright=bool(number % 2))[0] for number in range(100)])
    like = np.stack([cue(random, upright=bool(number % 2))[0] for number in range(40)])
    ring = np.hypot(*(np.mgrid[:40, :40] - 19.5))
    odd = np.stack([
        np.full((40, 40, 3), 255, np.uint8),
        np.where(abs(ring - 12)[..., None] < 3, 250, like[0]).astype(np.uint8),
        255 - like[1],
    ])  # fmt: skip
    features = compute_features(bars, np.concatenate([like, odd]))
    table = rank_anomalies(range(43), features, compute_features(bars, known))
    assert {40, 41, 42} <= set(table["row"][:6])
