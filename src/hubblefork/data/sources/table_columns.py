"""What the columns of a table mean, for every source that has one: ids, subsets, positions.

Each function raises RequestError with the rows or the words at fault; `name` is the source, as the
user gave it.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hubblefork.core.errors import RequestError, first_few
from hubblefork.core.names import normalised
from hubblefork.data.dataset import PACKED_COLUMNS
from hubblefork.data.subsets import SUBSET_WORDS

# Positions in degrees, with the largest absolute value of each.
_DEGREES = {"ra": 360.0, "dec": 90.0}

# Columns that a source's table has of its own, beside those of `PACKED_COLUMNS`.
_OWN = ("id", "label", "split")


def as_text(values: pd.Series) -> pd.Series:
    """Return text, `normalised`; whole numbers without a decimal point; None for missing values."""
    if (
        values.dtype.kind == "f"
        and (values.dropna() % 1 == 0).all()
        and not (values.abs() >= 2**63).any()
    ):
        values = values.astype("Int64")  # Parquet stores whole numbers with gaps as floats
    text = values.astype("object").where(values.notna(), None)
    text = text.map(lambda value: normalised(str(value)) or None, na_action="ignore")
    return text.astype("str")


def with_plain_names(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return a table whose columns have their names `normalised`; none twice."""
    table = table.rename(columns=lambda column: normalised(str(column)))
    repeated = table.columns[table.columns.duplicated()]
    if len(repeated):
        raise RequestError(f"{name} has two columns called {repeated[0]!r}; remove one of them")
    return table


def check_filled(values: pd.Series, ids: pd.Series, name: str) -> None:
    """Refuse a column with missing values; `ids` (or row numbers) tell where."""
    missing = values.isna()
    if missing.any():
        which = ids.index[missing] + 1 if values.name == ids.name else ids[missing]
        what = "row numbers" if values.name == ids.name else "ids"
        raise RequestError(
            f"{name}: {missing.sum():,} of {len(values):,} rows have no {values.name}; "
            f"{what} {first_few(which)}; fill them in or remove these rows"
        )


def check_ids(ids: pd.Series, name: str) -> None:
    """Refuse ids that are missing or repeated."""
    check_filled(ids, ids, name)
    repeated = ids[ids.duplicated()].unique()
    if len(repeated):
        raise RequestError(
            f"{name}: {len(repeated):,} ids stand in more than one row: {first_few(repeated)}; "
            "each image needs an id of its own; :id=COLUMN names another column"
        )


def known_columns(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the columns `split`, `group`, `ra` and `dec`, checked, and all others as they are."""
    known: dict[str, list[str] | np.ndarray | pd.Series] = {}
    if "split" in table:
        known["split"] = subsets(as_text(table["split"]), name)
    if "group" in table:
        known["group"] = as_text(table["group"])
    for column, limit in _DEGREES.items():
        if column in table:
            known[column] = _degrees(table[column], limit, name)
    return table.assign(**known)


def subsets(words: pd.Series, name: str) -> list[str]:
    """Return train, val or test for each row."""
    found = words.str.lower().map(SUBSET_WORDS)
    unknown = found.isna()
    if unknown.any():
        examples = words[unknown].fillna("(nothing)").unique()
        raise RequestError(
            f"{name}: {unknown.sum():,} rows have an unknown split: {first_few(examples)}; "
            "expected train, val or test in every row"
        )
    return list(found)


def _degrees(values: pd.Series, limit: float, name: str) -> np.ndarray:
    """Return angles in degrees, NaN where none is known."""
    angles = pd.to_numeric(values, errors="coerce")
    wrong = (angles.isna() & values.notna()) | (angles.abs() > limit)
    if wrong.any():
        raise RequestError(
            f"{name}: {wrong.sum():,} rows have a {values.name} that is not an angle within "
            f"{limit:g} degrees: {first_few(values[wrong])}"
        )
    return angles.to_numpy(np.float64)


def with_other_columns(
    table: pd.DataFrame, rows: pd.DataFrame, splits: pd.Series, used: Sequence[str], name: str
) -> pd.DataFrame:
    """Add split, positions, groups, and whatever else is known of the images."""
    words = splits.map(SUBSET_WORDS)
    if words.nunique(dropna=False) > 1:
        table["split"] = words
    elif words.nunique(dropna=False) == 1 and "split" in rows:
        table["split"] = subsets(as_text(rows["split"]), name)
    known = [each for each in ("ra", "dec", "group") if each in rows]
    taken = table.columns.drop("origin")
    others = rows.columns.difference([*taken, *known, *_OWN, *used], sort=False)
    return pd.concat([table, known_columns(rows[known], name), told_apart(rows[others])], axis=1)


def told_apart(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table in which no column is called as one of `PACKED_COLUMNS`.

    >>> list(told_apart(pd.DataFrame(columns=["z", "width", "width_input"])))
    ['z', 'width_input_', 'width_input']
    """
    names = list(table)
    for place, name in enumerate(names):
        if name in PACKED_COLUMNS:
            name += "_input"
            while name in names:
                name += "_"
            names[place] = name
    return table.set_axis(names, axis=1)
