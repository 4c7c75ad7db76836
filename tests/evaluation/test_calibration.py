"""Overconfident and underconfident probabilities are corrected; no predicted class changes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubblefork.evaluation.calibration import Calibration, fit_calibration


def calibrated(number: int, classes: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities, and classes drawn with them."""
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.full(classes, 0.3), number)
    draws = random.random((number, 1))
    true = (probabilities.cumsum(axis=1) < draws).sum(axis=1)
    return probabilities, np.minimum(true, classes - 1)


@pytest.mark.parametrize("exponent", [0.7, 1.0, 1.6])
@pytest.mark.parametrize("temperature", [0.3, 0.7, 1.0, 2.5])
def test_the_inverse_of_the_distortion_is_found(temperature, exponent):
    probabilities, true = calibrated(8000)
    distorted = Calibration(temperature, exponent).inverse.applied(probabilities)
    found = fit_calibration(distorted, true)
    assert found.temperature == pytest.approx(temperature, rel=0.12)
    assert found.exponent == pytest.approx(exponent, rel=0.06)


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1), st.floats(0.05, 20), st.floats(0.25, 4))
def test_rows_sum_to_one_and_keep_their_order(seed, temperature, exponent):
    probabilities, _ = calibrated(20, seed=seed)
    changed = Calibration(temperature, exponent).applied(probabilities)
    np.testing.assert_allclose(changed.sum(axis=1), 1)
    order = probabilities.argsort(axis=1)
    assert (np.diff(np.take_along_axis(changed, order, axis=1), axis=1) >= 0).all()


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1), st.floats(0.5, 10), st.floats(0.5, 1.5))
def test_the_inverse_reverses_it(seed, temperature, exponent):
    probabilities, _ = calibrated(20, seed=seed)
    calibration = Calibration(temperature, exponent)
    again = calibration.inverse.applied(calibration.applied(probabilities))
    likely = probabilities > 0.01
    # What became smaller than the smallest float32 returns as a few millionths.
    np.testing.assert_allclose(again[likely], probabilities[likely], rtol=2e-5)


def test_certain_errors_and_certain_predictions_give_finite_numbers():
    certain = np.eye(3)[[0, 1, 2, 0]]
    for true in ([0, 1, 2, 1], [0, 1, 2, 0]):
        found = fit_calibration(certain, np.array(true))
        assert np.isfinite(found.applied(certain)).all()
        assert 0.05 <= found.temperature <= 20
        assert 0.25 <= found.exponent <= 4
    assert fit_calibration(certain, np.array([0, 1, 2, 1])).applied(certain).max() < 0.999


def test_a_few_correct_predictions_do_not_give_certainty():
    probabilities = np.tile([0.7, 0.3], (8, 1))
    found = fit_calibration(probabilities, np.zeros(8, int))
    assert 0.7 < found.applied(probabilities).max() < 0.97
