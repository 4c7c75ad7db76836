"""The answers of a finished survey as one table, or as a HATS catalogue."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from hubblefork.core.errors import RequestError, first_line
from hubblefork.core.progress import progress
from hubblefork.core.tables.writing import writing_table
from hubblefork.prediction.survey.finish import survey_status
from hubblefork.prediction.survey.plan import Survey
from hubblefork.prediction.writers import check_columns, check_table_path


def export_survey(survey: Survey, path: Path, where: str | None = None) -> int:
    """Write the rows of a finished survey to one table, in the order of the catalogue.

    where: which rows, as pandas' `DataFrame.query` takes it: `typicality > 0.01 and spiral > 0.5`.

    Returns the number of rows. Raises RequestError where the survey is not finished, for a
    condition that cannot be computed, and for columns that the format cannot hold.
    """
    status = survey_status(survey)
    if not status.finished:
        raise RequestError(
            f"{survey.folder} is not finished; hubblefork survey finish {survey.folder} checks it"
        )
    check_table_path(path)
    paths = [
        survey.shard_path(shard) for shard in survey.plan.shards if shard not in status.set_aside
    ]
    schema = pq.read_schema(paths[0]).remove_metadata()
    check_columns(schema, path)
    meta = {
        "hubblefork": "predictions",
        "catalogue": survey.plan.catalogue,
        "plan": survey.plan.hash,
    }
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


def selected(paths: list[Path], where: str | None) -> Iterator[pa.Table]:
    """The rows of some files for which a condition holds."""
    for path in paths:
        table = pq.read_table(path).replace_schema_metadata()
        yield table if where is None else table.filter(_holds(table, where))


def _holds(table: pa.Table, where: str) -> pa.Array:
    frame = table.to_pandas()
    try:
        found = frame.eval(where, engine="python")
    # pandas has errors of its own kinds, and Python's, for what cannot be computed.
    except Exception as error:
        raise RequestError(
            f"--where {where!r} cannot be computed ({first_line(error)}); expected a condition on "
            f"columns, such as 'typicality > 0.01'"
        ) from None
    if not isinstance(found, pd.Series) or found.dtype != bool:
        raise RequestError(
            f"--where {where!r} is no condition: expected one such as 'typicality > 0.01'"
        )
    return pa.array(found)
