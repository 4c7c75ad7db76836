"""Hugging Face data sets: images and their labels together in Parquet or Arrow files.

    galaxies.parquet                one file with a column of images
    DIR                             what `save_to_disk` wrote, or a repository of Parquet files
    hub:OWNER/NAME                  a repository on the hub
    ...:labels=COLUMN:images=COLUMN:config=NAME:split=NAME      where these are not obvious

pyarrow reads them, batch by batch.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from hubblefork.core.errors import RequestError, first_few, nearest
from hubblefork.data.sources.base import PART_WORDS, ImageFiles, Source
from hubblefork.data.sources.huggingface_labels import read_labels
from hubblefork.data.sources.huggingface_layout import DataFile, chosen, files_below
from hubblefork.data.sources.image_tables import (
    SUFFIXES,
    ImageTable,
    encoded,
    features,
    ignored_columns,
    image_columns,
    open_table,
    read_errors,
    scalar_columns,
)
from hubblefork.data.sources.path_options import check_options, split_options
from hubblefork.data.sources.sequential import Stored, StreamedSource
from hubblefork.data.sources.table_columns import as_text, check_ids, degrees, parts
from hubblefork.tasks.task import Task

_OPTIONS = ("images", "labels", "config", "split")
# Columns that a source's table has of its own.
_OWN = ("id", "id_str", "label", "origin", "digest", "split")


def holds_images(path: Path) -> bool:
    """Whether a file is a Parquet or Arrow file with a column of images.

    Raises RequestError where such a file is damaged.
    """
    if path.suffix.lower() not in SUFFIXES:
        return False
    return bool(image_columns(open_table(path, str(path)).schema))


def is_saved(path: Path) -> bool:
    """Whether a directory is a Hugging Face data set with images."""
    files = files_below(path)
    return bool(files) and holds_images(path / files[0].path)


def open_saved(path: Path, name: str, labelled: bool, options: Mapping[str, str]) -> Source:
    """Open a directory that `save_to_disk` wrote, or one of Parquet files as on the hub.

    Otherwise as `open_file`. A split that files have (train-00000-of-00002.parquet) is honoured.

    options: `images` and `labels` name columns, `config` and `split` choose files.
    """
    check_options(options, _OPTIONS, name)
    files, notes = chosen(files_below(path), options, name)
    return _open(path, files, name, labelled, options, notes)


def open_file(path: Path, name: str, labelled: bool, options: Mapping[str, str]) -> Source:
    """Open a Parquet or Arrow file with a column of images.

    The label is the column `label`, the one with class names, or the 37 vote fractions; `id` (or
    `id_str`), `split`, `ra`, `dec`, `group` and further columns of numbers, text and dates are
    kept. Rows without a label are left out, and counted in the notes.

    options: `images` and `labels` name columns.

    Raises RequestError where a file is damaged, it is not clear which columns are meant, or labels
    or positions are invalid.
    """
    check_options(options, ("images", "labels"), name)
    return _open(path.parent, [DataFile(path.name)], name, labelled, options, [])


def open_hub(text: str, name: str, labelled: bool) -> Source:
    """Open the data set OWNER/NAME of the hub, with options behind it; it is downloaded once."""
    from hubblefork.data.sources.hub import download

    repository, options = split_options(text)
    check_options(options, _OPTIONS, name)
    folder, files, notes = download(repository, options, name)
    return _open(folder, files, name, labelled, options, notes)


def _open(
    folder: Path,
    files: Sequence[DataFile],
    name: str,
    labelled: bool,
    options: Mapping[str, str],
    notes: list[str],
) -> Source:
    tables = [open_table(folder / file.path, name) for file in files]
    column = _image_column(tables, options.get("images"), name)
    read = [_scalars(table, name) for table in tables]
    rows = pd.concat(read, ignore_index=True)
    if not len(rows):
        raise RequestError(f"{name} has no rows; expected one for each image")
    lengths = list(map(len, read))
    splits = pd.Series(np.repeat([file.split for file in files], lengths), dtype="object")
    ids = _ids(rows, splits, name)
    labels = read_labels(
        rows, ids, _class_names(tables, name), options.get("labels"), labelled, name
    )

    table = pd.DataFrame({"id": ids, **labels.columns})
    table["origin"] = [f"{file.path}:{row}"
                       for file, length in zip(files, lengths, strict=True)
                       for row in range(length)]  # fmt: skip
    table = _with_other_columns(table, rows, splits, labels.used, name)
    kept = np.flatnonzero(labels.known)
    table = table.iloc[kept].reset_index(drop=True)
    notes = [*notes, *labels.notes, *ignored_columns([each.schema for each in tables], [column])]
    paths = _paths(tables, column, name)
    if not paths:
        return StoredImages(name, labels.task, table, tables, column, kept, notes)
    paths = [paths[row] for row in kept]
    if gone := [path or "(no path)" for path in paths if not Path(path).is_file()]:
        raise RequestError(
            f"{name} names its images by paths, and {len(gone):,} of {len(paths):,} files are "
            f"not there: {first_few(gone)}"
        )
    table["origin"] = [Path(path).name for path in paths]
    return ImageFiles(name, labels.task, table, paths, notes)


class StoredImages(StreamedSource):
    """Images in the tables of a data set; each row of `table` is one of their rows.

    kept: (N,) the indices of the rows of `table` among all rows of the files, ascending.
    """

    def __init__(
        self,
        name: str,
        task: Task,
        table: pd.DataFrame,
        tables: Sequence[ImageTable],
        column: str,
        kept: np.ndarray,
        notes: list[str],
    ) -> None:
        self.name = name
        self.task = task
        self.table = table
        self.notes = notes
        self.files = [os.path.abspath(each.path) for each in tables]
        self.chosen = (column,)
        self._kept = kept
        self._groups: list[tuple[ImageTable, int]] = []
        lengths: list[int] = []
        for each in tables:
            with read_errors(each.path, name):
                found = each.group_rows()
            self._groups += [(each, group) for group in range(len(found))]
            lengths += found
        self.starts = [0, *accumulate(lengths)]
        self.held_bytes = sum(map(os.path.getsize, self.files)) // self.starts[-1]

    def read_group(self, group: int) -> Iterator[Sequence[Stored]]:
        table, place = self._groups[group]
        missing = self.starts[group + 1] - self.starts[group]
        with read_errors(table.path, self.name):
            for values in table.batches(place, *self.chosen):
                missing -= len(values)
                yield encoded(values)
            if missing:
                raise ValueError("it has changed since it was opened")

    def _stored(self, row: int) -> Stored:
        return super()._stored(int(self._kept[row]))


def _image_column(tables: Sequence[ImageTable], asked: str | None, name: str) -> str:
    common = sorted(set.intersection(*(set(image_columns(each.schema)) for each in tables)))
    if asked is not None and asked not in common:
        hint = nearest(asked, common) if common else "none of its columns has any"
        raise RequestError(f"{name}: no column {asked!r} holds images; {hint}")
    if not common:
        raise RequestError(
            f"{name}: no column holds images as bytes; found {first_few(tables[0].schema.names, 8)}"
        )
    if asked is None and len(common) > 1 and "image" not in common:
        raise RequestError(
            f"{name}: images could be in the columns {', '.join(common)}; choose one by "
            ":images=COLUMN"
        )
    return asked or ("image" if "image" in common else common[0])


def _scalars(table: ImageTable, name: str) -> pd.DataFrame:
    """Read all columns of numbers, text and dates of one file."""
    with read_errors(table.path, name):
        values = table.columns(scalar_columns(table.schema))
        values.validate(full=True)  # invalid UTF-8 would otherwise fail later, wherever it is used
        frame = values.replace_schema_metadata().to_pandas()
    return frame.reindex(range(values.num_rows))  # without columns, pandas loses their number


def _ids(rows: pd.DataFrame, splits: pd.Series, name: str) -> pd.Series:
    """Return the column id or id_str; else the split and the number of the row."""
    column = next((each for each in ("id", "id_str") if each in rows), None)
    if column is None:
        number = splits.groupby(splits, dropna=False).cumcount().astype("str").str.zfill(6)
        return splits.map(lambda split: f"{split}-", na_action="ignore").fillna("") + number
    ids = as_text(rows[column])
    if ids.isna().any():
        raise RequestError(f"{name}: {ids.isna().sum():,} of {len(ids):,} rows have no {column}")
    check_ids(ids, name)
    return ids


def _with_other_columns(
    table: pd.DataFrame, rows: pd.DataFrame, splits: pd.Series, used: Sequence[str], name: str
) -> pd.DataFrame:
    """Add split, positions, groups, and whatever else is known of the images."""
    words = splits.map(PART_WORDS)
    if words.nunique(dropna=False) > 1 and "train" in set(words):
        table["split"] = words
    elif words.nunique(dropna=False) == 1 and "split" in rows:
        table["split"] = parts(as_text(rows["split"]), name)
    for column, limit in (("ra", 360.0), ("dec", 90.0)):
        if column in rows:
            table[column] = degrees(rows[column], limit, name)
    if "group" in rows:
        table["group"] = as_text(rows["group"])
    others = rows.columns.difference([*table, *_OWN, *used], sort=False)
    return pd.concat([table, rows[others]], axis=1)


def _class_names(tables: Sequence[ImageTable], name: str) -> dict[str, list[str]]:
    """Return the class names for each column that has their numbers, the same in all files."""
    noted = [
        {column: about["names"] for column, about in features(table.schema).items()
         if about.get("_type") == "ClassLabel" and isinstance(about.get("names"), list)}
        for table in tables
    ]  # fmt: skip
    differing = next((each for each in noted if each != noted[0]), None)
    if differing is not None:
        raise RequestError(
            f"{name}: its files name the classes differently: {noted[0]} and {differing}"
        )
    return noted[0]


def _paths(tables: Sequence[ImageTable], column: str, name: str) -> list[str]:
    """Return the file of each image, where all are named by their paths; else nothing.

    Paths are relative to the folder of the table; "" stands for an image without one.
    """
    paths: list[str] = []
    for table in tables:
        kind = table.schema.field(column).type
        if not pa.types.is_struct(kind) or kind.get_field_index("path") < 0:
            return []
        with read_errors(table.path, name):
            for group in range(len(table.group_rows())):
                for values in table.batches(group, column):
                    if pc.struct_field(values, "bytes").null_count < len(values):
                        return []
                    named = pc.struct_field(values, "path").to_pylist()
                    paths += [str(table.path.parent / each) if each else "" for each in named]
    return paths if any(paths) else []
