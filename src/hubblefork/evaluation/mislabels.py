"""Labels that are likely wrong, by the predictions of classifiers that were trained without them.

Confident learning (Northcutt, Jiang and Chuang 2021, J. Artif. Intell. Res. 70, 1373): an image
whose probability of another class is at least the mean of that class's own images is likely of
that class. The probabilities must be out of fold: each from a classifier that was trained without
the image, because a classifier can learn the wrong labels of its training images.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hubblefork.evaluation.class_metrics import checked


def likely_mislabels(
    ids: Sequence[str] | np.ndarray,
    labels: np.ndarray,
    probabilities: np.ndarray,
    names: Sequence[str],
) -> pd.DataFrame:
    """Rank images by how likely their label is wrong, the most likely first.

    Parameters
    ----------
    ids : N names of images.
    labels : (N,) their labels, as indices of `names`.
    probabilities : (N, K) out-of-fold probabilities of each class.
    names : the K class names.

    Returns
    -------
    Table of N rows: row (index in the arrays), id, label, suggested (the most probable other
    class), p_label and p_suggested (their probabilities), and likely: whether confident learning
    considers the label an error. `report.ranking_charts.draw_ranked` draws it.

    The order is that of p_label, ascending. If every other class is equally probable as a wrong
    label, the odds that a label is wrong are proportional to (1 - p_label) / p_label (Bayes), and
    depend on nothing else. In tests with planted errors this order found many more of them than
    p_suggested - p_label, which hardly distinguishes a p_label of 0.03 from one of 0.0003.

    >>> table = likely_mislabels(["a", "b", "c"], np.array([0, 1, 1]),
    ...     np.array([[0.9, 0.1], [0.2, 0.8], [0.95, 0.05]]), ["disc", "arm"])
    >>> table.loc[0, "id"], table.loc[0, "suggested"], bool(table.loc[0, "likely"])
    ('c', 'disc', True)
    """
    labels, probabilities = checked(labels, probabilities, names)
    rows = np.arange(len(labels))
    others = probabilities.copy()
    others[rows, labels] = -np.inf
    suggested = others.argmax(axis=1)
    seems = _confident_class(probabilities, _class_thresholds(labels, probabilities))
    words = np.array(names, dtype=object)
    table = pd.DataFrame(
        {
            "row": rows,
            "id": list(ids),
            "label": words[labels],
            "suggested": words[suggested],
            "p_label": probabilities[rows, labels],
            "p_suggested": probabilities[rows, suggested],
            "likely": (seems >= 0) & (seems != labels),
        }
    )
    return table.sort_values("p_label", kind="stable").reset_index(drop=True)


def _class_thresholds(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """(K,) the mean probability of each class over the images with its label; 1 if none."""
    classes = probabilities.shape[1]
    counts = np.bincount(labels, minlength=classes)
    own = probabilities[np.arange(len(labels)), labels]
    sums = np.bincount(labels, own, classes)
    return np.where(counts > 0, sums / np.maximum(counts, 1), 1.0)


def _confident_class(probabilities: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """(N,) the most probable of the classes that reach their threshold; -1 where none does."""
    reached = np.where(probabilities >= thresholds, probabilities, -np.inf)
    return np.where(np.isfinite(reached).any(axis=1), reached.argmax(axis=1), -1)
