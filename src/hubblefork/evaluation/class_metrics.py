"""The metrics of a classifier, as in the `metrics.json` of a run with classes.

One function computes every metric from a selection of the images. It is called once with all of
them for the values, and a thousand times with random samples for their intervals.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hubblefork.core.errors import RequestError, first_few
from hubblefork.evaluation.intervals import (
    bootstrap,
    f1_interval,
    unseen,
    widened,
    wilson_interval,
)
from hubblefork.evaluation.registered import further_scores, registered_scores
from hubblefork.evaluation.scores import accuracy

# Guo et al. 2017, "On Calibration of Modern Neural Networks", use 15 bins of equal width.
CALIBRATION_BINS = 15

# Lower probabilities are increased to this in the log loss: the spacing of float32 at 1. Without
# it, a single 0 that is only a rounded 1e-8 would dominate the mean.
_FLOOR = float(np.finfo(np.float32).eps)

# The metrics that depend on which images are correctly classified, with their lowest values; their
# highest is 1.
BOUNDED = {"balanced_accuracy": 0, "macro_f1": 0, "matthews": -1, "expected_calibration_error": 0}

# The largest accepted difference between 1 and the sum of a row of probabilities. Rounding to five
# decimals and bfloat16 arithmetic cause a smaller one, logits a larger one.
_TOLERANCE = 0.01


def measure_classes(
    true: np.ndarray,
    probabilities: np.ndarray,
    names: Sequence[str],
    seed: int = 0,
    resamples: int = 1000,
) -> dict[str, Any]:
    """Measure the predicted probabilities of N images against their true classes.

    Parameters
    ----------
    true : (N,) whole numbers from 0 to K - 1, indices into `names`.
    probabilities : (N, K), each row 0 or more and summing to 1. The largest is the prediction.
    names : the K class names.
    seed, resamples : of the bootstrap.

    Returns
    -------
    dict, ready for JSON, with the keys
        n, classes (the names), accuracy (0 to 1);
        balanced_accuracy, macro_f1: mean recall and mean F1 of the classes that occur in `true`;
        matthews: the multi-class correlation R_K of Gorodkin 2004 (-1 to 1), 0 where all
        images are, or are predicted as, one class;
        log_loss: mean of -ln(probability of the true class), no probability below 1.2e-7;
        brier (0 to 2): mean of the squared error summed over classes, Brier 1950;
        expected_calibration_error (0 to 1): 15 bins of equal width, Guo et al. 2017;
        per_class: {name: {precision, recall, f1, support, intervals: those of the first three}},
        None where there is nothing to divide by: recall and F1 of a class that does not occur,
        precision of one never predicted;
        confusion_matrix: K rows, true classes, of K counts, predicted classes;
        the metrics of `register_metric` by name;
        intervals: {metric: [low, high]}, 95 %: Wilson's of the accuracy; else the percentile
        bootstrap over the images, widened by what these may lack (see `intervals`). That of the
        calibration error is corrected for the bias caused by resampling.

    Raises
    ------
    RequestError : shapes that do not fit, no images, values outside their range.

    >>> result = measure_classes([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]], ["disc", "arm"])
    >>> round(result["accuracy"], 3), result["balanced_accuracy"], result["confusion_matrix"]
    (0.667, 0.75, [[1, 0], [1, 1]])
    >>> arm = result["per_class"]["arm"]
    >>> arm["precision"], arm["recall"], round(arm["f1"], 3), arm["support"]
    (1.0, 0.5, 0.667, 2)
    >>> [round(end, 3) for end in arm["intervals"]["f1"]]
    [0.173, 0.95]
    """
    contributions = class_contributions(true, probabilities, names)
    number = len(contributions.true)

    everything = np.arange(number)
    figures = contributions.scores(everything)
    drawn = bootstrap(contributions.scores, number, resamples, seed)
    # Resampling adds noise to every bin, which increases the calibration error. The mean of the
    # resampled values is therefore above the measured value; the difference is subtracted.
    error = "expected_calibration_error"
    drawn[error] = np.maximum(drawn[error] - drawn[error].mean() + figures[error], 0)

    matrix = contributions.confusion(everything)
    intervals = widened(figures, drawn, contributions.further(), always=BOUNDED)
    for name, lowest in BOUNDED.items():
        intervals[name] = np.clip(intervals[name], lowest, 1).tolist()
    return {
        "n": number,
        "classes": list(names),
        **{name: float(value) for name, value in figures.items()},
        "per_class": _per_class(matrix, names),
        "confusion_matrix": matrix.tolist(),
        "intervals": intervals | {"accuracy": accuracy(contributions.right).interval},
    }


@dataclass(frozen=True)
class ClassContributions:
    """The contribution of each of N images to the scores."""

    true: np.ndarray  # (N,) its class
    probabilities: np.ndarray  # (N, K)
    predicted: np.ndarray  # (N,)
    log_loss: np.ndarray  # (N,) -ln(probability of its true class)
    squares: np.ndarray  # (N,) squared error summed over classes
    bin: np.ndarray  # (N,) the bin of its confidence
    gap: np.ndarray  # (N,) 1 if correctly classified else 0, minus its confidence
    registered: Callable[[np.ndarray], dict[str, float]]  # see `registered_scores`

    @classmethod
    def of(cls, true: np.ndarray, probabilities: np.ndarray) -> "ClassContributions":
        """From classes (N,) and probabilities (N, K) that have been checked."""
        rows = np.arange(len(true))
        predicted = probabilities.argmax(axis=1)
        confidence = probabilities[rows, predicted]
        error = probabilities.copy()
        error[rows, true] -= 1
        # Bins are open below and closed above, as in Guo et al.: (0, 1/15], ..., (14/15, 1].
        bins = np.ceil(confidence * CALIBRATION_BINS).astype(int) - 1
        return cls(
            true=true,
            probabilities=probabilities,
            predicted=predicted,
            log_loss=-np.log(np.clip(probabilities[rows, true], _FLOOR, 1)),
            squares=np.einsum("nk,nk->n", error, error),
            bin=bins.clip(0, CALIBRATION_BINS - 1),
            gap=(predicted == true) - confidence,
            registered=registered_scores("classes", true, probabilities),
        )

    @property
    def right(self) -> np.ndarray:
        """(N,) whether each image is correctly classified."""
        return self.predicted == self.true

    def confusion(self, picks: np.ndarray) -> np.ndarray:
        """The (K, K) counts of true by predicted class of the picked images."""
        classes = self.probabilities.shape[1]
        cell = self.true[picks] * classes + self.predicted[picks]
        return np.bincount(cell, minlength=classes**2).reshape(classes, classes)

    def scores(self, picks: np.ndarray) -> dict[str, float]:
        """Every metric of the images at the indices `picks`, which may repeat."""
        matrix = self.confusion(picks)
        return {
            "accuracy": matrix.trace() / len(picks),
            **_of_confusion(matrix),
            **_of_means(self._means(picks)),
            **self.registered(picks),
        }

    def further(self) -> dict[str, np.ndarray]:
        """Every metric with `unseen` images, all wrong and all right: (2, G), for `widened`.

        Those of the confusion matrix change by class; a wrong image is predicted as the class that
        is predicted most often. The others change by images of the same probabilities: a right
        one is of the most probable class, and a wrong one of the second.
        """
        every = np.arange(len(self.true))
        others = self.probabilities.copy()
        others[every, self.predicted] = -1
        second = others.argmax(axis=1)
        fraction, means = unseen(len(every)), self._means(every)
        ends: list[dict[str, Any]] = []
        for true in (second, self.predicted):
            other = ClassContributions.of(true, self.probabilities)._means(every)
            ends.append(_of_means((1 - fraction) * means + fraction * other))
            ends[-1]["accuracy"] = (1 - fraction) * self.right.mean() + fraction * (
                true is not second
            )
        found = {name: np.array([[end[name]] for end in ends]) for name in ends[0]}
        wrong = (self.probabilities.argmin(axis=1), self.predicted)
        found |= further_scores("classes", self.true, self.probabilities, wrong)
        return found | self._further_confusion(self.confusion(every))

    def _further_confusion(self, matrix: np.ndarray) -> dict[str, np.ndarray]:
        occur, answered = matrix.sum(axis=1), matrix.sum(axis=0)
        ends = []
        for row in np.flatnonzero(occur):
            fraction = unseen(occur[row])
            changed = np.stack([matrix, matrix]).astype(float)
            changed[:, row] *= 1 - fraction
            wrong = np.argmax(np.where(np.arange(len(matrix)) == row, -1, answered))
            changed[[0, 1], row, [wrong, row]] += fraction * occur[row]
            ends.append(_of_confusion(changed))
        found = {name: np.stack([end[name] for end in ends], axis=1) for name in ends[0]}
        if len(ends) == 1:  # images of a second class decide what it is, and there are none
            found["matthews"] = np.array([[-1.0], [1.0]])
        return found

    def _means(self, picks: np.ndarray) -> np.ndarray:
        """Of log loss, squared error, and the gap in each bin, (2 + bins,)."""
        gaps = np.bincount(self.bin[picks], self.gap[picks], CALIBRATION_BINS)
        sums = [self.log_loss[picks].sum(), self.squares[picks].sum(), *gaps]
        return np.array(sums) / len(picks)


def _of_means(means: np.ndarray) -> dict[str, float]:
    return {
        "log_loss": means[0],
        "brier": means[1],
        "expected_calibration_error": np.abs(means[2:]).sum(),
    }


def _of_confusion(matrix: np.ndarray) -> dict[str, Any]:
    """The metrics of confusion matrices (..., K, K), each (...)."""
    # Floats: the squared counts of a large survey do not fit in 64-bit integers.
    hits = np.diagonal(matrix, axis1=-2, axis2=-1).astype(float)
    occur, answered = matrix.sum(axis=-1, dtype=float), matrix.sum(axis=-2, dtype=float)
    present = occur > 0
    classes = present.sum(axis=-1)
    total = occur.sum(axis=-1)
    recall = np.where(present, hits, 0) / np.where(present, occur, 1)
    f1 = np.where(present, 2 * hits, 0) / np.where(present, occur + answered, 1)
    spread = (total**2 - (answered**2).sum(axis=-1)) * (total**2 - (occur**2).sum(axis=-1))
    excess = hits.sum(axis=-1) * total - (answered * occur).sum(axis=-1)
    return {
        "balanced_accuracy": recall.sum(axis=-1) / classes,
        "macro_f1": f1.sum(axis=-1) / classes,
        "matthews": np.where(spread > 0, excess / np.sqrt(np.where(spread > 0, spread, 1)), 0.0),
    }


def class_contributions(
    true: np.ndarray, probabilities: np.ndarray, names: Sequence[str]
) -> ClassContributions:
    """Check the arguments of `measure_classes`, and compute the contribution of each image."""
    return ClassContributions.of(*checked(true, probabilities, names))


def _per_class(matrix: np.ndarray, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    hits, occur, answered = matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0)
    return {
        name: {
            "precision": _ratio(hits[k], answered[k]),
            "recall": _ratio(hits[k], occur[k]),
            "f1": _ratio(2 * hits[k], occur[k] + answered[k] if occur[k] else 0),
            "support": int(occur[k]),
            "intervals": found,
        }
        for k, (name, found) in enumerate(zip(names, class_intervals(matrix), strict=True))
    }


def class_intervals(matrix: np.ndarray) -> list[dict[str, list[float] | None]]:
    """The 95 % intervals of precision, recall and F1 of each class, of a confusion matrix (K, K).

    Wilson's, and of F1 what follows from his (`f1_interval`); None where there is no figure.
    """
    hits, occur, answered = matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0)
    either = np.where(occur, occur + answered - hits, 0)
    found = [
        {
            "precision": wilson_interval(int(hits[k]), int(answered[k])),
            "recall": wilson_interval(int(hits[k]), int(occur[k])),
            "f1": f1_interval(int(hits[k]), int(either[k])),
        }
        for k in range(len(matrix))
    ]
    return [{key: ends and list(ends) for key, ends in each.items()} for each in found]


def _ratio(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None


def checked(
    true: np.ndarray, probabilities: np.ndarray, names: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Return (N,) integers and (N, K) floats whose rows sum to exactly 1.

    Raises RequestError where the arguments are not those.
    """
    true, probabilities = np.asarray(true), np.asarray(probabilities, dtype=float)
    classes = len(names)
    if true.ndim != 1 or len(true) == 0:
        raise RequestError(
            f"true classes of shape {true.shape}: expected one whole number for each of at least "
            "one image"
        )
    if probabilities.shape != (len(true), classes):
        raise RequestError(
            f"probabilities of shape {probabilities.shape}: expected {(len(true), classes)}, one "
            f"row for each of {len(true):,} images and one column for each of {classes} classes"
        )
    if classes < 2 or len(set(names)) < classes:
        raise RequestError(f"class names {first_few(names)}: expected at least two, all different")
    if not np.issubdtype(true.dtype, np.integer) or true.min() < 0 or true.max() >= classes:
        raise RequestError(
            f"true classes from {true.min()} to {true.max()} ({true.dtype}): expected whole "
            f"numbers from 0 to {classes - 1}"
        )
    if not np.isfinite(probabilities).all() or probabilities.min() < 0:
        wrong = (~np.isfinite(probabilities) | (probabilities < 0)).any(axis=1).sum()
        raise RequestError(
            f"probabilities that are not a number, infinite or negative in {wrong:,} of "
            f"{len(true):,} rows: expected 0 to 1; give the softmax, not the logits"
        )
    sums = probabilities.sum(axis=1, keepdims=True)
    if np.abs(sums - 1).max() > _TOLERANCE:
        raise RequestError(
            f"rows of probabilities that sum to {sums.min():.4g} up to {sums.max():.4g}: expected "
            "1; give the softmax, not the logits"
        )
    return true.astype(np.int64), probabilities / sums
