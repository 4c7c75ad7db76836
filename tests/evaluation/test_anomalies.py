"""Planted anomalies are ranked first."""

import numpy as np

from hubblefork.evaluation.anomalies import rank_anomalies


def test_planted_outliers_are_ranked_first():
    random = np.random.default_rng(0)
    known = random.normal(size=(500, 16)) * np.linspace(1, 4, 16)
    crowd = random.normal(size=(95, 16)) * np.linspace(1, 4, 16)
    odd = random.normal(size=(5, 16)) + 10
    ids = [f"crowd {place}" for place in range(95)] + [f"odd {place}" for place in range(5)]
    table = rank_anomalies(ids, np.concatenate([crowd, odd]), known)
    assert set(table["id"][:5]) == {f"odd {place}" for place in range(5)}
    assert sorted(table["row"]) == list(range(100))
    assert table["score"].between(0, 1).all()


def test_constant_features_give_finite_scores():
    table = rank_anomalies(["a", "b"], np.zeros((2, 3)), np.zeros((10, 3)))
    assert len(table) == 2
    assert np.isfinite(table["mahalanobis"]).all()
