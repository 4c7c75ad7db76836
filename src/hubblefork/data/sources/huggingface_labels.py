"""The labels of a Hugging Face data set: a column of classes, or the fractions of votes."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from hubblefork.core.errors import RequestError, first_few
from hubblefork.data.sources.class_labels import class_numbers, merged_names, spelling_notes
from hubblefork.data.sources.ids import find_column
from hubblefork.data.sources.table_columns import as_text
from hubblefork.data.sources.vote_fractions import checked_fractions, votes_in
from hubblefork.tasks.classes import Classes
from hubblefork.tasks.task import Task, Unlabelled

# Usual names of the column of classes; `summary` is that of Galaxy Zoo Evo.
_USUAL = ("label", "labels", "summary")

# The `datasets` library writes this number where the class is unknown.
_UNKNOWN = -1


class Labels(NamedTuple):
    """The labels of N rows.

    task: what a label means.
    known: (N,) bool, the rows that have a label; all of them where none is needed.
    columns: what a source's table needs: `label` or the fractions of votes.
    used: the columns of the data set that this was made of.
    """

    task: Task
    known: np.ndarray
    columns: Mapping[str, np.ndarray | pd.Series] = {}
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

    rows, ids: the columns of numbers and text of the data set, and what to call a row in messages.
    names: the class names, for each column that has numbers in their place.
    asked: the column that the user named.
    labelled: whether labels are needed. Without, rows that have none make the task Unlabelled, and
        unusable labels are a note.

    Raises RequestError where it is not clear which column holds labels, or its values are none.
    """
    column = _label_column(rows, names, asked, name)
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
        return unlabelled._replace(notes=[f"Read without labels: {error}."])
    if not labelled:
        return unlabelled
    if not rows.shape[1]:
        raise RequestError(f"{name} has images but no column of numbers or text for labels")
    raise RequestError(
        f"{name}: which column is the label? Choose one by :labels=COLUMN; found "
        f"{first_few(rows, 12)}"
    )


def _label_column(
    rows: pd.DataFrame, names: Mapping[str, Sequence[str]], asked: str | None, name: str
) -> str | None:
    """Return the column of classes; None where none is obvious."""
    asked = None if asked is None else find_column(asked, rows, name, "labels")
    usual = [each for each in (asked, *_USUAL) if each in rows]
    named = [each for each in names if each in rows]
    return (usual or (named if len(named) == 1 else [None]))[0]


def _read_classes(values: pd.Series, names: Sequence[str] | None, name: str) -> Labels:
    """Read a column of classes: numbers of `names`, or whatever words and whole numbers it has."""
    column, total = values.name, len(values)
    notes: list[str] = []
    if values.dtype.kind not in "iuf":
        names = None  # the column itself has them
    if names is None:
        if values.dtype.kind == "f" and (values.dropna() % 1 != 0).any():
            raise RequestError(
                f"{name}: {column} holds fractions such as {values.dropna().iloc[0]:g}, which are "
                "not classes; choose another column by :labels=COLUMN"
            )
        notes += spelling_notes(values.unique())
        values = as_text(values)
    known = values.notna().to_numpy()
    if names is not None:
        known = known & (values != _UNKNOWN).to_numpy()
    if not known.any():
        raise RequestError(f"{name}: none of its {total:,} rows has a {column}")
    if not known.all():
        number = f"{(~known).sum():,} of {total:,}"
        notes.append(f"{number} images have no {column} and were left out.")
    if names is not None:
        present, numbers = np.unique(values[known], return_inverse=True)
        wrong = [each for each in present if each not in range(len(names))]
        if wrong:
            raise RequestError(
                f"{name}: {values.isin(wrong).sum():,} rows have a {column} that is none of its "
                f"{len(names)} classes: {first_few(wrong)}"
            )
        # Some data sets give several unused numbers one name.
        own = [str(names[int(each)]) for each in present]
        found, merged = merged_names(own, name)
        numbers, notes = merged[numbers], [*notes, *spelling_notes(own)]
        if absent := [repr(each) for number, each in enumerate(names) if number not in present]:
            notes.append(f"Classes without an image were left out: {first_few(absent)}.")
    else:
        found, numbers = class_numbers(values[known])
    if len(found) < 2:
        raise RequestError(f"{name} has only one class, {found[0]!r}; two or more are needed")
    label = np.zeros(total, np.int64)
    label[known] = numbers
    return Labels(Classes(tuple(found)), known, {"label": label}, [column], notes)
