"""Folds for cross-validation: stratified by class, with groups of images kept whole."""

import warnings

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from hubblefork.data.groups import commonest


def groups_per_class(labels: np.ndarray, groups: np.ndarray, classes: int) -> np.ndarray:
    """How many groups belong to each class (classes,): a group is of its commonest class.

    labels: (N,) class numbers. groups: (N,) the number of each image's group.

    >>> groups_per_class(np.array([0, 0, 0, 1, 1]), np.array([5, 5, 6, 6, 7]), 3)
    array([2, 1, 0])
    """
    group = np.unique(groups, return_inverse=True)[1]
    return np.bincount(commonest(group, labels), minlength=classes)


def deal_folds(labels: np.ndarray, groups: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """The fold of each image (N,), from 0 to folds - 1.

    No group is divided, and classes have about the same fractions in every fold. Each class is in
    every fold if it has as many groups as there are folds (see `groups_per_class`) and no image of
    it is in a group with other classes; the caller checks this.

    >>> fold = deal_folds(np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 1, 2, 3, 4]), 2, seed=0)
    >>> bool(fold[0] == fold[1]), np.bincount(fold[4:]).tolist()
    (True, [1, 1])
    """
    dealt = np.empty(len(labels), np.int64)
    divider = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # A class whose images are all in groups of other classes may be smaller than the folds.
        warnings.filterwarnings("ignore", message="The least populated class")
        for fold, (_, held_out) in enumerate(divider.split(labels, labels, groups)):
            dealt[held_out] = fold
    return dealt
