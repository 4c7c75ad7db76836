import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubblefork.evaluation.intervals import bootstrap, interval, newcombe_interval, wilson_interval


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
    assert 0 <= low <= successes / trials <= high <= 1
    assert low < high


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        # Altman, Machin, Bryant & Gardner 2000, "Statistics with Confidence", table 6.2.
        ((14, 5, 0, 22), (0.011, 0.226)),
        # Fagerland, Lydersen & Laake 2014, airway hyper-responsiveness of Bentur et al. 2009.
        ((1, 1, 7, 12), (-0.507, -0.026)),
    ],
)
def test_newcombe_interval_has_its_published_values(table, expected):
    low, high = newcombe_interval(*table)  # of the second minus the first
    assert (-high, -low) == pytest.approx(expected, abs=6e-4)


@given(st.lists(st.integers(0, 500), min_size=4, max_size=4).filter(any))
def test_newcombe_interval_holds_the_difference_and_has_a_width(table):
    _, first, second, _ = table
    low, high = newcombe_interval(*table)
    assert low < high
    assert low - 1e-9 <= (second - first) / sum(table) <= high + 1e-9
