"""What columns of a table mean, for every source that has a table: ids, classes, parts, positions.

Each function raises RequestError with the rows or the words at fault; `name` is the source, as the
user gave it.
"""

import numpy as np
import pandas as pd

from hubblefork.core.errors import RequestError, first_few
from hubblefork.data.subsets import SUBSET_WORDS


def check_ids(ids: pd.Series, name: str) -> None:
    """Refuse ids that stand in more than one row."""
    repeated = ids[ids.duplicated()].unique()
    if len(repeated):
        raise RequestError(
            f"{name}: {len(repeated):,} ids stand in more than one row: {first_few(repeated)}; "
            "each image needs an id of its own"
        )


def as_text(values: pd.Series) -> pd.Series:
    """Return stripped text; whole numbers without a decimal point; None where nothing stands."""
    if values.dtype.kind == "f" and (values.dropna() % 1 == 0).all():
        values = values.astype("Int64")  # Parquet stores whole numbers with gaps as floats
    text = values.astype("object").where(values.notna(), None)
    text = text.map(lambda value: str(value).strip() or None, na_action="ignore")
    return text.astype("str")


def class_numbers(labels: pd.Series) -> tuple[list[str], np.ndarray]:
    """Return the names of the classes and each row's index among them."""
    words = labels.unique()
    numbers = all(word.removeprefix("-").isdecimal() for word in words)
    # "01" and "1" would be one number but are two names.
    if numbers and len({int(word) for word in words}) == len(words):
        names = sorted(words, key=int)
    else:
        names = sorted(words)
    index = {word: number for number, word in enumerate(names)}
    return names, labels.map(index).to_numpy(np.int64)


def parts(words: pd.Series, name: str) -> list[str]:
    """Return train, val or test for each row."""
    parts = words.str.lower().map(SUBSET_WORDS)
    wrong = parts.isna()
    if wrong.any():
        found = words[wrong].fillna("(nothing)").unique()
        raise RequestError(
            f"{name}: {wrong.sum():,} rows have an unknown split: {first_few(found)}; "
            "expected train, val or test in every row"
        )
    return list(parts)


def degrees(values: pd.Series, limit: float, name: str) -> np.ndarray:
    """Return angles in degrees, NaN where none is known."""
    angles = pd.to_numeric(values, errors="coerce")
    wrong = (angles.isna() & values.notna()) | (angles.abs() > limit)
    if wrong.any():
        raise RequestError(
            f"{name}: {wrong.sum():,} rows have a {values.name} that is no angle within "
            f"{limit:g} degrees: {first_few(values[wrong])}"
        )
    return angles.to_numpy(np.float64)
