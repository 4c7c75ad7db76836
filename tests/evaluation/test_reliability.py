import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubblefork.evaluation.class_metrics import measure_classes
from hubblefork.evaluation.reliability import reliability, risk_coverage


def calibrated(number=4000, seed=0):
    """Calibrated probabilities, and classes drawn from them."""
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet((0.4, 0.4, 0.4), number)
    true = (random.random(number)[:, None] > probabilities.cumsum(axis=1)).sum(axis=1)
    return np.minimum(true, 2), probabilities


def test_calibrated_probabilities_lie_on_the_diagonal():
    found = reliability(*calibrated())
    filled = found.counts > 0
    inside = (found.low <= found.confidence) & (found.confidence <= found.high)
    assert inside[filled].mean() > 0.7
    assert found.counts.sum() == 4000


def test_an_overconfident_classifier_lies_below_it():
    true, probabilities = calibrated()
    sharp = probabilities**4
    found = reliability(true, sharp / sharp.sum(axis=1, keepdims=True))
    filled = found.counts > 50
    assert (found.accuracy < found.confidence)[filled].all()


@given(st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_the_gaps_add_up_to_the_calibration_error(number, seed):
    true, probabilities = calibrated(number, seed)
    found = reliability(true, probabilities)
    measured = measure_classes(true, probabilities, ["a", "b", "c"], resamples=1)
    assert found.calibration_error == pytest.approx(measured["expected_calibration_error"])
    assert found.brier == pytest.approx(measured["brier"])


def test_accuracy_increases_with_confidence():
    true, probabilities = calibrated()
    curve = risk_coverage(true, probabilities)
    everything = (probabilities.argmax(axis=1) == true).mean()
    assert curve.accuracy_at(1) == pytest.approx(everything)
    assert curve.accuracy_at(0.2) > curve.accuracy_at(0.6) > curve.accuracy_at(1)


@given(st.integers(0, 2**32 - 1))
def test_the_order_of_equal_confidences_does_not_matter(seed):
    random = np.random.default_rng(seed)
    top = random.choice([0.6, 0.8, 1.0], 30)
    probabilities = np.column_stack([top, 1 - top])
    true = random.integers(2, size=30)
    order = random.permutation(30)
    first, second = (
        risk_coverage(true, probabilities),
        risk_coverage(true[order], probabilities[order]),
    )
    np.testing.assert_allclose(first.accuracy, second.accuracy)
