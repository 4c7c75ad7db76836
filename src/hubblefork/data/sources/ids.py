"""The column that names each image: the same names and the same rules in every source.

A column is an id if it is called by a name of `_KNOWN`, in whatever case, with or without
underscores; of several, the one that comes first there. `:id=COLUMN` names another.

Ids called `id`, and those that are asked for, are one a row: a missing or repeated one is refused.
Others may be of objects of which there are several images. Then the second and third image of X
are X-2 and X-3, and they are one group. A column with gaps is passed over. All of this is told.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from hubblefork.core.errors import RequestError, first_few, nearest
from hubblefork.core.names import normalised
from hubblefork.core.tables.csv import EXACT
from hubblefork.data.sources.table_columns import as_text, check_ids

# Of an image; then as surveys call an object, without underscores; then as archives call a row.
_OF_IMAGES = ("id", "idstr", "ids")
_KNOWN = (
    *_OF_IMAGES, "imageid", "assetid", "objectid", "objid", "dr8objid", "dr7objid", "specobjid",
    "sourceid", "targetid", "coaddobjectid", "galaxyid", "subjectid", "iauname", "inds",
)  # fmt: skip

# What a spreadsheet or a float column leaves of a number of many digits.
_ROUNDED = r"[+-]?\d(\.\d+)?[eE]\+?\d+|[+-]?\d{16,}\.\d*"


class Ids(NamedTuple):
    """The ids of N rows.

    values: (N,) text, each once. column: that they are from; None where there is none.
    objects: (N,) what of each is one group, where ids are of objects with several images.
    """

    values: pd.Series
    column: str | None
    notes: Sequence[str]
    objects: pd.Series | None = None

    def grouped(self, table: pd.DataFrame) -> pd.DataFrame:
        """The table of the same rows with the images of one object as a group, if it has none."""
        if self.objects is None or "group" in table:
            return table
        return table.assign(group=self.objects.to_numpy())


def id_columns(columns: Iterable[str]) -> list[str]:
    """Return the columns that are called as ids are, the preferred one first.

    >>> id_columns(["ra", "dr7objid", "Object_ID", "id_str"])
    ['id_str', 'Object_ID', 'dr7objid']
    """
    known = [each for each in columns if _key(each) in _KNOWN]
    return sorted(known, key=lambda each: (_KNOWN.index(_key(each)), each != each.lower()))


def find_ids(
    table: pd.DataFrame, asked: str | None, stand_in: pd.Series, words: str, name: str
) -> Ids:
    """Return the ids of a table's rows, and notes on where they are from.

    asked: the column that the user named. stand_in: (N,) ids of rows where no column has any, and
    `words`, what they are and how others are named. name: the source, as the user gave it.

    Raises RequestError where the column that was asked for is not there, or ids of images are
    missing or repeated.

    >>> table = pd.DataFrame({"objid": [7, 7, 9]})
    >>> found = find_ids(table, None, pd.Series(["0", "1", "2"]), "rows are numbered", "sky")
    >>> found.values.tolist(), found.objects.tolist()
    (['7', '7-2', '9'], ['7', '7', '9'])
    """
    columns = [find_column(asked, table, name)] if asked else id_columns(table)
    notes: list[str] = []
    for column in columns:
        ids = as_text(table[column])
        of_images = bool(asked) or _key(column) in _OF_IMAGES
        if of_images:
            check_ids(ids, name)
        elif ids.isna().any():
            notes.append(f"{ids.isna().sum():,} of {len(ids):,} rows have no {column}.")
            continue
        if _key(column) not in _OF_IMAGES:
            notes.append(f"Ids are those of the column {column}.")
        notes += _rounded(table[column], ids)
        if not ids.duplicated().any():
            return Ids(ids.rename("id"), column, notes)
        alone = one_each(ids)
        check_ids(alone, name)
        notes.append(
            f"{ids.duplicated().sum():,} of {len(ids):,} images have the {column} of an earlier "
            "one: the second of X has the id X-2, and all of them are one group."
        )
        return Ids(alone.rename("id"), column, notes, ids)
    notes.append(f"No ids are known; {words}.")
    return Ids(stand_in.rename("id"), None, notes)


def as_ids(column: pa.ChunkedArray) -> np.ndarray:
    """Return a column of ids as text, (n,) of object; empty where one is missing.

    >>> as_ids(pa.chunked_array([[2**63 - 1, None]])).tolist()
    ['9223372036854775807', '']
    """
    if not pa.types.is_floating(column.type):
        column = column.cast(pa.string())
    return as_text(column.to_pandas()).fillna("").to_numpy(object)


def find_column(asked: str, columns: Iterable[str], name: str, purpose: str = "ids") -> str:
    """Return the column that the user named; RequestError where there is none of this name."""
    known = list(columns)
    same = [each for each in known if each == normalised(asked)]
    same = same or [each for each in known if each.lower() == normalised(asked).lower()]
    if len(same) != 1:
        hint = nearest(asked, known) if known else "it has none of numbers or text"
        raise RequestError(f"{name} has no column {asked!r} for {purpose}; {hint}")
    return same[0]


def _key(column: str) -> str:
    return re.sub(r"[\W_]+", "", column.lower())


def one_each(ids: pd.Series) -> pd.Series:
    """Return ids in which the second row of X is X-2, and so on.

    >>> one_each(pd.Series(["a", "b", "a"])).tolist()
    ['a', 'b', 'a-2']
    """
    number = ids.groupby(ids).cumcount() + 1
    return ids.where(number == 1, ids + "-" + number.astype("str"))


def _rounded(values: pd.Series, ids: pd.Series) -> list[str]:
    """A note on ids that have lost digits before they came here."""
    if values.dtype.kind == "f":
        lost = (values.abs() > EXACT).to_numpy(bool)
    elif values.dtype.kind in "iu":
        return []
    else:
        lost = ids.str.fullmatch(_ROUNDED).to_numpy(bool)
    if not lost.any():
        return []
    return [
        f"{np.sum(lost):,} of {len(ids):,} ids in {values.name} are floating-point numbers above "
        f"2^53, which have lost their last digits ({first_few(ids[lost], 2)}): save them as whole "
        "numbers of 64 bits or as text."
    ]
