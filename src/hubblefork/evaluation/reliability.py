"""How far the certainty of a classifier can be relied on, as curves.

The reliability diagram (Murphy and Winkler 1977; Guo et al. 2017) holds the share of right answers
against the confidence. The risk-coverage curve (El-Yaniv and Wiener 2010) tells what is gained by
answering only where the confidence is high and leaving the rest to a person.
"""

from dataclasses import dataclass

import numpy as np

from hubblefork.evaluation.intervals import wilson_interval


@dataclass(frozen=True, eq=False)
class Reliability:
    """Confidence against truth, in B bins of equal width; NaN where a bin holds no images.

    edges: (B + 1,) of confidence, from 0 to 1.
    counts: (B,) images.
    confidence, accuracy: (B,) their means.
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
        """Mean gap between confidence and accuracy, from 0 to 1 (Guo et al. 2017)."""
        gaps = self.counts * np.abs(self.accuracy - self.confidence)
        return float(np.nansum(gaps) / self.counts.sum())


@dataclass(frozen=True, eq=False)
class RiskCoverage:
    """What is right among the surest answers.

    kept: (N,) shares of images that are answered, rising to 1.
    accuracy: (N,) of those.
    """

    kept: np.ndarray
    accuracy: np.ndarray

    def accuracy_at(self, kept: float) -> float:
        """The accuracy of this share of the images, the surest ones."""
        return float(self.accuracy[max(0, round(kept * len(self.accuracy)) - 1)])


def reliability(true: np.ndarray, probabilities: np.ndarray, bins: int = 15) -> Reliability:
    """Bin the confidence (N,) of the predictions and count how many are right.

    true: (N,) classes; probabilities: (N, K). `report.certainty_charts.draw_reliability` draws it.

    >>> found = reliability(np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]]), bins=5)
    >>> found.counts.tolist(), found.accuracy[-2:].tolist()
    ([0, 0, 0, 1, 1], [0.0, 1.0])
    """
    confidence, right = _surest(true, probabilities)
    # Open below and closed above, as the calibration error counts them.
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
    """Order the predictions by confidence, and follow the accuracy of the surest.

    true: (N,) classes; probabilities: (N, K). Answers of the same confidence stand or fall
    together: each has the accuracy of all of them. `report.certainty_charts.draw_risk_coverage`
    draws it.

    >>> true, sure = np.array([0, 0, 1]), np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4]])
    >>> curve = risk_coverage(true, sure)
    >>> curve.accuracy_at(0.67), round(curve.accuracy_at(1), 3)
    (1.0, 0.667)
    """
    confidence, right = _surest(true, probabilities)
    order = np.argsort(-confidence, kind="stable")
    number = np.arange(1, len(order) + 1)
    hits = np.cumsum(right[order])
    # The last place of each run of equal confidence.
    falling = -confidence[order]
    last = np.searchsorted(falling, falling, side="right") - 1
    return RiskCoverage(number / len(order), hits[last] / number[last])


def _surest(true: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    predicted = probabilities.argmax(axis=1)
    return probabilities.max(axis=1), predicted == np.asarray(true)
