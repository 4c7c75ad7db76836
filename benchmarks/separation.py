"""How well a score separates two groups: the area under the ROC curve, with its 95 % interval."""

import numpy as np
from sklearn.metrics import roc_auc_score

from hubblefork.evaluation.intervals import unseen, widened

_RESAMPLES = 1000


def separation(score: np.ndarray, positive: np.ndarray) -> tuple[float, list[float]]:
    """The area for a score (N,) that should be higher where `positive` (N,), and its interval.

    The two groups are drawn again by themselves. The interval is widened by further images of
    either group that lie below, or above, all others (see `evaluation/intervals.py`).

    >>> area, (low, high) = separation(np.arange(8.0), np.arange(8) >= 4)
    >>> float(area), round(low, 2), high
    (1.0, 0.31, 1.0)
    """
    random = np.random.default_rng(0)
    groups = score[positive], score[~positive]
    labels = np.sort(positive)[::-1]
    areas = [
        roc_auc_score(labels, np.concatenate([random.choice(each, len(each)) for each in groups]))
        for _ in range(_RESAMPLES)
    ]
    area = float(roc_auc_score(positive, score))
    shares = np.array([unseen(len(each)) for each in groups])
    further = np.stack([(1 - shares) * area, (1 - shares) * area + shares])
    found = widened({"auroc": area}, {"auroc": np.array(areas)}, {"auroc": further}, ["auroc"])
    return area, found["auroc"]
