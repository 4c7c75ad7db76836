"""Which labels are likely wrong, from what classifiers say that never saw them.

Confident learning (Northcutt, Jiang and Chuang 2021, J. Artif. Intell. Res. 70, 1373): a picture
whose probability of another class is as high as that class's own pictures have on average is
likely of that class. The probabilities must be out of fold: each by a classifier that was trained
without the picture, or it has learnt the wrong label by heart.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hubblefork.evaluation.classes import checked


def likely_mislabels(
    ids: Sequence[str], labels: np.ndarray, probabilities: np.ndarray, names: Sequence[str]
) -> pd.DataFrame:
    """Rank pictures by how likely their label is wrong, the most likely first.

    Parameters
    ----------
    ids : N names of pictures.
    labels : (N,) numbers of the classes that they are said to be of.
    probabilities : (N, K) out-of-fold probabilities of each class.
    names : the K class names.

    Returns
    -------
    Table of N rows: id, label, suggested (the class that fits best, other than the label),
    p_label and p_suggested (their probabilities), margin, and likely: whether confident learning
    counts it as an error.

        margin = (p_label - t_label) - (p_suggested - t_suggested), from -2 to 2, ascending,

    where t is a class's threshold, the mean probability of it over the pictures that are said to
    be of it. Taking the thresholds away keeps a class that is hard to recognise from filling the
    top of the list with right labels of low probability.

    >>> table = likely_mislabels(["a", "b", "c"], np.array([0, 1, 1]),
    ...     np.array([[0.9, 0.1], [0.2, 0.8], [0.95, 0.05]]), ["disc", "arm"])
    >>> table.loc[0, "id"], table.loc[0, "suggested"], bool(table.loc[0, "likely"])
    ('c', 'disc', True)
    """
    labels, probabilities = checked(labels, probabilities, names)
    rows = np.arange(len(labels))
    thresholds = class_thresholds(labels, probabilities)
    above = probabilities - thresholds
    others = above.copy()
    others[rows, labels] = -np.inf
    suggested = others.argmax(axis=1)
    seems = confident_class(probabilities, thresholds)
    words = np.array(names, dtype=object)
    table = pd.DataFrame(
        {
            "id": list(ids),
            "label": words[labels],
            "suggested": words[suggested],
            "p_label": probabilities[rows, labels],
            "p_suggested": probabilities[rows, suggested],
            "margin": above[rows, labels] - above[rows, suggested],
            "likely": (seems >= 0) & (seems != labels),
        }
    )
    return table.sort_values("margin", kind="stable").reset_index(drop=True)


def class_thresholds(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """(K,) the mean probability of each class over the pictures said to be of it; 1 if none."""
    classes = probabilities.shape[1]
    counts = np.bincount(labels, minlength=classes)
    own = probabilities[np.arange(len(labels)), labels]
    sums = np.bincount(labels, own, classes)
    return np.where(counts > 0, sums / np.maximum(counts, 1), 1.0)


def confident_class(probabilities: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """(N,) the most probable of the classes that reach their threshold; -1 where none does."""
    reached = np.where(probabilities >= thresholds, probabilities, -np.inf)
    return np.where(np.isfinite(reached).any(axis=1), reached.argmax(axis=1), -1)


def confusion_of_labels(
    labels: np.ndarray, probabilities: np.ndarray, names: Sequence[str]
) -> np.ndarray:
    """The confident joint (K, K): pictures by the class said, and the class they seem to be of.

    Off the diagonal stands how many labels of each kind are likely wrong; pictures that are sure
    of no class are not counted.
    """
    labels, probabilities = checked(labels, probabilities, names)
    seems = confident_class(probabilities, class_thresholds(labels, probabilities))
    counted = seems >= 0
    joint = np.zeros((len(names), len(names)), dtype=np.int64)
    np.add.at(joint, (labels[counted], seems[counted]), 1)
    return joint
