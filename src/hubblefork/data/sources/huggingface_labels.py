"""What is the label in a data set of Hugging Face: a column of classes, or 37 vote fractions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from hubblefork.core.errors import RequestError, first_few, nearest
from hubblefork.data.sources.table_columns import as_text, class_numbers
from hubblefork.data.sources.vote_fractions import checked_fractions, votes_in
from hubblefork.tasks.classes import Classes
from hubblefork.tasks.task import Task, Unlabelled

# How authors call the column of classes; `summary` is that of Galaxy Zoo Evo.
_USUAL = ("label", "labels", "summary")

# The `datasets` library writes this number where a class is not told.
_NOT_TOLD = -1


@dataclass(frozen=True)
class Labels:
    """What is known of each row.

    task: what a label means.
    known: (N,) bool, the rows that have a label; all of them where none is needed.
    columns: what a source's table needs: `label` or the 37 fractions.
    used: the columns of the data set that this was made of.
    """

    task: Task
    known: np.ndarray
    columns: Mapping[str, np.ndarray | pd.Series] = field(default_factory=dict)
    used: Sequence[str] = ()
    notes: Sequence[str] = ()


def read_labels(
    rows: pd.DataFrame,
    ids: pd.Series,
    names: Mapping[str, Sequence[str]],
    asked: str | None,
    labelled: bool,
    name: str,
) -> Labels:
    """Find the label of each row.

    rows, ids: the columns of numbers and text of the data set, and what to call a row.
    names: the names of classes, for each column that numbers them.
    asked: the column that the user named.
    labelled: whether labels are needed. Without, rows that have none make the task Unlabelled, and
        what is wrong with labels is told in the notes.

    Raises RequestError where it is not clear what the label is, or where it is no class.
    """
    column = _column(rows, names, asked, name)
    unlabelled = Labels(Unlabelled(), np.ones(len(rows), bool))
    try:
        if column is not None:
            labels = _read_classes(rows[column], names.get(column), name)
            return labels if labelled or labels.known.all() else unlabelled
        if votes := votes_in(rows):
            fractions = checked_fractions(rows, ids, name, votes.tree)
            return Labels(votes, unlabelled.known, dict(fractions.items()), list(fractions))
    except RequestError as error:
        if labelled:
            raise
        return replace(unlabelled, notes=[f"Read without labels: {error}."])
    if not labelled:
        return unlabelled
    columns = _columns(rows)
    if not columns:
        raise RequestError(f"{name} has images but no column of numbers or text for labels")
    raise RequestError(
        f"{name}: which column is the label? Choose one by :labels=COLUMN; found "
        f"{first_few(columns, 12)}"
    )


def _column(
    rows: pd.DataFrame, names: Mapping[str, Sequence[str]], asked: str | None, name: str
) -> str | None:
    """The column of classes; None where there is none, or none that is clearly it."""
    columns = _columns(rows)
    if asked is not None:
        if asked not in columns:
            hint = nearest(asked, columns) if columns else "it has none of numbers or text"
            raise RequestError(f"{name} has no column {asked!r} for labels; {hint}")
        return asked
    usual = [each for each in _USUAL if each in columns]
    numbered = [each for each in names if each in columns]
    if not usual and len(numbered) == 1:
        return numbered[0]
    return usual[0] if usual else None


def _columns(rows: pd.DataFrame) -> list[str]:
    """The columns that the data set has itself."""
    return [each for each in rows if each not in ("origin", "_split")]


def _read_classes(values: pd.Series, names: Sequence[str] | None, name: str) -> Labels:
    """Read a column of classes: numbers of `names`, or whatever words and whole numbers it has."""
    column, total = values.name, len(values)
    numbered = names is not None and values.dtype.kind in "iuf"
    if not numbered:
        values = as_text(_whole(values, name))
    known = values.notna().to_numpy()
    if numbered:
        known = known & (values != _NOT_TOLD).to_numpy()
    if not known.any():
        raise RequestError(f"{name}: none of its {total:,} rows has a {column}")
    notes = []
    if not known.all():
        number = f"{(~known).sum():,} of {total:,}"
        notes.append(f"{number} images have no {column} and were left out.")
    if numbered:
        found, numbers, absent = _named(values[known], names, name)
        if absent:
            notes.append(f"Classes without an image were left out: {first_few(absent)}.")
    else:
        found, numbers = class_numbers(values[known])
    if len(found) < 2:
        raise RequestError(f"{name} has only one class, {found[0]!r}; two or more are needed")
    if len(set(found)) < len(found):
        raise RequestError(f"{name}: two of its classes have one name: {first_few(found, 10)}")
    label = np.zeros(total, np.int64)
    label[known] = numbers
    return Labels(Classes(tuple(found)), known, {"label": label}, [column], notes)


def _whole(values: pd.Series, name: str) -> pd.Series:
    """Return the values, none of which may be a fraction."""
    if values.dtype.kind == "f" and (values.dropna() % 1 != 0).any():
        raise RequestError(
            f"{name}: {values.name} holds fractions such as {values.dropna().iloc[0]:g}, which are "
            "no classes; choose another column by :labels=COLUMN"
        )
    return values


def _named(
    values: pd.Series, names: Sequence[str], name: str
) -> tuple[list[str], np.ndarray, list[str]]:
    """Return the names that occur, each row's place among them, and the names that do not."""
    wrong = ~values.between(0, len(names) - 1) | (values % 1 != 0)
    if wrong.any():
        raise RequestError(
            f"{name}: {wrong.sum():,} rows have a {values.name} that is none of its {len(names)} "
            f"classes: {first_few(values[wrong].unique())}"
        )
    present, numbers = np.unique(values.to_numpy(np.int64), return_inverse=True)
    absent = [repr(each) for place, each in enumerate(names) if place not in present]
    return [str(names[place]) for place in present], numbers, absent
