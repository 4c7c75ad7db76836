"""Columns of numbers that came with the images, such as redshift, to measure results against."""

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_float_dtype, is_numeric_dtype

from hubblefork.core.errors import RequestError, nearest
from hubblefork.data.dataset import PackedDataset
from hubblefork.data.inspection import OWN_COLUMNS
from hubblefork.tasks.task import VOLUNTEERS


def numeric_columns(dataset: PackedDataset) -> list[str]:
    """The columns that came with a source and hold numbers."""
    table, own = dataset.table, {*OWN_COLUMNS, *dataset.task.label_columns, VOLUNTEERS, "group"}
    return [each for each in table if each not in own and _is_number(table[each])]


def measured_columns(dataset: PackedDataset) -> list[str]:
    """Those of them that are measurements: whole numbers may be the names of groups or objects."""
    table = dataset.table
    return [
        each
        for each in numeric_columns(dataset)
        if is_float_dtype(table[each]) and table[each].nunique() > 1
    ]


def numbers_of(dataset: PackedDataset, column: str) -> np.ndarray:
    """A column as floats (N,), NaN where there is no number.

    Raises RequestError where there is no such column, or it holds something else.
    """
    table = dataset.table
    if column not in table or column in dataset.task.label_columns:
        known = numeric_columns(dataset)
        hint = nearest(column, known) if known else "its catalogue has no column of numbers"
        raise RequestError(f"{dataset.source} has no column {column!r}; {hint}")
    if not _is_number(table[column]):
        raise RequestError(
            f"column {column!r} of {dataset.source} holds no numbers (such as "
            f"{table[column].iloc[0]!r}); expected one of numbers, such as redshift"
        )
    return table[column].to_numpy(float, na_value=np.nan)


def _is_number(column: pd.Series) -> bool:
    return is_numeric_dtype(column) and not is_bool_dtype(column)
