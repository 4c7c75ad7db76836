"""How far a model's answers can be trusted: all that is fitted on images it did not learn from.

It is kept in the model file, so that probabilities, sets of classes and typicality are the same
wherever an image is predicted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hubblefork.core.errors import RequestError
from hubblefork.evaluation.calibration import Calibration
from hubblefork.evaluation.conformal import Reference, prediction_sets
from hubblefork.evaluation.outliers import Outliers

# An image of this typicality or less is told to be unlike the training images. One in a hundred
# of those that are like them is so too.
UNLIKE = 0.01

_PARTS = {
    "calibration": Calibration,
    "scores": Reference,
    "outliers": Outliers,
    "distances": Reference,
}


@dataclass(frozen=True, eq=False)
class Trust:
    """What a model knows of its own mistakes; nothing where it had no validation set.

    calibration: of the probabilities of classes.
    scores: `set_scores` of the true classes of the validation images.
    outliers: where the training images lie in the features of the network.
    distances: of the validation images from them.
    """

    calibration: Calibration | None = None
    scores: Reference | None = None
    outliers: Outliers | None = None
    distances: Reference | None = None

    def calibrated(self, answers: np.ndarray) -> np.ndarray:
        """Probabilities (N, K) with the model's calibration; others, and votes, as they are."""
        if self.calibration is None:
            return answers
        return self.calibration.applied(answers).astype(answers.dtype)

    def typicality(self, distances: np.ndarray) -> np.ndarray:
        """The share of validation images that lie at least as far out as each, in (0, 1]."""
        return self.distances.p_values(distances).astype(np.float32)

    def sets(self, probabilities: np.ndarray, coverage: float) -> np.ndarray:
        """Which classes (N, K) belong to the set of each image; see `prediction_sets`.

        Raises RequestError where `check_coverage` does.
        """
        self.check_coverage(coverage)
        return prediction_sets(self.scores, probabilities, coverage)

    def check_coverage(self, coverage: float) -> None:
        """RequestError unless this model can make sets of classes with this coverage."""
        if self.scores is None:
            raise RequestError(
                f"coverage {coverage:g}: this model has no sets of classes; they need classes, not "
                "votes, and a validation set: train with split.val above 0"
            )
        self.scores.check(coverage)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Everything that is known, as arrays by name."""
        arrays = {}
        for name in _PARTS:
            known = {} if getattr(self, name) is None else vars(getattr(self, name))
            arrays |= {f"{name}.{key}": np.asarray(value) for key, value in known.items()}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Trust":
        """Read what `to_arrays` gave."""
        parts: dict[str, dict[str, Any]] = {}
        for name, array in arrays.items():
            first, _, key = name.partition(".")
            parts.setdefault(first, {})[key] = array.item() if array.ndim == 0 else array
        return cls(**{name: part(**parts[name]) for name, part in _PARTS.items() if name in parts})
