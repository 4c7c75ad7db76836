"""Conformal prediction: how a new image ranks among images that were not learnt from.

If the new image is of the same kind as the N that were held back, its score is as likely to take
any of the N + 1 ranks. From that alone, whatever the network is, follow sets of classes that hold
the true one as often as asked, and a fair alarm for images of another kind (Vovk et al. 2005;
Angelopoulos and Bates 2023, "Conformal prediction: a gentle introduction").

The sets' score is 1 less the probability of a class. Of all sets with a given coverage it makes
the smallest (Sadinle, Lei and Wasserman 2019); adaptive scores (Romano, Sesia and Candes 2020)
were measured to make larger ones here. Its promise is for all images together: a rare class may
be covered less often.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from hubblefork.core.errors import RequestError
from hubblefork.evaluation.intervals import wilson_interval

# Scores that are kept. A validation set of up to so many images is kept whole; of a larger one
# every so-manieth, which makes sets larger by a four-thousandth of all images at the most.
MOST_SCORES = 4096


@dataclass(frozen=True, eq=False)
class Reference:
    """Scores of images that were not learnt from, for others to be ranked among.

    values: (M,) of the scores in rising order, evenly spaced by rank, with the first and the last.
    number: how many scores there were, N.
    """

    values: np.ndarray
    number: int

    @classmethod
    def of(cls, scores: np.ndarray) -> "Reference":
        """Keep (N,) scores, or as many of them as are needed.

        >>> Reference.of(np.array([3.0, 1.0, 2.0])).values
        array([1., 2., 3.])
        """
        number = len(scores)
        return cls(np.sort(scores)[_places(number, min(number, MOST_SCORES))], number)

    def p_values(self, scores: np.ndarray) -> np.ndarray:
        """The share of images that score at least as high, each counted with them.

        Takes scores of any shape, gives numbers of the same shape in [1 / (N + 1), 1]. Where not
        all scores were kept, a number may be too high by the distance of two that were. A score
        that is not a number gets none.

        >>> Reference.of(np.arange(9.0)).p_values(np.array([8.5, 8.0, 0.0]))
        array([0.1, 0.2, 1. ])
        """
        places = _places(self.number, len(self.values))
        before = np.append(0, places + 1)[np.searchsorted(self.values, scores)]
        p_values = (1 + self.number - before) / (self.number + 1)
        return np.where(np.isnan(scores), np.nan, p_values)

    def within(self, scores: np.ndarray, coverage: float) -> np.ndarray:
        """Which scores are among the lower ones, as those of a share `coverage` of images are.

        That is scores up to the ceil((N + 1) coverage)-th of N. Raises RequestError where N is
        too small for this coverage to mean anything.
        """
        self.check(coverage)
        outside = math.floor((self.number + 1) * (1 - _exact(coverage)))
        return self.p_values(scores) * (self.number + 1) > outside + 0.5

    def check(self, coverage: float) -> None:
        """RequestError unless N images can promise this coverage.

        >>> Reference.of(np.arange(50.0)).check(0.99)
        Traceback (most recent call last):
        hubblefork.core.errors.RequestError: coverage 0.99 needs 99 or more validation images, ...
        """
        if not 0 < coverage < 1:
            raise RequestError(
                f"coverage {coverage:g}: expected a share of images above 0 and below 1, such "
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
    """The decimal fraction that was meant: 0.95 is not exactly a number of the computer."""
    return Fraction(str(float(coverage)))


def _places(number: int, kept: int) -> np.ndarray:
    """Which of so many sorted scores are kept."""
    return np.linspace(0, number - 1, kept).round().astype(int)


def set_scores(probabilities: np.ndarray) -> np.ndarray:
    """The score of each class as an answer: 1 less its probability, (N, K)."""
    return 1 - probabilities


def prediction_sets(reference: Reference, probabilities: np.ndarray, coverage: float) -> np.ndarray:
    """Which classes belong to the set of each image: (N, K) of bool.

    `reference` holds the `set_scores` of the true classes of images that were not learnt from.
    The set of an image like these holds its true class with a probability of at least `coverage`.

    A set always holds the likeliest class. Where that is right more often than `coverage` asks,
    sets are right as often, and hold one class.

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
    """How often sets hold the true class, and how large they are, for each coverage.

    `true` (N,) are numbers of the K `names`. Returns {coverage as text: {coverage, interval
    (Wilson's, 95 %), mean_size, single: share of sets with one class, per_class: {name: {coverage,
    interval}}}}, ready for JSON, without the coverages that need more validation images. A class
    that does not occur has None for both.
    """
    measured = {}
    for asked in coverages:
        try:
            reference.check(asked)
        except RequestError:
            continue
        sets = prediction_sets(reference, probabilities, asked)
        held = sets[np.arange(len(true)), true]
        sizes = sets.sum(axis=1)
        measured[f"{asked:g}"] = {
            **_held(held),
            "mean_size": float(sizes.mean()),
            "single": float((sizes == 1).mean()),
            "per_class": {name: _held(held[true == number]) for number, name in enumerate(names)},
        }
    return measured


def _held(held: np.ndarray) -> dict[str, Any]:
    """The fraction of these sets that hold the true class, and Wilson's interval."""
    interval = wilson_interval(int(held.sum()), len(held))
    if interval is None:
        return {"coverage": None, "interval": None}
    return {"coverage": float(held.mean()), "interval": list(interval)}
