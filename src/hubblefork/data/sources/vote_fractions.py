"""Vote fractions in a table: the 37 columns of Galaxy Zoo 2, checked before they are used."""

import numpy as np
import pandas as pd

from hubblefork.core.errors import RequestError, first_few
from hubblefork.sky.decision_tree import GALAXY_ZOO_2

# Kaggle's file has six decimals, so that sums of up to seven answers differ from their parent by
# a few millionths; more than this is a mistake. (Of kaggle_mini's 100 rows none differs by 1e-5.)
TOLERANCE = 1e-4


def has_fractions(table: pd.DataFrame) -> bool:
    """Whether a table has a column for each of the 37 answers, in any order.

    >>> has_fractions(pd.DataFrame(columns=["id", "Class1.1"]))
    False
    """
    return set(GALAXY_ZOO_2.columns) <= set(table)


def checked_fractions(table: pd.DataFrame, ids: pd.Series, name: str) -> pd.DataFrame:
    """Return the 37 columns of `table` in the tree's order, as numbers (N, 37) float64.

    ids: (N,), what names a row in a message; name: the source, as the user gave it.

    Raises RequestError, naming the rows, where a fraction is no number from 0 to 1, and where the
    answers to a question do not sum to the fraction of their parent answer within `TOLERANCE`.
    """
    columns = list(GALAXY_ZOO_2.columns)
    given = table[columns]
    numbers = given.apply(pd.to_numeric, errors="coerce").astype("float64")
    # A fraction of 1.000001 is rounding, as a sum of 1.000001 is.
    wrong = ~numbers.ge(-TOLERANCE).to_numpy() | ~numbers.le(1 + TOLERANCE).to_numpy()
    if wrong.any():
        _complain("fractions that are no number from 0 to 1", wrong, ids, name, [
            f"{columns[place]} is {_word(given.iat[row, place])}" for row, place in _firsts(wrong)
        ])  # fmt: skip
    fractions = numbers.to_numpy()
    broken = GALAXY_ZOO_2.check(fractions, TOLERANCE)
    if broken.any():
        _complain("answers that do not sum to their parent's fraction", broken, ids, name, [
            _broken_sum(fractions[[row]], place) for row, place in _firsts(broken)
        ])  # fmt: skip
    return numbers


def _firsts(wrong: np.ndarray) -> list[tuple[int, int]]:
    """The first few wrong rows of (N, K), each with its first wrong place."""
    rows = np.flatnonzero(wrong.any(axis=1))[:3]
    return [(int(row), int(wrong[row].argmax())) for row in rows]


def _complain(what: str, wrong: np.ndarray, ids: pd.Series, name: str, details: list[str]) -> None:
    bad = wrong.any(axis=1)
    named = [f"{each} ({why})" for each, why in zip(ids[bad].iloc[:3], details, strict=True)]
    named += list(ids[bad].iloc[3:])
    raise RequestError(
        f"{name}: {bad.sum():,} of {len(bad):,} rows have {what}: {first_few(named)}; "
        "correct or remove these rows"
    )


def _broken_sum(fractions: np.ndarray, place: int) -> str:
    question = GALAXY_ZOO_2.questions[place]
    total = fractions[0, question.columns].sum()
    expected = GALAXY_ZOO_2.reached(fractions, question)[0]
    return (
        f"{question.answers[0].column} to {question.answers[-1].column} sum to {total:.6g}, "
        f"{question.parent + ' is' if question.parent else 'expected'} {expected:.6g}"
    )


def _word(value: object) -> str:
    return "missing" if pd.isna(value) else str(value)
