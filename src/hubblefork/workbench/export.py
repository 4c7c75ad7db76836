"""The labels that people gave, as a table for other programs."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from hubblefork.core.arguments import as_path
from hubblefork.core.errors import RequestError
from hubblefork.core.outputs import check_file
from hubblefork.core.tables.writing import check_writable, writing_table
from hubblefork.workbench.audit import random_sample
from hubblefork.workbench.questions import Questions
from hubblefork.workbench.store import Labels, read_labels


def labels_table(labels: Labels) -> pa.Table:
    """One row for the last standing answer of each rater to each image.

    id, digest: of the image. answer: its class, or the chosen answers of a tree from the first
    question to the last, joined by `|`. rater, time (ISO 8601, UTC), model (SHA-256 of its file),
    queue. shown: whether the rater had seen the model's prediction. audit: whether the rater was
    given the image by the random audit. For a tree, then the fraction of each answer, 1 or 0.
    """
    questions, given = Questions.of(labels.task), labels.standing()
    sample = {each.number for each in random_sample(labels)}
    columns: dict[str, pa.Array] = {
        "id": pa.array([each.image for each in given], pa.string()),
        "answer": pa.array(["|".join(each.answer) for each in given], pa.string()),
        "rater": pa.array([each.rater for each in given], pa.string()),
        "time": pa.array([each.time for each in given], pa.string()),
        "digest": pa.array([each.digest for each in given], pa.string()),
        "model": pa.array([each.model for each in given], pa.string()),
        "queue": pa.array([each.queue for each in given], pa.string()),
        "shown": pa.array([each.shown for each in given], pa.bool_()),
        "audit": pa.array([each.number in sample for each in given], pa.bool_()),
    }
    if len(questions.asked) > 1:
        fractions = [questions.label(each.answer) for each in given]
        values = np.reshape(fractions, (-1, labels.task.outputs)).astype(np.float32)
        columns |= {name: pa.array(values[:, k]) for k, name in enumerate(labels.task.names)}
    return pa.table(columns)


def export_labels(labels: str | Path, out: str | Path) -> Path:
    """Write the labels of a file of the workbench as .csv, .tsv, .parquet, .fits, .vot or .ecsv.

    Raises RequestError where there are none, or `out` cannot be written or exists already.
    """
    return export_table(labels_table(read_labels(labels)), out)


def export_table(table: pa.Table, out: str | Path) -> Path:
    """Write a table in the format of the ending of `out`; RequestError where that cannot be."""
    out = as_path(out, "out", "the path of a table to write")
    try:
        check_writable(table.schema, out)
    except ValueError as error:
        raise RequestError(f"--out {out}: {error}") from error
    check_file(out, lambda path: False, "an empty file")
    write_whole(table, out)
    return out


def write_whole(table: pa.Table, path: Path) -> None:
    """Write a table, whole or not at all."""
    with writing_table(path, table.schema, {"content": "labels of hubblefork"}) as append:
        append(table)
