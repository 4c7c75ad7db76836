"""Embeddings: similar images together, the same for the same seed."""

import importlib.util

import numpy as np
import pytest

from hubblefork.core.errors import RequestError
from hubblefork.explanation.embedding import embedding

NAMES = ("near", "far", "farther")


@pytest.fixture(scope="module")
def groups():
    random = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 40)
    return random.normal(size=(120, 10)) + 8 * np.eye(3, 10)[labels], labels


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_the_nearest_position_is_of_the_same_group(groups, method):
    features, labels = groups
    found = embedding(features, labels, NAMES, method)
    distance = np.linalg.norm(found.positions[:, None] - found.positions[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    assert np.mean(labels[distance.argmin(axis=1)] == labels) > 0.95
    assert found.positions.min() >= 0
    assert found.positions.max() <= 1
    again = embedding(features, labels, NAMES, method)
    assert (again.positions == found.positions).all()


def test_of_many_a_sample_is_drawn_and_representatives_are_of_it(groups):
    features, labels = groups
    found = embedding(features, labels, NAMES, "pca", most=50)
    assert len(found.rows) == len(found.positions) == len(found.labels) == 50
    assert (labels[found.rows] == found.labels).all()
    chosen = found.rows[found.representatives()]
    assert set(chosen) <= set(found.rows)
    table = found.table([f"p{number}" for number in range(120)])
    assert table["id"][0] == f"p{found.rows[0]}"


def test_features_that_are_all_equal_have_an_embedding():
    found = embedding(np.zeros((6, 4)), np.zeros(6, int), ("only",), "pca")
    assert np.isfinite(found.positions).all()


@pytest.mark.parametrize(
    ("method", "number", "complaint"),
    [("tsna", 10, "did you mean 'tsne'"), ("pca", 3, "4 or more"), ("umap", 10, "umap-learn")],
)
def test_wrong_requests_are_one_line(method, number, complaint):
    if method == "umap" and importlib.util.find_spec("umap"):
        pytest.skip("umap-learn is installed")
    with pytest.raises(RequestError, match=complaint):
        embedding(np.zeros((number, 3)), np.zeros(number, int), NAMES, method)
