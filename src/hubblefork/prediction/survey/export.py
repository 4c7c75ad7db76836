"""The answers of a finished survey as one table, or as a HATS catalogue."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from hubblefork.core.errors import RequestError, first_few, first_line
from hubblefork.core.outputs import check_folder
from hubblefork.core.progress import progress
from hubblefork.core.tables.columns import is_number
from hubblefork.core.tables.hats_writing import count_pixels, write_hats
from hubblefork.core.tables.writing import WRITABLE, writing_table
from hubblefork.data.sources.column_roles import degrees_a_unit, find_columns
from hubblefork.prediction.survey.finish import survey_status
from hubblefork.prediction.survey.plan import Survey
from hubblefork.prediction.writers import check_columns, check_table_path
from hubblefork.tasks.prediction_columns import exact

HATS = ".hats"


def export_survey(
    survey: Survey,
    path: Path,
    where: str | None = None,
    position: Mapping[str, str] | None = None,
) -> int:
    """Write the rows of a finished survey to one table, in the order of the catalogue.

    path: a table, or NAME.hats for a HATS catalogue, in which the rows are ordered by position.
    where: which rows, as pandas' `DataFrame.query` takes it: `typicality > 0.01 and spiral > 0.5`.
    position: of a HATS catalogue, the columns that are ra and dec, where they are not called so.

    Returns the number of rows. Raises RequestError where the survey is not finished, for a
    condition that cannot be computed, for columns that the format cannot hold, and, of a HATS
    catalogue, for rows that have no position.
    """
    status = survey_status(survey)
    if not status.finished:
        raise RequestError(
            f"{survey.folder} is not finished; hubblefork survey finish {survey.folder} checks it"
        )
    is_hats = path.suffix.lower() == HATS
    if is_hats:
        check_folder(path, "give another --to")
    elif path.suffix.lower() not in WRITABLE:
        raise RequestError(f"--to {path}: expected a name ending in {', '.join(WRITABLE)}, {HATS}")
    else:
        check_table_path(path)
    if position and not is_hats:
        raise RequestError(f"--columns are those of a HATS catalogue; --to {path} is none")
    paths = [
        survey.shard_path(shard) for shard in survey.plan.shards if shard not in status.set_aside
    ]
    if not paths:
        raise RequestError(f"{survey.folder}: all shards are set aside; there is nothing to write")
    schema = pq.read_schema(paths[0]).remove_metadata()
    meta = {
        "hubblefork": "predictions",
        "catalogue": survey.plan.catalogue,
        "plan": survey.plan.hash,
    }
    if is_hats:
        names = {**survey.plan.images, **(position or {})}
        ra, dec = _position(schema, {role: names[role] for role in ("ra", "dec") if role in names})
        return _export_hats(paths, where, path, schema, ra, dec, meta)
    check_columns(schema, path)
    rows = 0
    with (
        writing_table(path, schema, meta) as write,
        progress("exporting", status.done_rows, "rows") as advance,
    ):
        for table in selected(paths, where):
            write(table)
            rows += len(table)
            advance(len(table))
    return rows


def _export_hats(
    paths: list[Path],
    where: str | None,
    path: Path,
    schema: pa.Schema,
    ra: str,
    dec: str,
    meta: Mapping[str, str],
) -> int:
    counted = count_pixels(selected(paths, where, [schema.names[0], ra, dec]), ra, dec)
    if counted.lost:
        raise RequestError(
            f"{counted.lost:,} of {counted.rows + counted.lost:,} rows have no position in {ra} "
            f"and {dec}, which a HATS catalogue needs, such as {first_few(counted.examples)}; "
            f"--where '-360 <= `{ra}` <= 360 and -90 <= `{dec}` <= 90' leaves them out"
        )
    if not counted.rows:
        raise RequestError(f"--where {where!r} holds for no row: {path} is not written")
    try:
        write_hats(path, schema, selected(paths, where), counted, ra, dec, meta)
    except ValueError as error:
        raise RequestError(f"--to {path}: {first_line(error)}") from error
    return counted.rows


def _position(schema: pa.Schema, asked: Mapping[str, str]) -> tuple[str, str]:
    """The columns of right ascension and declination; RequestError unless they hold degrees."""
    found = find_columns(schema.names, asked, "the survey")
    if found.ra is None or found.dec is None:
        raise RequestError(
            "a HATS catalogue needs the columns ra and dec, in degrees; found "
            f"{first_few(schema.names, 8)}; --columns ra=COLUMN,dec=COLUMN names others"
        )
    for name in (found.ra, found.dec):
        column = schema.field(name)
        if not is_number(column.type):
            raise RequestError(f"the column {name} holds {column.type}; expected degrees")
        if degrees_a_unit(column) != 1:
            unit = (column.metadata or {})[b"unit"].decode()
            raise RequestError(f"the column {name} is in {unit}; a HATS catalogue has degrees")
    return found.ra, found.dec


def selected(
    paths: list[Path], where: str | None, columns: Sequence[str] | None = None
) -> Iterator[pa.Table]:
    """The rows of some files for which a condition holds; all columns, or these."""
    for path in paths:
        # A condition may be on any column.
        read = None if columns is None or where is not None else list(dict.fromkeys(columns))
        table = pq.read_table(path, columns=read).replace_schema_metadata()
        table = table if where is None else table.filter(_holds(table, where))
        yield table if columns is None else table.select(list(dict.fromkeys(columns)))


def _holds(table: pa.Table, where: str) -> pa.Array:
    frame = pd.DataFrame({name: exact(table[name]) for name in table.column_names})
    try:
        found = frame.eval(where, engine="python")
    # pandas has errors of its own kinds, and Python's, for what cannot be computed.
    except Exception as error:
        why = error.msg if isinstance(error, SyntaxError) else first_line(error)
        raise RequestError(
            f"--where {where!r} cannot be computed ({why}); expected a condition on columns, such "
            "as 'typicality > 0.01'"
        ) from None
    if not isinstance(found, pd.Series) or not pd.api.types.is_bool_dtype(found):
        raise RequestError(
            f"--where {where!r} is not a condition: expected one such as 'typicality > 0.01'"
        )
    # What is missing meets no condition.
    return pa.array(found.fillna(False).to_numpy(bool))
