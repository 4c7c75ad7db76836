"""The score of predictions against a number that is known of each image: redshift, magnitude, size.

Bins hold equal numbers of images, so that their intervals are of similar width.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hubblefork.core.errors import RequestError
from hubblefork.evaluation.scores import Score

# With fewer images in a bin, an interval of an accuracy is wider than 35 percentage points.
_LEAST, _MOST_BINS = 30, 8


@dataclass(frozen=True)
class Bin:
    """The images whose number is from `low` to `high`: how many, and their score with interval."""

    low: float
    high: float
    n: int
    value: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class ScoreAgainst:
    """The score in bins of a column, from low to high. unknown: images without a number."""

    column: str
    bins: tuple[Bin, ...]
    unknown: int

    def to_json(self) -> dict[str, Any]:
        """The same for `metrics.json`."""
        return asdict(self) | {"bins": [asdict(each) for each in self.bins]}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "ScoreAgainst":
        """Read what `to_json` wrote."""
        bins = (Bin(**{**each, "interval": tuple(each["interval"])}) for each in value["bins"])
        return cls(value["column"], tuple(bins), value["unknown"])


def score_against(
    column: str, values: np.ndarray, tally: np.ndarray, score: Callable[[np.ndarray], Score]
) -> ScoreAgainst:
    """Score N images in quantile bins of a number.

    column: its name. values: (N,) floats, not finite where it is not known. tally, score: what
    each image contributes (N,), and the score of several: `Task.tally` and `Task.score`.

    There are two to eight bins, of about thirty images or more. Equal numbers are in one bin.
    Raises RequestError where fewer than two different numbers are known.

    >>> from hubblefork.evaluation.scores import accuracy
    >>> right = np.arange(90) < 45
    >>> found = score_against("z", np.linspace(0, 1, 90), right, accuracy)
    >>> [(round(each.low, 2), each.n, each.value) for each in found.bins]
    [(0.0, 30, 1.0), (0.34, 30, 0.5), (0.67, 30, 0.0)]
    """
    known = np.isfinite(values)
    numbers, tally = values[known], tally[known]
    if len(np.unique(numbers)) < 2:
        raise RequestError(
            f"column {column!r} has fewer than two different numbers for the {len(values):,} "
            "images; expected a column of measurements, such as redshift"
        )
    count = min(max(len(numbers) // _LEAST, 2), _MOST_BINS)
    edges = np.unique(np.quantile(numbers, np.linspace(0, 1, count + 1)[1:-1]))
    place = np.searchsorted(edges, numbers, side="left")
    if len(np.unique(place)) < 2:  # most numbers are the lowest one
        place = (numbers > numbers.min()).astype(int)
    bins = []
    for number in np.unique(place):
        inside = place == number
        found = score(tally[inside])
        own, interval = numbers[inside], (found.low, found.high)
        ends = float(own.min()), float(own.max())
        bins.append(Bin(*ends, int(inside.sum()), found.value, interval))
    return ScoreAgainst(column, tuple(bins), int((~known).sum()))
