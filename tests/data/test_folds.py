"""Folds keep groups whole and classes even."""

import numpy as np
import pytest

from hubblefork.data.folds import deal_folds, groups_per_class


@pytest.mark.parametrize("seed", [0, 1])
def test_a_class_of_single_images_is_even_over_folds(seed):
    labels = np.repeat([0, 1, 2], [43, 20, 5])
    fold = deal_folds(labels, np.arange(len(labels)), 5, seed)
    counts = [np.bincount(fold[labels == label], minlength=5) for label in range(3)]
    assert all(np.ptp(count) <= 1 for count in counts)
    assert counts[2].tolist() == [1] * 5, "a class of five is in every fold"


def test_groups_are_never_divided_and_seeds_differ():
    groups = np.repeat(np.arange(30), np.arange(30) % 4 + 1)
    labels = groups % 3
    folds = [deal_folds(labels, groups, 3, seed) for seed in (0, 0, 1)]
    for fold in folds:
        assert all(len(set(fold[groups == group])) == 1 for group in range(30))
    assert (folds[0] == folds[1]).all()
    assert (folds[0] != folds[2]).any()


def test_a_group_is_of_its_commonest_class():
    labels, groups = np.array([0, 0, 1, 1, 1, 2]), np.array([9, 9, 9, 4, 4, 9])
    assert groups_per_class(labels, groups, 3).tolist() == [1, 1, 0]
    deal_folds(np.repeat([0, 1], [20, 1]), np.arange(21), 5, 0)  # a small class is no error here
