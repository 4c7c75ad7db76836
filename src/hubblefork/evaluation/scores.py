"""One figure of how good answers are, with its interval, whatever the answers mean."""

from dataclasses import dataclass

import numpy as np

from hubblefork.core.errors import RequestError
from hubblefork.evaluation.intervals import bootstrap, interval, wilson_interval


@dataclass(frozen=True)
class Score:
    """A figure and the 95 % interval from `low` to `high`.

    measure: `accuracy`, of which more is better, or `rmse`, of which less is.
    """

    measure: str
    value: float
    low: float
    high: float

    def beats(self, other: "Score") -> bool:
        """Whether this is the better one."""
        gain = self.value - other.value
        return gain > 0 if self.measure == "accuracy" else gain < 0

    def surely_beats(self, other: "Score") -> bool:
        """Whether this is the better one and their intervals lie apart."""
        apart = self.low > other.high or self.high < other.low
        return apart and self.beats(other)


def accuracy(right: np.ndarray) -> Score:
    """The share of N images that are correctly classified (N,), with Wilson's interval.

    >>> accuracy(np.array([True] * 19 + [False])).value
    0.95
    """
    interval = wilson_interval(int(right.sum()), len(right))
    if interval is None:
        raise RequestError("accuracy of no images: expected one or more")
    return Score("accuracy", float(right.mean()), *interval)


def rmse(squared: np.ndarray) -> Score:
    """The root of the mean of squared errors (N,), one a galaxy, bootstrapped over galaxies.

    >>> score = rmse(np.array([0.01, 0.04, 0.04]))
    >>> round(score.value, 3), round(score.low, 3), round(score.high, 3)
    (0.173, 0.1, 0.2)
    """
    squared = np.asarray(squared, dtype=float)
    drawn = bootstrap(lambda picks: {"rmse": np.sqrt(squared[picks].mean())}, len(squared))
    return Score("rmse", float(np.sqrt(squared.mean())), *interval(drawn["rmse"]))
