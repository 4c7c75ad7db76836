"""The uncertainty of a model's predictions, fitted on images that it was not trained on.

It is saved in the model file, so that every verb gives the same probabilities, prediction sets and
typicality.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hubblefork.core.errors import RequestError, first_few
from hubblefork.evaluation.calibration import Calibration
from hubblefork.evaluation.conformal import MOST_SCORES, Reference, prediction_sets
from hubblefork.evaluation.outliers import Outliers

# An image of this typicality or less is reported as atypical of the training images. One in a
# hundred of the validation images is.
ATYPICAL = 0.01

# A distance counts as at least as far as one that is the same up to rounding, so that a validation
# image has the same typicality in every batch, on every device and in every program.
UP_TO_ROUNDING = 1 - 1e-4

_PARTS: dict[str, type] = {
    "calibration": Calibration,
    "set_scores": Reference,
    "outliers": Outliers,
    "distances": Reference,
}
# Number of axes of the array of each field.
_AXES: dict[type, dict[str, int]] = {
    Calibration: {"temperature": 0, "exponent": 0},
    Reference: {"values": 1, "number": 0},
    Outliers: {"mean": 1, "directions": 2, "variances": 1, "remainder": 0},
}


@dataclass(frozen=True, eq=False)
class Uncertainty:
    """Calibration, prediction sets and typicality; all None without a validation set.

    calibration: of the probabilities of classes.
    set_scores: `set_scores` of the true classes of the validation images, for prediction sets.
    outliers: the distribution of the training images in feature space, for typicality.
    distances: the distances of the validation images from it.
    """

    calibration: Calibration | None = None
    set_scores: Reference | None = None
    outliers: Outliers | None = None
    distances: Reference | None = None

    def typicality(self, features: np.ndarray) -> np.ndarray | None:
        """(N,) float32 in (0, 1] of features (N, F); None without a validation set.

        It is the fraction of validation images that are at least as far from the training images.
        """
        if self.outliers is None or self.distances is None:
            return None
        distances = self.outliers.distance(features) * UP_TO_ROUNDING
        return self.distances.p_values(distances).astype(np.float32)

    def sets(self, probabilities: np.ndarray, coverage: float) -> np.ndarray:
        """Which classes (N, K) are in the set of each image; see `prediction_sets`.

        Raises RequestError where `check_coverage` does.
        """
        return prediction_sets(self.check_coverage(coverage), probabilities, coverage)

    def check_coverage(self, coverage: float) -> Reference:
        """RequestError unless this model can make sets of classes with this coverage."""
        if self.set_scores is None:
            raise RequestError(
                f"coverage {coverage:g}: this model has no sets of classes; they need classes, not "
                "votes, and a validation set: train with split.val above 0"
            )
        self.set_scores.check(coverage)
        return self.set_scores

    def to_arrays(self) -> dict[str, np.ndarray]:
        """All fields as arrays by name."""
        arrays: dict[str, np.ndarray] = {}
        for name in _PARTS:
            known = {} if getattr(self, name) is None else vars(getattr(self, name))
            arrays |= {f"{name}.{key}": np.asarray(value) for key, value in known.items()}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Uncertainty":
        """Read the arrays of `to_arrays`; RequestError for others, as in a damaged file."""
        parts: dict[str, dict[str, Any]] = {}
        for name, array in arrays.items():
            first, _, key = name.partition(".")
            part = _PARTS.get(first)
            axes = None if part is None else _AXES[part].get(key)
            if axes is None or array.ndim != axes or array.dtype.kind not in "fiu":
                raise RequestError(
                    f"its uncertainty.{name} ({array.dtype} of shape {array.shape}) is not an "
                    "array of a model file"
                )
            parts.setdefault(first, {})[key] = array.item() if axes == 0 else array
        for name, known in parts.items():
            if known.keys() != _AXES[_PARTS[name]].keys():
                raise RequestError(f"its uncertainty.{name} has only {first_few(known)}")
        read = cls(**{name: _PARTS[name](**known) for name, known in parts.items()})
        if wrong := [name for name in parts if not _is_valid(getattr(read, name))]:
            raise RequestError(f"its uncertainty.{wrong[0]} has values out of their range")
        return read

    def check_fits(self, exclusive: bool, features: int) -> None:
        """RequestError unless this is of a model with this number of features.

        exclusive: whether the model predicts classes; calibration and sets are for classes only.
        """
        if self.outliers is not None and len(self.outliers.mean) != features:
            raise RequestError(
                f"its uncertainty.outliers has {len(self.outliers.mean)} features, but its "
                f"network has {features}"
            )
        if not exclusive and (self.calibration or self.set_scores):
            raise RequestError("its uncertainty is for classes, but it predicts votes")


def _is_valid(part: Calibration | Reference | Outliers) -> bool:
    """Whether the numbers of a part, which are finite, are in their ranges."""
    match part:
        case Calibration():
            return all(1e-3 <= each <= 1e3 for each in (part.temperature, part.exponent))
        case Reference():
            kept = len(part.values)
            whole = isinstance(part.number, int) and 1 <= kept == min(part.number, MOST_SCORES)
            return whole and bool((np.diff(part.values) >= 0).all())
        case Outliers():
            shape = (len(part.variances), len(part.mean))
            above = part.remainder > 0 and bool((part.variances > 0).all())
            return part.directions.shape == shape and above
