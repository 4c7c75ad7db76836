"""Comparison of two classifiers on the same images.

Two classifiers mostly misclassify the same images, so that the uncertainty of their difference is
much smaller than that of either metric: the difference can be significant although the two
intervals overlap. Therefore each resample contains the same images for both (paired bootstrap,
Efron & Tibshirani 1993; for the accuracy, Newcombe 1998), and McNemar's exact test (McNemar 1947)
compares the numbers of images that only one of them classifies correctly.
`report.ranking_charts.draw_differences` draws both.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from hubblefork.core.errors import RequestError
from hubblefork.evaluation.class_metrics import BOUNDED, ClassContributions, class_contributions
from hubblefork.evaluation.intervals import bootstrap, newcombe_interval, widened
from hubblefork.evaluation.vote_metrics import VotesError, votes_error
from hubblefork.sky.decision_tree import DecisionTree


@dataclass(frozen=True)
class Difference:
    """A metric of the second classifier minus that of the first, with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def certain(self) -> bool:
        """Whether 0 is outside the interval."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class McNemar:
    """The numbers of images that only one of two classifiers classifies correctly, and a p-value.

    p_value: the probability of numbers that differ at least as much, for two classifiers that are
    equally good; 1 where both numbers are 0.
    """

    only_first: int
    only_second: int
    p_value: float


def mcnemar(first_right: np.ndarray, second_right: np.ndarray) -> McNemar:
    """McNemar's exact test of two classifiers on the same images, (N,) booleans each.

    >>> mcnemar(np.array([True, True, True, False]), np.array([True, False, False, False]))
    McNemar(only_first=2, only_second=0, p_value=0.5)
    """
    # Every model needs this module, and scipy.stats, which has the test, takes a second to import.
    from scipy.special import bdtr

    only_first, only_second = map(len, discordant(first_right, second_right))
    # Both tails of a binomial distribution with the probability 1/2, which is symmetric.
    tail = bdtr(min(only_first, only_second), only_first + only_second, 0.5)
    return McNemar(only_first, only_second, min(1.0, 2 * float(tail)))


def discordant(first_right: np.ndarray, second_right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the images that only the first, and that only the second of two has right.

    >>> broken, corrected = discordant(np.array([True, True, False]), np.array([True, False, True]))
    >>> broken, corrected
    (array([1]), array([2]))
    """
    return np.flatnonzero(first_right & ~second_right), np.flatnonzero(second_right & ~first_right)


def compare_classes(
    true: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    names: Sequence[str],
    resamples: int = 1000,
) -> dict[str, Difference]:
    """The metrics of the second classifier minus those of the first, on the same images.

    true, names: as in `measure_classes`; first, second: the probabilities (N, K) of the two
    classifiers. Returns every metric for which `measure_classes` gives an interval.

    >>> true, first, second = np.array([0, 1]), np.eye(2), np.array([[0.6, 0.4], [0.6, 0.4]])
    >>> compare_classes(true, first, second, ["disc", "arm"])["accuracy"]
    Difference(value=-0.5, low=-0.905..., high=0.272...)
    """
    _check_number(first, second)
    one, two = (class_contributions(true, each, names) for each in (first, second))
    found = _differences(one, two, len(true), resamples, BOUNDED)
    # Numbered 3 where both are right, 2 and 1 where only the first or the second is, 0 where none.
    pairs = np.bincount(2 * one.right + two.right, minlength=4).tolist()
    ends = newcombe_interval(*reversed(pairs))
    return found | {"accuracy": Difference(found["accuracy"].value, *ends)}


def compare_votes(
    true: np.ndarray, first: np.ndarray, second: np.ndarray, tree: DecisionTree
) -> dict[str, Difference]:
    """RMSE and MAE of the second's vote fractions minus those of the first's.

    true, first, second: (N, answers), and tree, as in `measure_votes`.
    """
    _check_number(first, second)
    one, two = (votes_error(true, predicted, tree) for predicted in (first, second))
    return _differences(one, two, len(true))


def _differences(
    first: ClassContributions | VotesError,
    second: ClassContributions | VotesError,
    number: int,
    resamples: int = 1000,
    always: Collection[str] = (),
) -> dict[str, Difference]:
    def difference(picks: np.ndarray) -> dict[str, float]:
        one, two = first.scores(picks), second.scores(picks)
        return {name: two[name] - one[name] for name in one}

    found = difference(np.arange(number))
    drawn = bootstrap(difference, number, resamples)
    # Further images may be wrong by the one and right by the other.
    one, two = first.further(), second.further()
    further = {name: two[name] - one[name][::-1] for name in found}
    ends = widened(found, drawn, further, always)
    return {name: Difference(float(value), *ends[name]) for name, value in found.items()}


def _check_number(first: np.ndarray, second: np.ndarray) -> None:
    if len(first) != len(second):
        raise RequestError(
            f"predictions of {len(first):,} and of {len(second):,} images: expected the same ones"
        )
