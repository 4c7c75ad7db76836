"""The columns of a table of predictions: what they are called, and how such a table is known."""

import re
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from hubblefork.sky.decision_tree import load_tree, tree_names
from hubblefork.tasks.task import Task

# Those that are not outputs of the task.
OWN = ("id", "true", "predicted", "typicality", "set", "problem")
TRUE = "true_"
# Names of classes that begin so could be the column of another class.
_TOLD_APART = ("p(", TRUE)
# What the name of a column that came along ends with, where the answers may have one of this name.
_CAME = "_input"


def value_columns(task: Task) -> Sequence[str]:
    """The column of each output: its name, told apart from the table's other columns.

    >>> from hubblefork.tasks.classes import Classes
    >>> value_columns(Classes(("spiral", "true", "p(true)", "Id")))
    ['spiral', 'p(true)', 'p(p(true))', 'p(Id)']
    """
    # Programs that take capital and small letters for one would mistake Id for id.
    return [
        f"p({name})" if name.strip().lower() in ("", *OWN) or name.startswith(_TOLD_APART)
        else name
        for name in task.names
    ]  # fmt: skip


def names_beside(columns: Iterable[str], task: Task) -> list[str]:
    """What columns that came along are called beside the answers: none as another, in any case.

    >>> from hubblefork.tasks.classes import Classes
    >>> names_beside(["id", "ID", "z", "Predicted"], Classes(("disc", "spiral")))
    ['id', 'ID_input', 'z', 'Predicted_input']
    """
    own = (*OWN, *value_columns(task), *(TRUE + name for name in task.names))
    taken = {name.strip().lower() for name in own} - {"id"}
    names = []
    for name in columns:
        if name != "id" and name.strip().lower() in taken | {"id"}:
            name += _CAME
        while name.strip().lower() in taken:
            name += "_"
        taken.add(name.strip().lower())
        names.append(name)
    return names


def exact(column: pa.ChunkedArray) -> pd.Series:
    """A column for pandas, which would make floats of whole numbers with gaps."""
    whole = pa.types.is_integer(column.type) or pa.types.is_boolean(column.type)
    if not (whole and column.null_count):
        return column.to_pandas()
    # int64 -> Int64, uint8 -> UInt8, bool -> boolean: the names of the types that know gaps.
    word = re.sub("^u?int", lambda found: found[0].replace("u", "U").replace("i", "I"),
                  str(column.type).replace("bool", "boolean"))  # fmt: skip
    return column.to_pandas(types_mapper=lambda _: pd.api.types.pandas_dtype(word))


def are_predictions(table: pd.DataFrame) -> bool:
    """Whether a table, or the first rows of one, is of `Predictions` that were not labelled.

    It has the columns that `Predictions.table` gives with `problems`, and in those of the outputs
    probabilities that sum to one, or fractions of the answers of a known decision tree.

    >>> row = {"id": "1", "z": 0.1, "predicted": "b", "a": 0.25, "b": 0.75, "problem": ""}
    >>> are_predictions(pd.DataFrame([row])), are_predictions(pd.DataFrame([row | {"mine": 1}]))
    (True, False)
    """
    columns = list(table)
    if columns[:1] != ["id"] or columns[-1:] != ["problem"] or "true" in columns:
        return False
    end = len(columns) - 1
    while columns[end - 1] in ("typicality", "set"):
        end -= 1
    start = columns.index("predicted") + 1 if "predicted" in columns else None
    answers = [list(load_tree(name).columns) for name in tree_names()]
    starts = [end - len(each) for each in answers if columns[max(end - len(each), 0) : end] == each]
    if start is None and not starts:
        return False
    outputs = columns[starts[0] if start is None else start : end]
    values = table[outputs].apply(pd.to_numeric, errors="coerce").to_numpy(float)
    values = values[(table["problem"].fillna("") == "").to_numpy()]
    if start is not None:
        return bool(outputs) and bool(np.allclose(values.sum(axis=1), 1, atol=1e-3))
    return bool(((values >= 0) & (values <= 1)).all())
