"""The table of a file of arrays: an id for each image, its label, and what else is known."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from hubblefork.core.errors import RequestError
from hubblefork.data.sources.array_files import Array
from hubblefork.data.sources.base import display_text
from hubblefork.data.sources.class_labels import classes_of, spelling_notes
from hubblefork.data.sources.ids import find_ids, id_columns
from hubblefork.data.sources.table_columns import known_columns
from hubblefork.data.sources.vote_fractions import checked_fractions, votes_of_length
from hubblefork.tasks.task import Task

# Arrays with one value an image that become columns of the table, beside those of ids.
_OTHERS = ("split", "group", "ra", "dec", "redshift", "pxscale")


def is_column(name: str) -> bool:
    """Whether an array of this name is a column of the table, and no labels.

    >>> is_column("object_id"), is_column("ra"), is_column("target")
    (True, True, False)
    """
    return name in _OTHERS or bool(id_columns([name]))


def read_columns(
    arrays: Sequence[Array], number: int, stem: str, name: str, ids: Array | None = None
) -> tuple[pd.DataFrame, list[str]]:
    """Return the table of this many images, and notes on its ids.

    It has the columns id, and group, split, ra, dec and others if known.

    stem: the beginning of the ids where the file has none. ids: the array that the user named.

    Raises RequestError where ids are missing or repeated, or there are more or fewer.
    """
    if ids is not None and ids.shape not in ((number,), (number, 1)):
        raise RequestError(f"{name}: {ids} cannot be the ids of {number:,} images")
    values = {each.last: each for each in arrays
              if each.shape in ((number,), (number, 1)) and each.dtype.kind in "biufSUO"
              and not each.problem}  # fmt: skip
    names = id_columns(values) if ids is None else []
    others = [each for each in arrays if each.last not in values and id_columns([each.last])]
    notes = [f"{each} cannot be the ids of {number:,} images." for each in others]
    read = pd.DataFrame({each: values[each].column() for each in names}, index=range(number))
    if ids is not None:
        read[ids.last] = ids.column()
    asked = None if ids is None else ids.last
    words = (
        f"images are identified as {stem} and the number of the row (:id=KEY names an array of ids)"
    )
    found = find_ids(read, asked, row_ids(stem, number), words, name)
    columns = {each: values[each].column() for each in _OTHERS if each in values}
    table = known_columns(pd.DataFrame({"id": found.values, **columns}), name)
    return found.grouped(table), [*notes, *found.notes]


def row_ids(stem: str, number: int) -> pd.Series:
    """Ids of this many rows.

    >>> list(row_ids("sky", 11))[-1]
    'sky-10'
    """
    digits = len(str(number - 1))
    return pd.Series([f"{stem}-{row:0{digits}d}" for row in range(number)], dtype="str")


def origins(path: Path, number: int) -> list[str]:
    """Where each image is, for messages: the file and the row."""
    where = display_text(path.name)
    return [f"{where} row {row}" for row in range(number)]


def labels_of(
    array: Array, names: Sequence[str], ids: pd.Series
) -> tuple[Task, pd.DataFrame, list[str]]:
    """Return the task of an array, its column `label` (class index) or vote fractions, and notes.

    array: (N,) or (N, 1) whole numbers or text; (N, K) one-hot; (N, answers of a tree) vote
        fractions. names: of the classes, where they are known. ids: (N,), for messages.

    Raises RequestError where the labels are none of these, missing, or beyond the names.
    """
    if array.dtype.kind not in "biufSUO" or len(array.shape) > 2:
        raise RequestError(
            f"{array.file}: {array} cannot be labels; expected whole numbers, text, one-hot rows, "
            "or rows of vote fractions"
        )
    if array.shape[1:] in ((), (1,)):
        values = array.column()
    else:
        rows = array.all()
        if not _is_one_hot(rows):
            return *_votes(array, rows, ids), []
        # A class without an image is a class still.
        names = names or [str(each) for each in range(rows.shape[1])]
        values = pd.Series(rows.argmax(axis=1))
    if values.dtype.kind == "b":
        values = values.astype("int64")
    task, label = classes_of(values, array.file, names, f"labels of {array}")
    return task, pd.DataFrame({"label": label}), spelling_notes([*names, *values.unique()])


def _is_one_hot(rows: np.ndarray) -> bool:
    """Whether each row has a single one; fractions of votes never do, as two questions are
    asked of every galaxy."""
    if rows.dtype.kind not in "biuf":
        return False
    return bool(np.all((rows == 0) | (rows == 1)) and np.all((rows == 1).sum(axis=1) == 1))


def _votes(array: Array, rows: np.ndarray, ids: pd.Series) -> tuple[Task, pd.DataFrame]:
    task = None if array.is_text else votes_of_length(rows.shape[1])
    if task is None:
        raise RequestError(
            f"{array.file}: {array} cannot be labels: its rows are neither one-hot (a single 1, "
            "otherwise 0) nor one vote fraction for each answer of a known decision tree"
        )
    table = pd.DataFrame(rows.astype(np.float64), columns=list(task.names))
    return task, checked_fractions(table, ids, array.file, task.tree)
