"""One score of predictions with its interval, for classes and for votes."""

from dataclasses import dataclass

import numpy as np

from hubblefork.core.errors import RequestError
from hubblefork.evaluation.intervals import bootstrap, unseen, widened, wilson_interval


@dataclass(frozen=True)
class Score:
    """A value and its 95 % interval from `low` to `high`.

    measure: `accuracy`, where higher is better, or `rmse`, where lower is better.
    """

    measure: str
    value: float
    low: float
    high: float

    @property
    def interval(self) -> list[float]:
        """Its ends, [low, high]."""
        return [self.low, self.high]

    def beats(self, other: "Score") -> bool:
        """Whether this score is better."""
        gain = self.value - other.value
        return gain > 0 if self.measure == "accuracy" else gain < 0

    def clearly_beats(self, other: "Score") -> bool:
        """Whether this score is better and the two intervals do not overlap."""
        apart = self.low > other.high or self.high < other.low
        return apart and self.beats(other)


def accuracy(right: np.ndarray) -> Score:
    """The fraction of N images that are correctly classified (N,), with Wilson's interval.

    >>> accuracy(np.array([True] * 19 + [False])).value
    0.95
    """
    interval = wilson_interval(int(right.sum()), len(right))
    if interval is None:
        raise RequestError("accuracy of no images: expected one or more")
    return Score("accuracy", float(right.mean()), *interval)


def rmse(squared: np.ndarray) -> Score:
    """The root mean square of N errors whose squares (N,) are given, one for each galaxy.

    The interval is that of a bootstrap over galaxies; where all errors are the same, what `unseen`
    errors of 1 or 0 would change.

    >>> score = rmse(np.array([0.01, 0.04, 0.04]))
    >>> round(score.value, 3), round(score.low, 3), round(score.high, 3)
    (0.173, 0.1, 0.2)
    """
    squared = np.asarray(squared, dtype=float)
    drawn = bootstrap(lambda picks: {"rmse": np.sqrt(squared[picks].mean())}, len(squared))
    value, fraction = float(np.sqrt(squared.mean())), unseen(len(squared))
    further = np.sqrt((1 - fraction) * squared.mean() + fraction * np.array([[1.0], [0.0]]))
    return Score("rmse", value, *widened({"rmse": value}, drawn, {"rmse": further})["rmse"])
