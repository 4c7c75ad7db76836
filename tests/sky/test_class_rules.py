"""Votes become the published classes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hubblefork.sky.class_rules import (
    FIVE_CLASSES,
    GALAXY10_DECALS,
    GALAXY10_SDSS,
    GALAXY10_TO_FIVE,
    NO_CLASS,
    class_by_ranges,
    five_class,
    galaxy10_class,
)
from hubblefork.sky.decision_tree import GALAXY_ZOO_2


def votes(**answers: float) -> np.ndarray:
    """One galaxy's fractions; `c7_1=0.6` stands for Class7.1 = 0.6, the rest are 0."""
    fractions = np.zeros((1, 37))
    for name, value in answers.items():
        fractions[0, GALAXY_ZOO_2.index("Class" + name[1:].replace("_", "."))] = value
    return fractions


def test_names_are_ten_ten_and_five():
    assert len(set(GALAXY10_SDSS)) == len(set(GALAXY10_DECALS)) == 10
    assert len(set(FIVE_CLASSES)) == 5


def test_the_five_classes_are_those_of_the_real_catalogue(real_data: Path):
    catalogue = pd.read_csv(real_data / "gz2_five_class" / "catalog.csv")
    assert set(catalogue["label"]) == set(FIVE_CLASSES)


def test_56_of_the_100_real_galaxies_have_one_of_the_five_classes(real_data: Path):
    table = pd.read_csv(real_data / "kaggle_mini" / "training_solutions_rev1.csv")
    labels = five_class(table[list(GALAXY_ZOO_2.columns)].to_numpy())
    assert (labels != NO_CLASS).sum() == 56
    assert np.bincount(labels[labels >= 0], minlength=5).tolist() == [20, 17, 1, 2, 16]


def test_42_of_the_100_real_galaxies_have_a_galaxy10_class(real_data: Path):
    table = pd.read_csv(real_data / "kaggle_mini" / "training_solutions_rev1.csv")
    labels = galaxy10_class(table[list(GALAXY_ZOO_2.columns)].to_numpy())
    assert (labels != NO_CLASS).sum() == 42


@pytest.mark.parametrize(
    ("fractions", "label"),
    [
        (votes(c1_2=0.9, c2_2=0.9, c4_2=0.7), 0),
        (votes(c1_1=0.9, c7_1=0.6), 1),
        (votes(c1_1=0.9, c7_2=0.6), 2),
        (votes(c1_1=0.9, c7_3=0.6), 3),
        (votes(c1_2=0.9, c2_1=0.8, c9_1=0.6), 4),
        (votes(c1_2=0.9, c2_1=0.8, c9_2=0.6), 5),
        (votes(c1_2=0.9, c2_1=0.8, c9_3=0.6), 6),
        (votes(c1_2=0.9, c2_2=0.9, c4_1=0.8, c10_1=0.6), 7),
        (votes(c1_2=0.9, c2_2=0.9, c4_1=0.8, c10_2=0.6), 8),
        (votes(c1_2=0.9, c2_2=0.9, c4_1=0.8, c10_3=0.6), 9),
        (votes(c1_1=0.9, c7_1=0.55), NO_CLASS),  # more than 55 % is asked for
        (votes(c1_3=1.0), NO_CLASS),
    ],
)
def test_galaxy10_class_is_the_path_most_volunteers_agree_on(fractions: np.ndarray, label: int):
    assert galaxy10_class(fractions).tolist() == [label]


@pytest.mark.parametrize(
    ("fractions", "label"),
    [
        (votes(c1_1=0.9, c7_1=0.5), 0),
        (votes(c1_1=0.9, c7_2=0.5), 1),
        (votes(c1_1=0.9, c7_3=0.5), 2),
        (votes(c1_2=0.7, c2_1=0.602), 3),
        (votes(c1_2=0.8, c2_2=0.715, c4_1=0.619), 4),
        (votes(c1_2=0.8, c2_2=0.714, c4_1=0.7), NO_CLASS),
        (votes(c1_1=0.6, c7_1=0.3, c7_2=0.3), NO_CLASS),
    ],
)
def test_five_class_is_by_thresholds(fractions: np.ndarray, label: int):
    assert five_class(fractions).tolist() == [label]


def test_ten_classes_merge_into_the_five_by_name():
    assert GALAXY10_TO_FIVE[0] == NO_CLASS
    for ten, five in enumerate(GALAXY10_TO_FIVE[1:], start=1):
        name = GALAXY10_SDSS[ten].lower().replace("-", " ")
        word = FIVE_CLASSES[five].split("_smooth")[0].replace("_", " ").removesuffix(" shaped")
        assert word in name


def test_both_ends_of_a_range_belong_to_it_and_the_first_class_counts():
    classes = [{"Class6.1": (0.25, 0.5)}, {"Class6.1": (0.5, 1)}]
    fractions = np.concatenate([votes(c6_1=value) for value in (0.2, 0.25, 0.5, 0.51, 1.00001)])
    assert class_by_ranges(fractions, classes).tolist() == [NO_CLASS, 0, 0, 1, 1]
