"""Vote fractions in a table: the columns of a decision tree, checked before they are used."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from hubblefork.core.errors import RequestError, first_few
from hubblefork.sky.decision_tree import DecisionTree, load_tree, tree_names
from hubblefork.tasks.votes import Votes

# Kaggle's file has six decimals, so that sums of up to seven answers differ from their parent by
# a few millionths; more than this is a mistake. (Of kaggle_mini's 100 rows none differs by 1e-5.)
TOLERANCE = 1e-4


def votes_in(columns: Iterable[str]) -> Votes | None:
    """The task of a table that has a column for each answer of a known tree, in any order.

    >>> votes_in(["id", "Class1.1"]) is None
    True
    >>> votes_in(["id", *load_tree("galaxy-zoo-2").columns]).tree.title
    'Galaxy Zoo 2'
    """
    there = set(columns)
    trees = map(load_tree, tree_names())
    return next((Votes(tree) for tree in trees if there.issuperset(tree.columns)), None)


def votes_of_length(answers: int) -> Votes | None:
    """The task of rows of so many fractions without names: the first tree with as many answers."""
    trees = map(load_tree, tree_names())
    return next((Votes(tree) for tree in trees if len(tree.columns) == answers), None)


def checked_fractions(
    table: pd.DataFrame, ids: pd.Series, name: str, tree: DecisionTree
) -> pd.DataFrame:
    """Return the columns of `tree` in its order, weighted down the tree, as (N, answers) float64.

    ids: (N,), what names a row in a message; name: the source, as the user gave it. Where the
    tree's published fractions are of those who were asked, a question that nobody came to may be
    empty.

    Raises RequestError, naming the rows, where a fraction is not a number from 0 to 1, and where
    the answers to a question do not sum to the fraction of their parent answer within `TOLERANCE`.
    """
    columns = list(tree.columns)
    given = table[columns]
    numbers = given.apply(pd.to_numeric, errors="coerce").astype("float64")
    if tree.fractions_of == "asked":
        numbers = _weighted(numbers, given, tree)
    # A fraction of 1.000001 is rounding, as a sum of 1.000001 is.
    wrong = ~numbers.ge(-TOLERANCE).to_numpy() | ~numbers.le(1 + TOLERANCE).to_numpy()
    if wrong.any():
        _complain("fractions that are not numbers from 0 to 1", wrong, ids, name, [
            f"{columns[place]} is {_word(given.iat[row, place])}" for row, place in _firsts(wrong)
        ])  # fmt: skip
    fractions = numbers.to_numpy()
    broken = tree.check(fractions, TOLERANCE)
    if broken.any():
        _complain("answers that do not sum to their parent's fraction", broken, ids, name, [
            _broken_sum(tree, fractions[[row]], place) for row, place in _firsts(broken)
        ])  # fmt: skip
    return numbers


def _weighted(own: pd.DataFrame, given: pd.DataFrame, tree: DecisionTree) -> pd.DataFrame:
    """Fractions of those who were asked, weighted down the tree; a question nobody reached is 0."""
    values = own.to_numpy(copy=True)
    empty = given.isna().to_numpy()
    for question in tree.questions:
        unasked = empty[:, question.columns].all(axis=1)
        reached = tree.reached(np.nan_to_num(values), question)
        values[:, question.columns] *= reached[:, None]
        # Empty only where nobody was asked: else it stays missing, which is a mistake.
        values[unasked & (reached <= TOLERANCE), question.columns] = 0.0
    return pd.DataFrame(values, columns=own.columns, index=own.index)


def _firsts(wrong: np.ndarray) -> list[tuple[int, int]]:
    """The first few wrong rows of (N, K), each with its first wrong place."""
    rows = np.flatnonzero(wrong.any(axis=1))[:3]
    return [(int(row), int(wrong[row].argmax())) for row in rows]


def _complain(what: str, wrong: np.ndarray, ids: pd.Series, name: str, details: list[str]) -> None:
    bad = wrong.any(axis=1)
    named = [f"{each} ({why})" for each, why in zip(ids[bad].iloc[:3], details, strict=True)]
    named += list(ids[bad].iloc[3:])
    raise RequestError(
        f"{name}: {bad.sum():,} of {len(wrong):,} rows have {what}: {first_few(named)}; "
        "correct or remove these rows"
    )


def _broken_sum(tree: DecisionTree, fractions: np.ndarray, place: int) -> str:
    question = tree.questions[place]
    total = fractions[0, question.columns].sum()
    expected = tree.reached(fractions, question)[0]
    return (
        f"{question.answers[0].column} to {question.answers[-1].column} sum to {total:.6g}, "
        f"{question.parent + ' is' if question.parent else 'expected'} {expected:.6g}"
    )


def _word(value: object) -> str:
    return "missing" if pd.isna(value) else str(value)
