"""Prediction sets have the requested coverage, exactly so on average over calibrations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubblefork.core.errors import RequestError
from hubblefork.evaluation.conformal import Reference, measure_sets, prediction_sets, set_scores


@settings(max_examples=100)
@given(st.integers(1, 60), st.integers(1, 99), st.integers(0, 2**32 - 1))
def test_scores_up_to_the_rank_of_the_textbook_are_within(number, percent, seed):
    random = np.random.default_rng(seed)
    scores = random.integers(0, 20, number).astype(float)  # with ties
    reference = Reference.of(scores)
    coverage, rank = percent / 100, -(-(number + 1) * percent // 100)
    if rank > number:
        with pytest.raises(RequestError, match="validation images"):
            reference.within(scores, coverage)
        return
    asked = np.arange(-1.0, 21)
    within = reference.within(asked, coverage)
    np.testing.assert_array_equal(within, asked <= np.sort(scores)[rank - 1])


def test_the_mean_coverage_over_many_calibrations_is_the_requested_one():
    random = np.random.default_rng(0)
    covered = []
    for _ in range(2000):
        scores = random.random(60)
        covered.append(Reference.of(scores).within(random.random(50), 0.9).mean())
    # 55 of 61 ranks are within.
    assert np.mean(covered) == pytest.approx(55 / 61, abs=0.005)


def test_p_values_count_an_image_with_the_others():
    reference = Reference.of(np.arange(99.0))
    np.testing.assert_allclose(reference.p_values(np.array([[1000.0, 98.0], [0.0, -1.0]])),
                               [[0.01, 0.02], [1, 1]])  # fmt: skip
    assert np.isnan(reference.p_values(np.array([np.nan]))).all()


def test_many_scores_are_thinned_out_and_the_coverage_holds():
    scores = np.random.default_rng(0).random(100_003)
    whole, thin = Reference(np.sort(scores), len(scores)), Reference.of(scores)
    assert len(thin.values) == 4096
    asked = np.linspace(-0.1, 1.1, 5000)
    more = thin.p_values(asked) - whole.p_values(asked)
    assert more.min() >= 0
    assert more.max() < 1 / 4000
    assert thin.p_values(np.array([2.0])) == 1 / (len(scores) + 1)


@pytest.mark.parametrize(
    ("coverage", "needed"), [(0.9, 9), (0.95, 19), (0.99, 99), (0.5, 1), (0.9999, 9999)]
)
def test_too_few_images_are_refused_with_the_number_that_is_needed(coverage, needed):
    Reference.of(np.arange(float(needed))).check(coverage)
    if needed > 1:
        with pytest.raises(RequestError, match=f"needs {needed:,} or more validation images"):
            Reference.of(np.arange(needed - 1.0)).check(coverage)


@pytest.mark.parametrize("coverage", [0.0, 1.0, -0.5, 95.0, float("nan")])
def test_a_coverage_that_is_no_fraction_is_refused(coverage):
    with pytest.raises(RequestError, match="above 0 and below 1"):
        Reference.of(np.arange(50.0)).check(coverage)


def test_sets_are_never_empty_and_grow_with_the_coverage():
    random = np.random.default_rng(0)
    probabilities = random.dirichlet(np.full(5, 0.5), 500)
    true = (probabilities.cumsum(axis=1) < random.random((500, 1))).sum(axis=1).clip(max=4)
    reference = Reference.of(set_scores(probabilities)[np.arange(500), true])
    sizes = []
    for coverage in (0.1, 0.5, 0.9, 0.99):
        sets = prediction_sets(reference, probabilities, coverage)
        assert sets[np.arange(500), probabilities.argmax(axis=1)].all()
        assert sets[np.arange(500), true].mean() >= coverage
        sizes.append(sets.sum(axis=1).mean())
    assert sizes == sorted(sizes)
    names = list("abcde")
    measured = measure_sets(reference, probabilities, true, names)
    assert list(measured) == ["0.9", "0.95", "0.99"]
    low, high = measured["0.9"]["interval"]
    assert low < measured["0.9"]["coverage"] < high
    assert measure_sets(Reference.of(np.arange(20.0)), probabilities, true, names).keys() == {
        "0.9",
        "0.95",
    }


def test_the_coverage_of_classes_adds_up_to_that_of_all():
    random = np.random.default_rng(0)
    probabilities = random.dirichlet(np.full(3, 0.5), 300)
    true = random.integers(2, size=300)
    reference = Reference.of(random.random(200))
    measured = measure_sets(reference, probabilities, true, ["a", "b", "never"], [0.9])["0.9"]
    of_classes = [measured["per_class"][name]["coverage"] for name in ("a", "b")]
    fraction = (true == 0).mean()
    assert np.dot(of_classes, (fraction, 1 - fraction)) == pytest.approx(measured["coverage"])
    assert measured["per_class"]["never"] == {"coverage": None, "interval": None}
    low, high = measured["per_class"]["a"]["interval"]
    assert low < of_classes[0] < high
