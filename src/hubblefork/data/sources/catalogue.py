"""A catalogue: a CSV or Parquet table that names each image's file and its label."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from hubblefork.core.errors import RequestError, first_few
from hubblefork.data.sources.base import ImageFiles
from hubblefork.data.sources.image_tables import ignored_columns, scalar_columns
from hubblefork.data.sources.table_columns import as_text, check_ids, class_numbers, degrees, parts
from hubblefork.data.sources.vote_fractions import checked_fractions, votes_in
from hubblefork.sky.decision_tree import GALAXY_ZOO_2
from hubblefork.tasks.classes import Classes
from hubblefork.tasks.task import Task, Unlabelled

# The names that the Galaxy Zoo catalogues of other tools use.
_SYNONYMS = {"id_str": "id", "file_loc": "image"}
# Where an image has a file for each band, its columns begin so: image_g, image_r, image_i.
_BAND = "image_"
_TEXT = ("id", "image", "label", *_SYNONYMS, "split", "group")
# Columns that packing writes itself.
_OWN = ("origin", "digest", "width", "height", "bands")


def open_catalogue(path: Path, name: str, labelled: bool = True) -> ImageFiles:
    """Open a catalogue with the columns id, image and label; id_str and file_loc are understood.

    image: path of the image, relative to the catalogue's folder or absolute. In its place,
        columns image_g, image_r, ... of any such names: a file for each band, in their order.
    label: names of classes (sorted), or whole numbers (in order; their names are the numbers). In
        its place, the 37 columns of vote fractions.
    split: optional; train, val (valid, validation) or test for every row.
    group: optional; rows with the same text are never divided by a split.
    ra, dec: optional; degrees. Further columns of numbers, text and dates are kept as they are;
        others, as a Parquet file may have, are told in the notes.
    labelled: whether labels are needed. Without, ids are not needed either (paths take their
        place), and what is wrong with labels is told in the notes.

    Ids are read as text, so leading zeros and numbers of 64 bits stay whole.

    Raises RequestError for missing columns, ids, labels or files, repeated ids, unknown words for
    a part, fractions that break the tree, positions off the sky, and fewer than two classes.
    """
    table, notes = _read_table(path, name)
    images = _image_columns(table)
    _check_columns(table, images, name, labelled)
    if "id" not in table:
        table["id"] = table[images[0]]
    for column in ("id", *images):
        _check_filled(table, column, name)
    check_ids(table["id"], name)
    paths = _paths(table, images, path.parent, name, labelled)

    try:
        task, known = _labels(table, name)
    except RequestError as error:
        if labelled:
            raise
        task, known = Unlabelled(), {}
        notes.append(f"Read without labels and split: {error}.")
    result = pd.DataFrame({"id": table["id"], **known, "origin": _origins(table, images)})
    for column, limit in (("ra", 360.0), ("dec", 90.0)):
        if column in table:
            result[column] = degrees(table[column], limit, name)
    used = (*result, *images, *_OWN, "label", "split")
    others = table.columns.difference(used, sort=False)
    result = pd.concat([result, table[others]], axis=1)
    return ImageFiles(name, task, result, paths, notes)


def _read_table(path: Path, name: str) -> tuple[pd.DataFrame, list[str]]:
    """Read the file, with the known columns as stripped text and None where nothing stands.

    Returns also what to say of columns that are not read.
    """
    notes: list[str] = []
    try:
        if path.suffix.lower() == ".csv":
            table = _read_csv(path)
        else:
            schema = pq.read_schema(path)
            table = pd.read_parquet(path, columns=scalar_columns(schema))
            notes = ignored_columns([schema])
    except pd.errors.EmptyDataError:
        raise RequestError(f"{name} is empty; expected the columns id, image and label") from None
    except (ValueError, OSError) as error:  # pandas' and pyarrow's errors for a bad file
        reason = str(error).strip().splitlines()[0]
        raise RequestError(f"{name} cannot be read as a table: {reason}") from error
    table = table.rename(columns=lambda column: str(column).strip())
    for theirs, ours in _SYNONYMS.items():
        if ours not in table:
            table = table.rename(columns={theirs: ours})
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise RequestError(f"{name} has two columns called {twice[0]!r}; one of them has to go")
    for column in table:
        if _is_text(column):
            table[column] = as_text(table[column])
    return table.reset_index(drop=True), notes


def _read_csv(path: Path) -> pd.DataFrame:
    # Only an empty cell is missing: "NA", "None" and "null" are good names of classes.
    options = {"keep_default_na": False, "na_values": [""], "encoding": "utf-8-sig"}
    header = pd.read_csv(path, nrows=0, **options)
    text = {column: "str" for column in header if _is_text(column.strip())}
    return pd.read_csv(path, dtype=text, low_memory=False, **options)


def _is_text(column: str) -> bool:
    """Whether a column is to be read as text, since a number would lose what it looks like."""
    return column in _TEXT or column.startswith(_BAND)


def _image_columns(table: pd.DataFrame) -> list[str]:
    """Return the column of each image's file, or those of its bands; none if it has neither."""
    if "image" in table:
        return ["image"]
    return [column for column in table if column.startswith(_BAND)]


def _check_columns(table: pd.DataFrame, images: Sequence[str], name: str, labelled: bool) -> None:
    missing = [] if images else ["image"]
    if labelled:
        missing = ["id"] * ("id" not in table) + missing
        missing += ["label"] * ("label" not in table and votes_in(table) is None)
    if missing:
        votes = sum(column in table for column in GALAXY_ZOO_2.columns)
        total = len(GALAXY_ZOO_2.columns)
        hint = f", or all {total} fractions of votes, of which it has {votes}" if votes else ""
        raise RequestError(
            f"{name} has no column {' and no column '.join(missing)}; found "
            f"{first_few(table.columns, 8) or 'nothing'}; expected id, image and label{hint}"
        )
    if table.empty:
        raise RequestError(f"{name} has no rows; expected one for each image")


def _check_filled(table: pd.DataFrame, column: str, name: str) -> None:
    absent = table[column].isna()
    if absent.any():
        which = table.index[absent] + 1 if column == "id" else table["id"][absent]
        what = "row numbers" if column == "id" else "ids"
        raise RequestError(
            f"{name}: {absent.sum():,} of {len(table):,} rows have no {column}; "
            f"{what} {first_few(which)}; fill them in or remove these rows"
        )


def _paths(
    table: pd.DataFrame, images: Sequence[str], folder: Path, name: str, labelled: bool
) -> list[str] | list[tuple[str, ...]]:
    """Return the file of each image, or those of its bands.

    Where no labels are needed, files that are not there are left to packing and prediction, which
    go on without them: one is always lost of a million.
    """
    files = [[os.path.join(folder, each) for each in table[column]] for column in images]
    gone = [
        told
        for column, paths in zip(images, files, strict=True)
        for told, file in zip(table[column], paths, strict=True)
        if not os.path.isfile(file)
    ]
    number = len(table) * len(images)
    if gone and (labelled or len(gone) == number):
        raise RequestError(
            f"{name}: {len(gone):,} of {number:,} files are not there: {first_few(gone)}; "
            f"paths are relative to {folder}"
        )
    return files[0] if images == ["image"] else list(zip(*files, strict=True))


def _labels(table: pd.DataFrame, name: str) -> tuple[Task, Mapping[str, np.ndarray | pd.Series]]:
    """Return what a label means, and the columns of labels and of the split, if there are any."""
    known: dict[str, np.ndarray | pd.Series] = {}
    task: Task = Unlabelled()
    if "label" in table:
        _check_filled(table, "label", name)
        names, known["label"] = class_numbers(table["label"])
        if len(names) < 2:
            raise RequestError(f"{name} has only one class, {names[0]!r}; two or more are needed")
        task = Classes(tuple(names))
    elif votes := votes_in(table):
        known |= dict(checked_fractions(table, table["id"], name, votes.tree).items())
        task = votes
    if "split" in table:
        known["split"] = parts(table["split"], name)
    return task, known


def _origins(table: pd.DataFrame, images: Sequence[str]) -> pd.Series:
    """Return where each image is, for messages."""
    return table[images[0]].str.cat([table[column] for column in images[1:]], sep=", ")
