"""Which images are chosen: as by hand, and as by scikit-activeml."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression

from hubblefork.workbench import selection
from hubblefork.workbench.last_layer import LastLayer, standardised
from hubblefork.workbench.selection import typical_images, undecided_images


@pytest.fixture
def groups() -> np.ndarray:
    """Four groups of 40, 30, 20 and 10 points on a plane, in this order."""
    random = np.random.default_rng(3)
    centres = np.repeat([[0, 0], [20, 0], [0, 20], [20, 20]], [40, 30, 20, 10], axis=0)
    return centres + random.normal(size=centres.shape)


def test_one_typical_image_of_each_cluster_the_largest_first(groups):
    known = np.zeros(100, bool)
    rows = typical_images(groups, known, 4, np.random.default_rng(0))
    assert np.searchsorted([40, 70, 90], rows, side="right").tolist() == [0, 1, 2, 3]
    for row, group in zip(rows, np.split(np.arange(100), [40, 70, 90]), strict=True):
        distances = np.linalg.norm(groups[group][:, None] - groups[group], axis=2)
        nearest = np.sort(distances, axis=1)[:, 1:21].mean(axis=1)
        assert row == group[nearest.argmin()]


def test_clusters_with_a_known_image_come_last(groups):
    known = np.zeros(100, bool)
    known[[3, 45]] = True
    rows = typical_images(groups, known, 2, np.random.default_rng(0))
    assert np.searchsorted([40, 70, 90], rows, side="right").tolist() == [2, 3]


def test_no_known_image_is_chosen_and_none_twice(groups):
    known = np.ones(100, bool)
    free = [2, 50, 51, 75, 99]
    known[free] = False
    for number in (3, 5, 8):
        chosen = typical_images(groups, known, number, np.random.default_rng(0)).tolist()
        assert len(set(chosen)) == len(chosen) == min(number, 5)
        assert set(chosen) <= set(free)


def test_of_very_many_images_a_sample_is_searched(groups, monkeypatch):
    monkeypatch.setattr(selection, "_MOST_IMAGES", 50)
    known = np.zeros(100, bool)
    known[:10] = True
    rows = typical_images(groups, known, 5, np.random.default_rng(0))
    assert len(set(rows.tolist())) == 5
    assert not known[rows].any()


def test_typical_images_are_those_of_scikit_activeml(groups, monkeypatch):
    pool = pytest.importorskip("skactiveml.pool", reason="scikit-activeml is not installed")
    same = {"n_init": 5, "random_state": 0}
    monkeypatch.setattr(selection, "MiniBatchKMeans", lambda number, **_: KMeans(number, **same))
    labels = np.full(100, np.nan)
    labels[[3, 45]] = 0
    query = pool.TypiClust(random_state=0, cluster_algo_dict=same, k=20)
    expected = query.query(groups, labels, batch_size=4)
    rows = typical_images(groups, ~np.isnan(labels), 4, np.random.default_rng(0))
    assert rows.tolist() == expected.tolist()


def test_undecided_images_are_those_of_scikit_activeml():
    pool = pytest.importorskip("skactiveml.pool", reason="scikit-activeml is not installed")
    probabilities = np.random.default_rng(0).dirichlet(np.ones(4), 200)
    utilities = pool.uncertainty_scores(probabilities, method="margin_sampling")
    rows = undecided_images(probabilities, np.zeros(200, bool), 30)
    assert rows.tolist() == np.argsort(-utilities, kind="stable")[:30].tolist()


@pytest.mark.parametrize("classes", [[0, 2], [0, 1, 2, 3]])
def test_the_last_layer_gives_the_probabilities_of_its_logistic_regression(classes):
    random = np.random.default_rng(0)
    labels = np.repeat(classes, 20)
    features = random.normal(size=(len(labels), 5)) * 9 + 4
    features[:, 0] += 9 * labels
    features[:, 4] = 7  # is the same of all
    features = standardised(features)
    assert features[:, 4].tolist() == [0] * len(labels)
    found = LastLayer.fit(features, labels, 4).probabilities(features)
    reference = LogisticRegression(C=0.3, max_iter=1000).fit(features, labels)
    expected = np.zeros((len(labels), 4))
    expected[:, classes] = reference.predict_proba(features)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_one_class_teaches_nothing():
    assert LastLayer.fit(np.zeros((3, 2), np.float32), np.array([1, 1, 1]), 3) is None
