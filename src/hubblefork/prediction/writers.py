"""Predictions written block by block, whole or not at all."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from itertools import chain
from pathlib import Path

import pandas as pd
import pyarrow as pa

from hubblefork.core.errors import RequestError
from hubblefork.core.files import replacing
from hubblefork.core.outputs import check_file
from hubblefork.core.tables.csv import csv_text
from hubblefork.core.tables.writing import WRITABLE, check_writable, read_meta, writing_table
from hubblefork.sky.decision_tree import GALAXY_ZOO_2
from hubblefork.tasks.prediction_columns import are_predictions
from hubblefork.tasks.predictions import Predictions
from hubblefork.tasks.task import Task

# What a table notes of itself, so that it is known again.
_MADE, _TABLE = "hubblefork", "predictions"

# Of a table that is there, as much as tells what it is.
_ROWS, _BYTES = 100, 1 << 20


def write_predictions(
    blocks: Iterable[Predictions], path: Path, meta: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Write blocks one after another to one file of a table, in the format of its name.

    meta: notes on how they were made, for formats that can hold some.

    Returns the id and the problem of the images that could not be read. Raises RequestError for
    another suffix, for columns that the format cannot hold, and if no image could be read.
    """
    check_table_path(path)
    blocks = iter(blocks)
    first = next(blocks, None)
    if first is None:
        raise RequestError(f"no images to predict: {path} is not written")
    schema = first.arrow().schema
    check_columns(schema, path)
    problems: list[pd.DataFrame] = []
    rows = 0
    with writing_table(path, schema, {**(meta or {}), _MADE: _TABLE}) as write:
        for block in chain([first], blocks):
            write(block.arrow())
            rows += len(block)
            problems.append(block.unread())
        unread = pd.concat(problems, ignore_index=True)
        if len(unread) == rows:
            row = unread.iloc[0]
            raise RequestError(f"no image of {rows:,} could be read; {row['id']}: {row['problem']}")
    return unread


def check_table_path(path: Path) -> None:
    """RequestError unless a table can be written there, and only an earlier one is replaced."""
    if path.suffix.lower() not in WRITABLE:
        raise RequestError(f"--out {path}: expected a name ending in {', '.join(WRITABLE)}")
    check_file(path, _is_table, "a table of predictions")


def check_columns(schema: pa.Schema, path: Path) -> None:
    """RequestError, naming the columns, where a file of this format cannot hold them."""
    try:
        check_writable(schema, path)
    except ValueError as error:
        raise RequestError(f"--out {path}: {error}") from None


def _is_table(path: Path) -> bool:
    """Whether `write_predictions` has written a file: as it notes, or by the first rows of it."""
    try:
        if path.suffix.lower() not in (".csv", ".tsv"):
            return read_meta(path).get(_MADE) == _TABLE
        with path.open("rb") as file:
            lines = file.read(_BYTES).splitlines(keepends=True)
        whole = b"".join(line for line in lines[: 1 + _ROWS] if line.endswith(b"\n"))
        separator = "\t" if path.suffix.lower() == ".tsv" else ","
        first = pd.read_csv(BytesIO(whole), sep=separator, dtype=str, keep_default_na=False)
    except (OSError, ValueError):
        return False
    return are_predictions(first)


def write_submission(blocks: Iterable[Predictions], path: Path) -> int:
    """Write a submission to Kaggle's Galaxy Zoo challenge, as its all_zeros_benchmark.csv is.

    One row a galaxy in the order of the blocks: GalaxyID, then the 37 fractions. Returns the
    number of rows.

    Raises RequestError for the first image that could not be read: the challenge refuses a
    submission in which a galaxy is missing.
    """
    rows = 0
    with replacing(path) as file:
        for block in blocks:
            for row in block.unread().itertuples():
                raise RequestError(
                    f"no submission: image {row.id} cannot be read ({row.problem}), and the "
                    "challenge wants a row for every galaxy; --out FILE writes the others"
                )
            table = pd.DataFrame(block.values, columns=list(block.task.names))
            table.insert(0, "GalaxyID", block.ids)
            file.write(csv_text(table, header=rows == 0))
            rows += len(block)
    return rows


def check_submission(task: Task, path: Path) -> None:
    """RequestError unless the model gives the challenge's fractions, and the name is a CSV's."""
    if task.names != GALAXY_ZOO_2.columns:
        raise RequestError(
            f"a submission has vote fractions of {GALAXY_ZOO_2.title}, and this model gives "
            f"{task.labels_are}: train one on kaggle:DIR without --classes"
        )
    if path.suffix != ".csv":
        raise RequestError(f"--submission {path}: expected a name ending in .csv")
    # A former submission cannot be told from the challenge's own tables.
    check_file(path, lambda _: False, "a new file")


def json_lines(block: Predictions) -> Iterator[str]:
    """Each row of the table of predictions as one line of JSON, in ASCII; unknown numbers are null.

    >>> import numpy as np
    >>> from hubblefork.tasks.classes import Classes
    >>> values = np.array([[0.25, 0.75], [np.nan, np.nan]])
    >>> for line in json_lines(Predictions(Classes(("disc", "bar")), np.array(["a", "b"]), values)):
    ...     print(line)
    {"id": "a", "predicted": "bar", "disc": 0.25, "bar": 0.75}
    {"id": "b", "predicted": "", "disc": null, "bar": null}
    """
    for row in block.arrow().to_pylist():
        known = {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in row.items()
        }
        yield json.dumps(known, default=str, allow_nan=False)
