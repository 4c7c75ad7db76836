"""How well the confidence of a classifier agrees with its accuracy: two curves.

The reliability diagram (Murphy and Winkler 1977; Guo et al. 2017) shows the accuracy against the
confidence. The risk-coverage curve (El-Yaniv and Wiener 2010) shows how the accuracy increases if
only the predictions with the highest confidence are used and a person classifies the other images.
"""

from dataclasses import dataclass

import numpy as np

from hubblefork.evaluation.intervals import wilson_interval


@dataclass(frozen=True, eq=False)
class Reliability:
    """Accuracy and confidence in B bins of equal width; NaN where a bin has no images.

    edges: (B + 1,) edges of the bins in confidence, from 0 to 1.
    counts: (B,) number of images.
    confidence, accuracy: (B,) means over the images of the bin.
    low, high: (B,) the 95 % interval of the accuracy (Wilson).
    brier: mean squared error of the probabilities, summed over classes, 0 to 2 (Brier 1950).
    """

    edges: np.ndarray
    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    low: np.ndarray
    high: np.ndarray
    brier: float

    @property
    def calibration_error(self) -> float:
        """Mean absolute difference of confidence and accuracy, from 0 to 1 (Guo et al. 2017)."""
        gaps = self.counts * np.abs(self.accuracy - self.confidence)
        return float(np.nansum(gaps) / self.counts.sum())


@dataclass(frozen=True, eq=False)
class RiskCoverage:
    """The accuracy of the predictions with the highest confidence.

    coverage: (N,) fraction of the images that are used, in ascending order, up to 1.
    accuracy: (N,) accuracy of these images.
    """

    coverage: np.ndarray
    accuracy: np.ndarray

    def accuracy_at(self, coverage: float) -> float:
        """The accuracy of this fraction of the images, those with the highest confidence."""
        return float(self.accuracy[max(0, round(coverage * len(self.accuracy)) - 1)])


def reliability(true: np.ndarray, probabilities: np.ndarray, bins: int = 15) -> Reliability:
    """Bin the predictions by confidence, and measure the accuracy in each bin.

    true: (N,) classes; probabilities: (N, K). `report.reliability_charts.draw_reliability` draws
    the result.

    >>> found = reliability(np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]]), bins=5)
    >>> found.counts.tolist(), found.accuracy[-2:].tolist()
    ([0, 0, 0, 1, 1], [0.0, 1.0])
    """
    confidence, right = _confidence(true, probabilities)
    # Bins are open below and closed above, as in `class_metrics`.
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    counts = np.bincount(place, minlength=bins)
    hits = np.bincount(place, right, bins)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(place, confidence, bins) / counts
        accuracy = hits / counts
    ends = [
        wilson_interval(int(h), int(n)) or (np.nan, np.nan)
        for h, n in zip(hits, counts, strict=True)
    ]
    low, high = np.array(ends).T
    gaps = probabilities - np.eye(probabilities.shape[1])[true]
    brier = float((gaps**2).sum(axis=1).mean())
    return Reliability(np.linspace(0, 1, bins + 1), counts, mean, accuracy, low, high, brier)


def risk_coverage(true: np.ndarray, probabilities: np.ndarray) -> RiskCoverage:
    """The accuracy of the predictions with the highest confidence, for each number of them.

    true: (N,) classes; probabilities: (N, K). Predictions of equal confidence are taken together:
    each has the accuracy of all of them. `report.reliability_charts.draw_risk_coverage` draws the
    result.

    >>> probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4]])
    >>> curve = risk_coverage(np.array([0, 0, 1]), probabilities)
    >>> curve.accuracy_at(0.67), round(curve.accuracy_at(1), 3)
    (1.0, 0.667)
    """
    confidence, right = _confidence(true, probabilities)
    order = np.argsort(-confidence, kind="stable")
    number = np.arange(1, len(order) + 1)
    hits = np.cumsum(right[order])
    # The last index of each run of equal confidence.
    ascending = -confidence[order]
    last = np.searchsorted(ascending, ascending, side="right") - 1
    return RiskCoverage(number / len(order), hits[last] / number[last])


def _confidence(true: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The confidence (N,) of each prediction, and whether it is correct (N,)."""
    predicted = probabilities.argmax(axis=1)
    return probabilities.max(axis=1), predicted == np.asarray(true)
