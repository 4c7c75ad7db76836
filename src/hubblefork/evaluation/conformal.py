"""Conformal prediction: the rank of a new image among images that the network was not trained on.

If the new image is drawn from the same distribution as N calibration images, each of the N + 1
ranks of its score is equally likely. From this follow, for every network, sets of classes that
contain the true one with a requested probability, and p-values that detect images out of
distribution (Vovk et al. 2005; Angelopoulos and Bates 2023, "Conformal prediction: a gentle
introduction").

The score of a class is 1 minus its probability. It gives the smallest sets of a given coverage
(Sadinle, Lei and Wasserman 2019); adaptive scores (Romano, Sesia and Candes 2020) gave larger sets
in our measurements. The coverage holds for all images together: it can be lower for a rare class.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from hubblefork.core.errors import RequestError
from hubblefork.evaluation.intervals import wilson_interval

# Scores that are stored. Of more validation images only scores evenly spaced by rank are stored,
# which increases the coverage by 1/4000 at most.
MOST_SCORES = 4096


@dataclass(frozen=True, eq=False)
class Reference:
    """Scores of images that the network was not trained on; the scores of others are compared with
    them.

    values: (M,) scores in ascending order, evenly spaced by rank, with the first and the last.
    number: the number of all scores, N.
    """

    values: np.ndarray
    number: int

    @classmethod
    def of(cls, scores: np.ndarray) -> "Reference":
        """Store N scores (N,), or `MOST_SCORES` of them.

        >>> Reference.of(np.array([3.0, 1.0, 2.0])).values
        array([1., 2., 3.])
        """
        number = len(scores)
        return cls(np.sort(scores)[_places(number, min(number, MOST_SCORES))], number)

    def p_values(self, scores: np.ndarray) -> np.ndarray:
        """The p-value of each score: (1 + number of stored scores that are as high) / (1 + N).

        Takes scores of any shape, and returns numbers of the same shape in [1 / (N + 1), 1]. Where
        not all scores are stored, a p-value can be too high by the difference in rank of two
        stored ones. NaN gives NaN.

        >>> Reference.of(np.arange(9.0)).p_values(np.array([8.5, 8.0, 0.0]))
        array([0.1, 0.2, 1. ])
        """
        places = _places(self.number, len(self.values))
        before = np.append(0, places + 1)[np.searchsorted(self.values, scores)]
        p_values = (1 + self.number - before) / (self.number + 1)
        return np.where(np.isnan(scores), np.nan, p_values)

    def within(self, scores: np.ndarray, coverage: float) -> np.ndarray:
        """Which scores are at most the ceil((N + 1) coverage)-th lowest of the N.

        Raises RequestError where N is too small for this coverage.
        """
        self.check(coverage)
        outside = math.floor((self.number + 1) * (1 - _exact(coverage)))
        return self.p_values(scores) * (self.number + 1) > outside + 0.5

    def check(self, coverage: float) -> None:
        """RequestError unless N images are enough for this coverage.

        >>> Reference.of(np.arange(50.0)).check(0.99)
        Traceback (most recent call last):
        hubblefork.core.errors.RequestError: coverage 0.99 needs 99 or more validation images, ...
        """
        if not 0 < coverage < 1:
            raise RequestError(
                f"coverage {coverage:g}: expected a fraction of images above 0 and below 1, such "
                "as 0.95"
            )
        needed = math.ceil(_exact(coverage) / (1 - _exact(coverage)))
        if self.number < needed:
            most = math.floor(1000 * self.number / (self.number + 1)) / 1000
            raise RequestError(
                f"coverage {coverage:g} needs {needed:,} or more validation images, and this "
                f"model was calibrated on {self.number:,}: ask for at most {most:g}, or train with "
                "more"
            )


def _exact(coverage: float) -> Fraction:
    """The exact decimal fraction: the float 0.95 is not exactly 0.95."""
    return Fraction(str(float(coverage)))


def _places(number: int, kept: int) -> np.ndarray:
    """The indices of the stored scores among all sorted ones."""
    return np.linspace(0, number - 1, kept).round().astype(int)


def set_scores(probabilities: np.ndarray) -> np.ndarray:
    """The score of each class: 1 minus its probability, (N, K)."""
    return 1 - probabilities


def prediction_sets(reference: Reference, probabilities: np.ndarray, coverage: float) -> np.ndarray:
    """Which classes are in the prediction set of each image: (N, K) of bool.

    `reference` has the `set_scores` of the true classes of images that the network was not trained
    on. The set of an image from the same distribution contains its true class with a probability
    of at least `coverage`.

    A set always contains the most probable class. Where the accuracy is higher than `coverage`,
    the sets therefore contain one class, and the true one more often than requested.

    >>> reference = Reference.of(set_scores(np.linspace(0.05, 1, 39)))
    >>> prediction_sets(reference, np.array([[0.5, 0.46, 0.04]]), 0.9)
    array([[ True,  True, False]])
    """
    inside = reference.within(set_scores(probabilities), coverage)
    inside[np.arange(len(inside)), probabilities.argmax(axis=1)] = True
    return inside


def measure_sets(
    reference: Reference,
    probabilities: np.ndarray,
    true: np.ndarray,
    names: Sequence[str],
    coverages: Sequence[float] = (0.9, 0.95, 0.99),
) -> dict[str, dict[str, Any]]:
    """The measured coverage and the size of prediction sets, for each requested coverage.

    `true` (N,) are indices of the K `names`. Returns {coverage as text: {coverage, interval
    (Wilson's, 95 %), mean_size, single: fraction of sets with one class, per_class: {name:
    {coverage, interval}}}}, ready for JSON, without the coverages that need more validation images.
    A class that does not occur has None for both.
    """
    measured = {}
    for asked in coverages:
        try:
            reference.check(asked)
        except RequestError:
            continue
        sets = prediction_sets(reference, probabilities, asked)
        covered = sets[np.arange(len(true)), true]
        sizes = sets.sum(axis=1)
        measured[f"{asked:g}"] = {
            **_coverage(covered),
            "mean_size": float(sizes.mean()),
            "single": float((sizes == 1).mean()),
            "per_class": {
                name: _coverage(covered[true == number]) for number, name in enumerate(names)
            },
        }
    return measured


def _coverage(covered: np.ndarray) -> dict[str, Any]:
    """The fraction of these sets that contain the true class, and Wilson's interval."""
    interval = wilson_interval(int(covered.sum()), len(covered))
    if interval is None:
        return {"coverage": None, "interval": None}
    return {"coverage": float(covered.mean()), "interval": list(interval)}
