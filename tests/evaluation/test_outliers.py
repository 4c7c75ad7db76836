"""Distances are Mahalanobis' where all directions are known, and finite where few are."""

import numpy as np

from hubblefork.evaluation.outliers import fit_outliers


def test_with_all_directions_the_distance_is_that_of_the_covariance():
    random = np.random.default_rng(0)
    features = random.normal(size=(2000, 6)) @ random.normal(size=(6, 6)) + 3
    asked = random.normal(size=(50, 6)) * 5
    offset = asked - features.mean(axis=0)
    inverse = np.linalg.inv(np.cov(features.T))
    expected = np.einsum("nd,de,ne->n", offset, inverse, offset)
    np.testing.assert_allclose(fit_outliers(features).distance(asked), expected, rtol=1e-4)


def test_what_leaves_the_directions_of_the_training_images_is_far_out():
    random = np.random.default_rng(0)
    basis = np.linalg.qr(random.normal(size=(500, 500)))[0]
    scatter = np.r_[np.full(20, 3.0), np.full(480, 0.1)]
    draw = lambda number: (random.normal(size=(number, 500)) * scatter) @ basis.T  # noqa: E731
    fitted = fit_outliers(draw(2000).astype(np.float32))
    assert fitted.directions.shape == (32, 500)
    usual = fitted.distance(draw(500))
    beside = fitted.distance(draw(500) + 0.5 * basis[:, 300:310].sum(axis=1))
    assert np.median(beside) > np.quantile(usual, 0.99)


def test_few_images_and_constant_features_give_finite_distances():
    for features in (
        np.zeros((2, 40), np.float32),
        np.ones((30, 1), np.float32),
        np.random.default_rng(0).normal(size=(3, 40)).astype(np.float32),
        np.c_[np.random.default_rng(0).normal(size=(50, 2)), np.zeros(50)].astype(np.float32),
    ):
        fitted = fit_outliers(features)
        distances = fitted.distance(np.r_[features, features + 1])
        assert np.isfinite(distances).all()
        assert (distances >= 0).all()
