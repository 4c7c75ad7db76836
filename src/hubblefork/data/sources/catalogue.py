"""A catalogue: a table that names each image's file and its label, in a CSV or Parquet file or as
a DataFrame."""

import os
from collections.abc import Collection, Sequence
from pathlib import Path

import pandas as pd

from hubblefork.core.errors import RequestError, first_few, first_line
from hubblefork.core.names import as_on_disk
from hubblefork.core.regular_files import without_file
from hubblefork.core.tables.csv import read_csv, with_numbers
from hubblefork.core.urls import located
from hubblefork.data.sources.base import ImageFiles
from hubblefork.data.sources.class_labels import classes_of, spelling_notes
from hubblefork.data.sources.ids import find_column, find_ids, id_columns
from hubblefork.data.sources.image_tables import (
    ignored_columns,
    ignored_note,
    read_scalars,
    read_schema,
)
from hubblefork.data.sources.table_columns import (
    as_text,
    check_filled,
    check_ids,
    known_columns,
    subsets,
    with_plain_names,
)
from hubblefork.data.sources.vote_fractions import checked_fractions, votes_in
from hubblefork.sky.decision_tree import GALAXY_ZOO_2
from hubblefork.tasks.task import Task, Unlabelled

# The name that the Galaxy Zoo catalogues of other tools use.
_SYNONYMS = {"file_loc": "image"}
# Where an image has a file for each band, its columns begin so: image_g, image_r, image_i.
_BAND = "image_"
_TEXT = ("image", "label", *_SYNONYMS, "split", "group")
# Columns that packing writes itself.
_OWN = ("origin", "digest", "width", "height", "bands")


def open_catalogue(
    path: Path,
    name: str,
    labelled: bool = True,
    hdu: str | None = None,
    id_column: str | None = None,
) -> ImageFiles:
    """Open a catalogue with the columns id, image and label; file_loc stands for image too.

    id: or another column of ids, as `data.sources.ids` finds it; without one, the paths.
    image: path of the image, relative to the catalogue's folder or absolute, or its URL. In its
        place, columns image_g, image_r, ... of any such names: one for each band, in their order.
    label: class names (sorted), or whole numbers (in order; their names are the numbers). In its
        place, the columns of the vote fractions of a known decision tree.
    split: optional; train, val (valid, validation) or test for every row.
    group: optional; rows with the same text stay in one subset of a split.
    ra, dec: optional; degrees. Further columns of numbers, text and dates are kept as they are;
        others, as a Parquet file may have, are listed in the notes.
    labelled: whether labels are needed. Without, problems with labels go to the notes.
    hdu: what the image to read of FITS files is called; see `open_source`.
    id_column: the column of ids that the user named.

    Ids are read as text, so that leading zeros and numbers of 64 bits are kept.

    Raises RequestError for missing columns, labels or files, missing or repeated ids, unknown words
    for a subset, fractions that contradict the tree, invalid positions, and fewer than two classes.
    """
    notes: list[str] = []
    try:
        if path.suffix.lower() in (".csv", ".tsv"):
            table = _read_csv(path, name, id_column)
        else:
            schema = read_schema(path, name)
            table = read_scalars(path, schema, name)
            notes = ignored_columns([schema])
    except (ValueError, OSError) as error:
        raise RequestError(f"{name} cannot be read as a table: {first_line(error)}") from error
    return _open_table(table, path.parent, name, labelled, notes, hdu, id_column)


def open_table(table: pd.DataFrame, labelled: bool = True, hdu: str | None = None) -> ImageFiles:
    """Open a table in memory with the columns of a catalogue; see `open_catalogue`.

    Paths are relative to the current folder; without a column id, they are the ids.

    >>> paths = [str(galaxies / "bar" / "bar 0.png"), str(galaxies / "disc" / "disc 0.png")]
    >>> open_table(pd.DataFrame({"image": paths, "label": ["bar", "disc"]})).task
    Classes(names=('bar', 'disc'))
    """
    name = f"table ({len(table):,} row{'s' * (len(table) != 1)})"
    # What is in the index is a column, unless it only numbers the rows.
    index = [each for each in table.index.names if each is not None and each not in table]
    table = table.reset_index(index).reset_index(drop=True)
    others = {each: kind for each in table if (kind := _nested(table[each]))}
    notes = ignored_note(others)
    return _open_table(table.drop(columns=list(others)), Path.cwd(), name, labelled, notes, hdu)


def _nested(values: pd.Series) -> str:
    """What a column holds that is neither numbers, text nor dates, as a path may be; or nothing."""
    kinds = ("string", "integer", "boolean", "floating", "decimal", "date", "datetime",
             "categorical", "empty")  # fmt: skip
    if values.dtype.kind != "O" or pd.api.types.infer_dtype(values) in kinds:
        return ""
    first, name = values.dropna().iloc[0], str(values.name)
    as_words = isinstance(first, str | os.PathLike) or (
        (_is_text(name) or id_columns([name])) and not isinstance(first, Collection)
    )
    return "" if as_words else type(first).__name__


def _open_table(
    table: pd.DataFrame,
    folder: Path,
    name: str,
    labelled: bool,
    notes: list[str],
    hdu: str | None,
    id_column: str | None = None,
) -> ImageFiles:
    table = with_plain_names(table, name).rename(
        columns={theirs: ours for theirs, ours in _SYNONYMS.items() if ours not in table}
    )
    written = table.get("label", [])
    table = table.assign(**{each: as_text(table[each]) for each in table if _is_text(each)})
    bands = [each for each in table if each.startswith(_BAND) and each not in id_columns(table)]
    images = ["image"] if "image" in table else bands
    _check_columns(table, images, name, labelled, notes)
    words = "images are called by their paths (:id=COLUMN names a column of a file)"
    ids = find_ids(table, id_column, table[images[0]], words, name)
    for column in images:
        check_filled(table[column], ids.values if ids.column else table[column], name)
    check_ids(ids.values, name)
    notes += ids.notes
    paths = _paths(table, images, folder, name, labelled)
    table = ids.grouped(table.drop(columns=[ids.column] if ids.column else []))
    table = table.assign(id=ids.values)

    table["origin"] = table[images[0]].str.cat([table[each] for each in images[1:]], sep=", ")
    try:
        task, labels = _labels(table, name)
        notes += spelling_notes(written)
        if "split" in table:
            labels = labels.assign(split=subsets(table["split"], name))
    except RequestError as error:
        if labelled:
            raise
        task, labels = Unlabelled(), table[[]]
        notes.append(f"Read without labels and split: {error}.")
    used = ("id", *images, *_OWN, "label", "split", *labels)
    others = known_columns(table[table.columns.difference(used, sort=False)], name)
    result = pd.concat([table["id"], labels, table["origin"], others], axis=1)
    return ImageFiles(name, task, result, paths, notes, hdu)


def _read_csv(path: Path, name: str, id_column: str | None) -> pd.DataFrame:
    # Only an empty cell is missing: "NA", "None" and "null" are valid class names.
    table = with_plain_names(read_csv(path), name)
    text = [each for each in table if _is_text(each)] + id_columns(table)
    text += [find_column(id_column, table, name)] if id_column else []
    return with_numbers(table.drop(columns=text)).join(table[list(dict.fromkeys(text))])[
        list(table)
    ]


def _is_text(column: str) -> bool:
    """Whether a column is read as text, since a number would lose its leading zeros."""
    return column in _TEXT or column.startswith(_BAND)


def _check_columns(
    table: pd.DataFrame, images: Sequence[str], name: str, labelled: bool, notes: Sequence[str]
) -> None:
    missing = ["image"] * (not images)
    missing += ["label"] * (labelled and "label" not in table and votes_in(table) is None)
    if missing:
        votes = sum(column in table for column in GALAXY_ZOO_2.columns)
        total = len(GALAXY_ZOO_2.columns)
        hint = f", or all {total} fractions of votes, of which it has {votes}" if votes else ""
        raise RequestError(
            f"{name} has no column {' and no column '.join(missing)}; found "
            f"{first_few(table.columns, 8) or 'nothing'}; expected id, image and label{hint}"
            + "".join(f". {each.rstrip('.')}" for each in notes)
        )
    if table.empty:
        raise RequestError(f"{name} has no rows; expected one for each image")


def _paths(
    table: pd.DataFrame, images: Sequence[str], folder: Path, name: str, labelled: bool
) -> list[str] | list[tuple[str, ...]]:
    """Return the file of each image, or the files of its bands.

    Where no labels are needed, missing files are left to packing and prediction, which go on
    without them: of a million, one is always lost.
    """
    files = [as_on_disk(located(each, folder) for each in table[column]) for column in images]
    gone = [
        each
        for column, paths in zip(images, files, strict=True)
        for each in without_file(table[column], paths)
    ]
    number = len(table) * len(images)
    if gone and (labelled or len(gone) == number):
        raise RequestError(
            f"{name}: {len(gone):,} of {number:,} files are not there: {first_few(gone)}; "
            f"paths are relative to {folder}"
        )
    return files[0] if images == ["image"] else list(zip(*files, strict=True))


def _labels(table: pd.DataFrame, name: str) -> tuple[Task, pd.DataFrame]:
    """Return the task and the columns of the labels."""
    if "label" in table:
        check_filled(table["label"], table["id"], name)
        classes, label = classes_of(table["label"], name)
        return classes, pd.DataFrame({"label": label}, index=table.index)
    if votes := votes_in(table):
        return votes, checked_fractions(table, table["id"], name, votes.tree)
    return Unlabelled(), table[[]]
