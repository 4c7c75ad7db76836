"""Probabilities that are too sure, or not sure enough, are put right without changing an answer."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubblefork.evaluation.temperature import fit_temperature, with_temperature


def honest(number: int, classes: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities, and classes drawn with them."""
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.full(classes, 0.3), number)
    draws = random.random((number, 1))
    true = (probabilities.cumsum(axis=1) < draws).sum(axis=1)
    return probabilities, np.minimum(true, classes - 1)


@pytest.mark.parametrize("temperature", [0.3, 0.7, 1.0, 2.5])
def test_the_temperature_that_spoilt_probabilities_is_found(temperature):
    probabilities, true = honest(8000)
    spoilt = with_temperature(probabilities, 1 / temperature)
    assert fit_temperature(spoilt, true) == pytest.approx(temperature, rel=0.06)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.05, 20))
def test_rows_sum_to_one_and_keep_their_order(seed, temperature):
    probabilities, _ = honest(20, seed=seed)
    changed = with_temperature(probabilities, temperature)
    np.testing.assert_allclose(changed.sum(axis=1), 1)
    rows = np.arange(len(changed))
    likeliest = probabilities.argmax(axis=1)
    np.testing.assert_array_equal(changed[rows, likeliest], changed.max(axis=1))
    if 0.5 < temperature < 10:
        again = with_temperature(changed, 1 / temperature)
        likely = probabilities > 0.01
        np.testing.assert_allclose(again[likely], probabilities[likely], rtol=1e-6)


def test_certain_mistakes_and_certain_answers_give_a_finite_temperature():
    certain = np.eye(3)[[0, 1, 2, 0]]
    assert 1 < fit_temperature(certain, np.array([0, 1, 2, 1])) <= 20
    assert 0.05 <= fit_temperature(certain, np.array([0, 1, 2, 0])) <= 1.01


def test_a_few_right_answers_are_no_reason_to_be_certain():
    probabilities = np.tile([0.7, 0.3], (8, 1))
    temperature = fit_temperature(probabilities, np.zeros(8, int))
    assert 0.7 < with_temperature(probabilities, temperature).max() < 0.97
