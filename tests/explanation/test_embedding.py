"""Maps: like images beside one another, the same for the same seed, drawn with thumbnails."""

import importlib.util

import numpy as np
import pytest
from PIL import Image

from hubblefork.core.errors import RequestError
from hubblefork.explanation.embedding import feature_map

NAMES = ("near", "far", "farther")


@pytest.fixture(scope="module")
def crowds():
    random = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 40)
    return random.normal(size=(120, 10)) + 8 * np.eye(3, 10)[labels], labels


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_the_nearest_on_the_map_is_of_the_same_crowd(crowds, method):
    features, labels = crowds
    found = feature_map(features, labels, NAMES, method)
    distance = np.linalg.norm(found.places[:, None] - found.places[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    assert np.mean(labels[distance.argmin(axis=1)] == labels) > 0.95
    assert found.places.min() >= 0
    assert found.places.max() <= 1
    again = feature_map(features, labels, NAMES, method)
    assert (again.places == found.places).all()


def test_of_many_some_are_drawn_and_thumbnails_are_of_these(crowds, tmp_path):
    features, labels = crowds
    found = feature_map(features, labels, NAMES, "pca", most=50)
    assert len(found.rows) == len(found.places) == len(found.labels) == 50
    assert (labels[found.rows] == found.labels).all()
    chosen = found.rows[found.thumbnail_places()]
    assert set(chosen) <= set(found.rows)
    image = np.full((12, 12), 99, np.uint8)
    found.save(tmp_path / "map.png", {int(row): image for row in chosen})
    with Image.open(tmp_path / "map.png") as thumbnail:
        assert thumbnail.size[0] > 1.5 * thumbnail.size[1]
    table = found.table([f"p{number}" for number in range(120)])
    assert table["id"][0] == f"p{found.rows[0]}"


def test_two_hundred_classes_are_drawn(tmp_path):
    features = np.random.default_rng(0).normal(size=(400, 3))
    names = [f"species {number}" for number in range(200)]
    feature_map(features, np.arange(400) % 200, names, "pca").save(tmp_path / "map.png")
    assert (tmp_path / "map.png").stat().st_size > 1000


def test_features_that_are_all_alike_have_a_map():
    found = feature_map(np.zeros((6, 4)), np.zeros(6, int), ("only",), "pca")
    assert np.isfinite(found.places).all()


@pytest.mark.parametrize(
    ("method", "number", "complaint"),
    [("tsna", 10, "did you mean 'tsne'"), ("pca", 3, "4 or more"), ("umap", 10, "umap-learn")],
)
def test_wrong_requests_are_one_line(method, number, complaint):
    if method == "umap" and importlib.util.find_spec("umap"):
        pytest.skip("umap-learn is installed")
    with pytest.raises(RequestError, match=complaint):
        feature_map(np.zeros((number, 3)), np.zeros(number, int), NAMES, method)
