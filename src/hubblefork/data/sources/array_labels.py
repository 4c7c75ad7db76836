"""What an array of labels means: classes by number, by name or one-hot, or vote fractions."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hubblefork.core.errors import RequestError, first_few
from hubblefork.data.sources.array_files import Array
from hubblefork.data.sources.table_columns import as_text, class_numbers
from hubblefork.data.sources.vote_fractions import checked_fractions, votes_of_length
from hubblefork.tasks.classes import Classes
from hubblefork.tasks.task import Task


def read_labels(array: Array, names: Sequence[str], ids: pd.Series) -> tuple[Task, pd.DataFrame]:
    """Return the task, and the column `label` (index of the class) or the vote fractions.

    array: (N,) or (N, 1) whole numbers or text; (N, K) one-hot; (N, answers of a tree) vote
        fractions.
    names: of the classes, where the file has them.
    ids: (N,), what names a row in a message.

    Raises RequestError where the labels are none of these, missing, or beyond the names.
    """
    if array.dtype.kind not in "biufSUO" or len(array.shape) > 2:
        raise RequestError(
            f"{array.file}: {array} are no labels; expected whole numbers, text, one-hot rows, "
            "or rows of vote fractions"
        )
    values = array.all()
    if array.shape[1:] == (1,):
        values = values[:, 0]
    if values.ndim == 2:
        if not _is_one_hot(values):
            return _votes(array, values, ids)
        # A class of which there is no image is a class still.
        names = names or [str(each) for each in range(values.shape[1])]
        values = values.argmax(axis=1)
    if array.is_text:
        names, labels = _from_text(array, names)
    else:
        names, labels = _from_numbers(array, values, names)
    if len(set(names)) < len(names):
        raise RequestError(f"{array.file}: two of its classes have the same name: {names}")
    return Classes(tuple(names)), pd.DataFrame({"label": labels})


def _is_one_hot(values: np.ndarray) -> bool:
    """Whether each row has a single one; fractions of votes never do, as two questions are
    asked of every galaxy."""
    if values.dtype.kind not in "biuf":
        return False
    return bool(np.all((values == 0) | (values == 1)) and np.all((values == 1).sum(axis=1) == 1))


def _votes(array: Array, values: np.ndarray, ids: pd.Series) -> tuple[Task, pd.DataFrame]:
    task = None if array.is_text else votes_of_length(values.shape[1])
    if task is None:
        raise RequestError(
            f"{array.file}: {array} are no labels: its rows are neither one-hot (a single 1, "
            "otherwise 0) nor one vote fraction for each answer of a known decision tree"
        )
    table = pd.DataFrame(values.astype(np.float64), columns=list(task.names))
    return task, checked_fractions(table, ids, array.file, task.tree)


def _from_text(array: Array, names: Sequence[str]) -> tuple[Sequence[str], np.ndarray]:
    words = as_text(array.column())
    if words.isna().any():
        raise RequestError(f"{array.file}: {words.isna().sum():,} labels of {array} are empty")
    if not names:
        return class_numbers(words)
    labels = words.map({name: place for place, name in enumerate(names)})
    unknown = words[labels.isna()].unique()
    if len(unknown):
        raise RequestError(
            f"{array.file}: labels that are no names of classes: {first_few(unknown)}; "
            f"the names are {first_few(names)}"
        )
    return names, labels.to_numpy(np.int64)


def _from_numbers(
    array: Array, values: np.ndarray, names: Sequence[str]
) -> tuple[Sequence[str], np.ndarray]:
    wrong = ~np.isfinite(values) | (values % 1 != 0) if values.dtype.kind == "f" else None
    if wrong is not None and wrong.any():
        raise RequestError(
            f"{array.file}: {wrong.sum():,} labels of {array} are no whole numbers: "
            f"{first_few(values[wrong])}"
        )
    found, labels = np.unique(values, return_inverse=True)
    if not names:
        return [str(int(each)) for each in found], labels
    if found[0] < 0 or found[-1] >= len(names):
        beyond = [int(each) for each in found if not 0 <= each < len(names)]
        raise RequestError(
            f"{array.file}: labels outside of 0 to {len(names) - 1}: {first_few(beyond)}; "
            f"it has names for {len(names)} classes"
        )
    return names, values.astype(np.int64)
