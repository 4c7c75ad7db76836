import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubblefork.evaluation.intervals import bootstrap, interval, wilson_interval


def test_bootstrap_spreads_a_mean_by_its_standard_error():
    values = np.random.default_rng(0).normal(size=400)
    drawn = bootstrap(lambda picks: {"mean": values[picks].mean()}, number=400, resamples=4000)
    assert drawn["mean"].std() == pytest.approx(values.std() / 20, rel=0.05)


def test_interval_excludes_a_fortieth_at_each_end():
    assert interval(np.arange(1001)) == [25, 975]


@pytest.mark.parametrize(
    # Computed with the formula of Wilson 1927 as statistics handbooks tabulate it.
    ("successes", "trials", "expected"),
    [(5, 10, (0.2366, 0.7634)), (0, 10, (0.0, 0.2775)), (10, 10, (0.7225, 1.0))],
)
def test_wilson_interval_has_its_known_values(successes, trials, expected):
    assert wilson_interval(successes, trials) == pytest.approx(expected, abs=5e-5)


def test_wilson_interval_of_nothing_is_none():
    assert wilson_interval(0, 0) is None


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_wilson_interval_contains_the_fraction_and_stays_within_0_and_1(trials, fraction):
    successes = round(fraction * trials)
    low, high = wilson_interval(successes, trials)
    assert 0 <= low <= successes / trials + 1e-12
    assert successes / trials - 1e-12 <= high <= 1
