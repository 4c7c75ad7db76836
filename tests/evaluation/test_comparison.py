import numpy as np
import pytest
from scipy.stats import binom

from hubblefork.core.errors import RequestError
from hubblefork.evaluation.comparison import compare_classes, compare_votes, mcnemar
from hubblefork.sky.decision_tree import GALAXY_ZOO_2

NAMES = ("disc", "arm", "bar")


def answers(true, fraction_right, seed):
    """Probabilities (N, 3) whose largest is that of the true class for a fraction of the images."""
    random = np.random.default_rng(seed)
    right = random.random(len(true)) < fraction_right
    predicted = np.where(right, true, (true + 1) % 3)
    probabilities = np.full((len(true), 3), 0.1)
    probabilities[np.arange(len(true)), predicted] = 0.8
    return probabilities


TRUE = np.random.default_rng(0).integers(3, size=2000)


def test_a_better_classifier_is_significantly_better():
    found = compare_classes(TRUE, answers(TRUE, 0.8, 1), answers(TRUE, 0.9, 2), NAMES)
    assert found["accuracy"].value == pytest.approx(0.1, abs=0.03)
    assert found["accuracy"].low < found["accuracy"].value < found["accuracy"].high
    assert found["accuracy"].certain
    assert found["log_loss"].high < 0


def test_two_equally_good_classifiers_do_not_differ():
    found = compare_classes(TRUE, answers(TRUE, 0.8, 1), answers(TRUE, 0.8, 2), NAMES)
    assert not found["accuracy"].certain


def test_a_classifier_does_not_differ_from_itself():
    same = answers(TRUE, 0.8, 1)
    for difference in compare_classes(TRUE, same, same, NAMES, resamples=20).values():
        assert difference.low < difference.value == 0 < difference.high
        assert difference.high < 0.1


def test_pairing_makes_the_interval_narrower_than_either_figure():
    first = answers(TRUE, 0.8, 1)
    second = first.copy()
    corrected = np.flatnonzero(first.argmax(axis=1) != TRUE)[:40]
    second[corrected] = np.eye(3)[TRUE[corrected]]
    found = compare_classes(TRUE, first, second, NAMES)["accuracy"]
    assert found.value == pytest.approx(0.02)
    assert found.certain
    assert found.high - found.low < 0.015


def test_the_interval_has_a_coverage_of_95_percent():
    covered = []
    for seed in range(60):
        true = np.random.default_rng(seed).integers(3, size=300)
        first, second = answers(true, 0.7, 100 + seed), answers(true, 0.8, 200 + seed)
        found = compare_classes(true, first, second, NAMES, resamples=200)["accuracy"]
        covered.append(found.low <= 0.1 <= found.high)
    # With a true coverage of 95 %, a lower number of 60 has a probability of 1e-4.
    assert sum(covered) >= binom.ppf(1e-4, 60, 0.95)


def test_mcnemar_counts_images_that_only_one_has_right():
    first = np.array([True] * 12 + [False] * 2 + [True] * 50)
    second = np.array([False] * 12 + [True] * 2 + [True] * 50)
    test = mcnemar(first, second)
    assert (test.only_first, test.only_second) == (12, 2)
    assert test.p_value == pytest.approx(2 * binom.cdf(2, 14, 0.5))
    assert mcnemar(first, first).p_value == 1


def test_votes_that_are_nearer_have_a_smaller_error():
    random = np.random.default_rng(0)
    true = random.random((200, 37))
    near, far = (true + random.normal(0, size, true.shape) for size in (0.05, 0.1))
    found = compare_votes(true, far, near, GALAXY_ZOO_2)
    assert found["rmse"].value == pytest.approx(-0.05, abs=0.003)
    assert found["rmse"].certain
    assert found["mae"].certain


def test_other_images_are_refused():
    with pytest.raises(RequestError, match="of 2,000 and of 1,999 images"):
        compare_classes(TRUE, answers(TRUE, 0.8, 1), answers(TRUE, 0.8, 1)[1:], NAMES)


def test_a_difference_that_no_image_shows_has_an_interval():
    # Ten of ten by both: Newcombe's interval, and Tango's of 1998, are z^2 / (10 + z^2) either way.
    true = np.array([0, 1] * 5)
    found = compare_classes(true, np.eye(2)[true], np.eye(2)[true], NAMES[:2])
    assert found["accuracy"].low == pytest.approx(-0.2775, abs=5e-5)
    assert found["accuracy"].high == pytest.approx(0.2775, abs=5e-5)
    # The recall of either class may be lower by z^2 / (5 + z^2) = 0.4345; halves, as squares.
    for name in ("balanced_accuracy", "macro_f1", "matthews"):
        assert not found[name].certain
        assert found[name].high > 0.3
    assert found["balanced_accuracy"].low == pytest.approx(-0.4345 / 2**0.5, abs=5e-5)
    votes = np.full((1, len(GALAXY_ZOO_2.columns)), 0.5)
    for difference in compare_votes(votes, votes, votes, GALAXY_ZOO_2).values():
        assert difference.low < 0 < difference.high
