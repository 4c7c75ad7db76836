"""What vote fractions say of a sample, before anything is predicted."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from hubblefork.sky.class_rules import NO_CLASS, rules_of
from hubblefork.sky.decision_tree import DecisionTree


@dataclass(frozen=True, eq=False)
class VoteSummary:
    """What vote fractions (N, answers) say of a sample.

    tree: the questions. first: the fractions of the answers to the first question (N, answers).
    reached: for each question the mean fraction of volunteers who came to it, and the number of
        galaxies for which half of them did.
    rules: the number of galaxies of each class by each rule that turns votes into classes.
    rmse_of_mean: the error of giving every galaxy the mean fractions of all.
    """

    tree: DecisionTree = field(repr=False)
    first: np.ndarray = field(repr=False)
    reached: list[tuple[float, int]]
    rules: Mapping[str, Mapping[str, int]]
    rmse_of_mean: float


def summarise_votes(fractions: np.ndarray, tree: DecisionTree) -> VoteSummary:
    """Summarise vote fractions (N, answers), weighted down the tree."""
    shares = [tree.reached(fractions, question) for question in tree.questions]
    rules = {}
    for rule, (names, classify) in rules_of(tree).items():
        found = classify(fractions)
        counts = np.bincount(found[found != NO_CLASS], minlength=len(names)).tolist()
        rules[rule] = dict(zip(names, counts, strict=True))
    return VoteSummary(
        tree=tree,
        first=fractions[:, tree.question(1).columns],
        reached=[(float(share.mean()), int((share >= 0.5).sum())) for share in shares],
        rules=rules,
        rmse_of_mean=float(np.sqrt(fractions.var(axis=0, dtype=np.float64).mean())),
    )
