"""Names of galaxy classes, and the rules that convert vote fractions to a class.

Galaxy10 (Leung & Bovy, https://github.com/henrysky/Galaxy10) and the five clean classes of
Zhu et al. 2019, Ap&SS 364, 55, are both defined by thresholds on the 37 vote fractions of Galaxy
Zoo 2. A galaxy on which the volunteers do not agree has no class.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from hubblefork.sky.decision_tree import GALAXY_ZOO_2, DecisionTree

# A class is its index in these tuples: the labels 0 to 9 of Galaxy10.h5 and Galaxy10_DECals.h5.
GALAXY10_SDSS = (
    "Disk, Face-on, No Spiral",
    "Smooth, Completely round",
    "Smooth, in-between round",
    "Smooth, Cigar shaped",
    "Disk, Edge-on, Rounded Bulge",
    "Disk, Edge-on, Boxy Bulge",
    "Disk, Edge-on, No Bulge",
    "Disk, Face-on, Tight Spiral",
    "Disk, Face-on, Medium Spiral",
    "Disk, Face-on, Loose Spiral",
)
GALAXY10_DECALS = (
    "Disturbed",
    "Merging",
    "Round Smooth",
    "In-between Round Smooth",
    "Cigar Shaped Smooth",
    "Barred Spiral",
    "Unbarred Tight Spiral",
    "Unbarred Loose Spiral",
    "Edge-on without Bulge",
    "Edge-on with Bulge",
)
FIVE_CLASSES = (
    "completely_round_smooth",
    "in_between_smooth",
    "cigar_shaped_smooth",
    "edge_on",
    "spiral",
)
# Class names that are written for a computer, and as people write them.
DISPLAY_NAMES = {
    "completely_round_smooth": "Completely round, smooth",
    "in_between_smooth": "In between, smooth",
    "cigar_shaped_smooth": "Cigar shaped, smooth",
    "edge_on": "Edge-on",
    "spiral": "Spiral",
}
NO_CLASS = -1

# The five clean classes that contain those of Galaxy10; a disk without spiral arms is in none.
GALAXY10_TO_FIVE = (NO_CLASS, 0, 1, 2, 3, 3, 3, 4, 4, 4)

# "More than 55 % of the votes agree" (Galaxy10's own words).
_AGREEMENT = 0.55
# The answer that ends each Galaxy10 class's path down the tree.
_GALAXY10_ANSWERS = (
    "Class4.2",
    "Class7.1",
    "Class7.2",
    "Class7.3",
    "Class9.1",
    "Class9.2",
    "Class9.3",
    "Class10.1",
    "Class10.2",
    "Class10.3",
)
# The thresholds of one class: the range of each answer's fraction, both ends included.
Ranges = Mapping[str, tuple[float, float]]

# Each of the five classes: answers and the smallest fraction of each (Zhu et al. 2019, table 1).
_FIVE_CLASS_RANGES: tuple[Ranges, ...] = (
    {"Class1.1": (0.469, 1), "Class7.1": (0.5, 1)},
    {"Class1.1": (0.469, 1), "Class7.2": (0.5, 1)},
    {"Class1.1": (0.469, 1), "Class7.3": (0.5, 1)},
    {"Class1.2": (0.430, 1), "Class2.1": (0.602, 1)},
    {"Class1.2": (0.430, 1), "Class2.2": (0.715, 1), "Class4.1": (0.619, 1)},
)


def galaxy10_class(fractions: np.ndarray) -> np.ndarray:
    """Return the Galaxy10 SDSS class of each galaxy, or -1 where the volunteers do not agree.

    `fractions` is (N, 37), weighted down the tree; the result is (N,) of int. A class is a path,
    such as features or disk, not edge-on, spiral, tight. The weighted fraction of the path's last
    answer is the fraction of all volunteers who agree on the whole path, so it alone is compared:
    a galaxy is of the class whose last answer has more than 0.55. Because the paths exclude each
    other, no galaxy has two classes.

    (55 % at each step of the path separately, among those who were asked that question, would give
    other counts: Galaxy10 contains 35 % of Kaggle's 61,578 galaxies. Of 100 galaxies inspected, the
    weighted rule gives 42, with the class fractions of Galaxy10; the stepwise rule gives 73.)

    >>> votes = np.zeros((2, 37))
    >>> votes[0, [GALAXY_ZOO_2.index("Class1.1"), GALAXY_ZOO_2.index("Class7.2")]] = 0.9, 0.7
    >>> [int(label) for label in galaxy10_class(votes)]
    [2, -1]
    """
    fractions = np.asarray(fractions)
    agreed = fractions[:, [GALAXY_ZOO_2.index(column) for column in _GALAXY10_ANSWERS]]
    best = agreed.argmax(axis=1)
    return np.where(agreed.max(axis=1) > _AGREEMENT, best, NO_CLASS)


def five_class(fractions: np.ndarray) -> np.ndarray:
    """Return which of `FIVE_CLASSES` each galaxy is, or -1 for none.

    `fractions` is (N, 37), weighted down the tree; the result is (N,) of int. A galaxy that
    satisfies the thresholds of two classes is of the first one.
    """
    return class_by_ranges(fractions, _FIVE_CLASS_RANGES)


def class_by_ranges(
    fractions: np.ndarray, classes: Sequence[Ranges], tree: DecisionTree = GALAXY_ZOO_2
) -> np.ndarray:
    """Return for each galaxy the first class whose ranges contain its fractions, or -1 for none.

    `fractions` is (N, answers of `tree`), weighted down it; the result is (N,) of int. A fraction
    above 1 by rounding is 1.

    >>> votes = np.zeros((2, 37))
    >>> votes[0, GALAXY_ZOO_2.index("Class6.1")] = 0.6
    >>> odd, plain = {"Class6.1": (0.42, 1)}, {"Class6.1": (0, 0.2)}
    >>> [int(label) for label in class_by_ranges(votes, [odd, plain])]
    [0, 1]
    """
    fractions = np.minimum(fractions, 1)
    label = np.full(len(fractions), NO_CLASS)
    for place in reversed(range(len(classes))):
        holds = np.ones(len(fractions), dtype=bool)
        for column, (least, most) in classes[place].items():
            value = fractions[:, tree.index(column)]
            holds &= (value >= least) & (value <= most)
        label[holds] = place
    return label


# The rules with a name: the names of their classes, and a function of fractions (N, 37).
RULES = {"galaxy10": (GALAXY10_SDSS, galaxy10_class), "five": (FIVE_CLASSES, five_class)}


def rules_of(
    tree: DecisionTree,
) -> Mapping[str, tuple[Sequence[str], Callable[[np.ndarray], np.ndarray]]]:
    """The rules with a name that convert the votes of a tree to classes.

    >>> list(rules_of(GALAXY_ZOO_2))
    ['galaxy10', 'five']
    """
    return RULES if tree == GALAXY_ZOO_2 else {}
