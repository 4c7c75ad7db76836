"""A table of pandas, astropy or Arrow in memory, as a stored one."""

import hashlib
import os
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from hubblefork.core.errors import RequestError, first_line
from hubblefork.core.tables.stored import StoredTable

# What stands in place of the path of a file.
IN_MEMORY = Path("a table in memory")


def is_table_in_memory(given: Any) -> bool:
    """Whether something is a table of pandas, astropy or Arrow."""
    return isinstance(given, (pd.DataFrame, pa.Table, _astropy_table()))


def table_in_memory(given: Any) -> StoredTable:
    """A table of pandas, astropy or Arrow, whose index is a column unless it only numbers the rows.

    Raises RequestError for columns that hold values of several types.

    >>> table = table_in_memory(pd.DataFrame({"z": [0.5]}, index=pd.Index([2**60], name="objid")))
    >>> table.schema.names, table.rows
    (['objid', 'z'], 1)
    """
    if isinstance(given, pd.DataFrame):
        table = _from_pandas(given)
    elif isinstance(given, _astropy_table()):
        from hubblefork.core.tables.astropy_tables import from_astropy

        try:
            table = from_astropy(given)
        except ValueError as error:
            raise RequestError(f"the table cannot be used: {first_line(error)}") from error
    else:
        table = given
    table = table.replace_schema_metadata()
    try:
        return StoredTable(
            IN_MEMORY, "table", table.schema, len(table),
            lambda columns, start: iter([table.select(columns).slice(start)]),
        )  # fmt: skip
    except ValueError as error:
        raise RequestError(f"the table cannot be used: {first_line(error)}") from None


def _astropy_table() -> Any:
    """The type of astropy's tables; only who has imported it, half a second, can have one."""
    return getattr(sys.modules.get("astropy.table"), "Table", ())


def _from_pandas(given: pd.DataFrame) -> pa.Table:
    index = [each for each in given.index.names if each is not None and each not in given]
    frame = given.reset_index(index).reset_index(drop=True).rename(columns=str)
    columns = {}
    for name in frame:
        values = frame[name]
        if values.dtype == object:
            values = values.map(lambda each: str(each) if isinstance(each, os.PathLike) else each)
        try:
            columns[name] = pa.array(values, from_pandas=True)
        except (pa.ArrowException, TypeError) as error:
            raise RequestError(f"the column {name!r} cannot be used: {first_line(error)}") from None
    return pa.table(columns)


def content_of(table: StoredTable) -> str:
    """SHA-256 of all rows of a table."""
    digest = hashlib.sha256(table.schema.to_string().encode())
    for batch in table.batches():
        for column in batch.columns:
            digest.update(repr(column.to_pylist()).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
