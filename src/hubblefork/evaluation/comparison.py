"""Whether one classifier is better than another, judged on the same images.

Two classifiers that see the same images mostly err on the same ones, so the difference between
them is known much better than either figure: their intervals can overlap widely and the
difference be certain. Hence both are drawn together in every resample (paired bootstrap, Efron &
Tibshirani 1993), and the right answers of one alone are held against those of the other alone
(McNemar 1947, in its exact form). `report.results.draw_differences` draws both.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from hubblefork.core.errors import RequestError
from hubblefork.evaluation.class_metrics import weigh
from hubblefork.evaluation.intervals import bootstrap, interval
from hubblefork.evaluation.vote_metrics import votes_error
from hubblefork.sky.decision_tree import DecisionTree


@dataclass(frozen=True)
class Difference:
    """A metric of the second classifier less that of the first, with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def certain(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class McNemar:
    """On how many images only one of two classifiers is right, and how likely that is by luck.

    p_value: the chance that two equally good classifiers divide these images at least so
    unevenly; 1 where there are none.
    """

    only_first: int
    only_second: int
    p_value: float


def mcnemar(first_right: np.ndarray, second_right: np.ndarray) -> McNemar:
    """McNemar's exact test of two classifiers on the same images, (N,) booleans each.

    >>> mcnemar(np.array([True, True, True, False]), np.array([True, False, False, False]))
    McNemar(only_first=2, only_second=0, p_value=0.5)
    """
    only_first = int((first_right & ~second_right).sum())
    only_second = int((second_right & ~first_right).sum())
    divided = only_first + only_second
    chance = float(binomtest(only_first, divided).pvalue) if divided else 1.0
    return McNemar(only_first, only_second, chance)


def compare_classes(
    true: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    names: Sequence[str],
    resamples: int = 1000,
) -> dict[str, Difference]:
    """By how much the second classifier's metrics are above the first's, on the same images.

    true, first, second, names: as `measure_classes` takes them, probabilities of either. Returns
    every metric that `measure_classes` has intervals of.

    >>> true, sure, unsure = np.array([0, 1]), np.eye(2), np.array([[0.6, 0.4], [0.6, 0.4]])
    >>> compare_classes(true, sure, unsure, ["disc", "arm"])["accuracy"]
    Difference(value=-0.5, low=-1.0, high=0.0)
    """
    _check_number(first, second)
    weighed = [weigh(true, probabilities, names) for probabilities in (first, second)]
    return _differences([evidence.scores for evidence in weighed], len(true), resamples)


def compare_votes(
    true: np.ndarray, first: np.ndarray, second: np.ndarray, tree: DecisionTree
) -> dict[str, Difference]:
    """By how much RMSE and MAE of the second's vote fractions are above the first's.

    true, first, second: (N, answers), and tree, as `measure_votes` takes them.
    """
    _check_number(first, second)
    scores = [votes_error(true, predicted, tree).scores for predicted in (first, second)]
    return _differences(scores, len(true))


def _differences(
    scores: Sequence[Callable[[np.ndarray], Mapping[str, float]]],
    number: int,
    resamples: int = 1000,
) -> dict[str, Difference]:
    def difference(picks: np.ndarray) -> dict[str, float]:
        first, second = (score(picks) for score in scores)
        return {name: second[name] - first[name] for name in first}

    found = difference(np.arange(number))
    drawn = bootstrap(difference, number, resamples)
    return {name: Difference(float(value), *interval(drawn[name])) for name, value in found.items()}


def _check_number(first: np.ndarray, second: np.ndarray) -> None:
    if len(first) != len(second):
        raise RequestError(
            f"predictions of {len(first):,} and of {len(second):,} images: expected the same ones"
        )
