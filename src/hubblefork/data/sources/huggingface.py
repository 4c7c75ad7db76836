"""Hugging Face data sets: images and their labels together in Parquet or Arrow files.

    galaxies.parquet                one file with a column of images
    DIR                             what `save_to_disk` wrote, or a repository of Parquet files
    hub:OWNER/NAME                  a repository on the hub
    ...:labels=COLUMN:images=COLUMN:config=NAME:split=NAME      where it is not clear by itself

Only pyarrow reads them. Images are never in memory as a whole.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from hubblefork.core.errors import RequestError, first_few, nearest
from hubblefork.core.progress import progress
from hubblefork.data.sources.base import PART_WORDS, ImageFiles, Source, table_digest
from hubblefork.data.sources.huggingface_labels import read_labels
from hubblefork.data.sources.huggingface_layout import DataFile, chosen, files_below
from hubblefork.data.sources.image_tables import (
    SUFFIXES,
    ImageTable,
    encoded,
    features,
    image_columns,
    open_table,
    passed_over,
    scalar_columns,
    told,
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

    The label is the column `label`, the one that has names of classes, or the 37 vote fractions;
    `id` (or `id_str`), `split`, `ra`, `dec`, `group` and further columns of numbers, text and
    dates are kept. Rows without a label are left out, and counted in the notes.

    options: `images` and `labels` name columns.

    Raises RequestError where a file is damaged, it is not clear which columns are meant, or labels
    or positions are not what they should be.
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
    rows = _scalars(tables, files, name)
    if rows.empty:
        raise RequestError(f"{name} has no rows; expected one for each image")
    ids = _ids(rows, name)
    names = _class_names(tables, name)
    labels = read_labels(rows, ids, names, options.get("labels"), labelled, name)

    table = pd.DataFrame({"id": ids, **labels.columns, "origin": rows["origin"]})
    table = _with_other_columns(table, rows, files, labels.used, name)
    kept = np.flatnonzero(labels.known)
    table = table.iloc[kept].reset_index(drop=True)
    notes = [*notes, *labels.notes, *passed_over([each.schema for each in tables], [column])]
    if _named_only(tables[0], column, name):
        paths = [path for table_ in tables for path in _paths(table_, column, name)]
        return _of_named_files(name, labels.task, table, [paths[row] for row in kept], notes)
    return StoredImages(name, labels.task, table, tables, column, kept, notes)


class StoredImages(StreamedSource):
    """Images in the tables of a data set; each row of `table` is one of their rows.

    kept: (N,) the places of the rows of `table` among all rows of the files, ascending.
    """

    def __init__(
        self,
        name: str,
        task: Task,
        table: pd.DataFrame,
        files: Sequence[ImageTable],
        column: str,
        kept: np.ndarray,
        notes: list[str],
    ) -> None:
        self.name = name
        self.task = task
        self.table = table
        self.notes = notes
        self._column = column
        self._kept = kept
        self._slabs: list[tuple[ImageTable, int]] = []
        lengths: list[int] = []
        for file in files:
            with told(file.path, name):
                found = file.slabs(column)
            self._slabs += [(file, place) for place in range(len(found))]
            lengths += found
        self.starts = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).tolist()
        self.held_bytes = sum(path.stat().st_size for path in self._files) // self.starts[-1]
        self._ahead: tuple[int, Iterator[pa.Array]] = (-1, iter(()))

    def load(self, slab: int) -> Sequence[Stored]:
        file, place = self._slabs[slab]
        follows, values = self._ahead
        if follows != slab or place == 0:
            values = file.read_from(place, self._column)
        with told(file.path, self.name):
            images = encoded(next(values, pa.array([], pa.binary())))
            if len(images) != self.starts[slab + 1] - self.starts[slab]:
                raise ValueError("it has changed since it was opened")
        self._ahead = (slab + 1, values)
        return images

    def stamp(self) -> str:
        states = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in self._files]
        return self._digest(repr(states))

    def content(self) -> str:
        digests = []
        with progress("fingerprint", len(self._files), "files") as done:
            for path in self._files:
                with told(path, self.name), open(path, "rb") as file:
                    digests.append(hashlib.file_digest(file, "sha256").hexdigest())
                done(1)
        return self._digest(repr(digests))

    def _stored(self, row: int) -> Stored:
        return super()._stored(int(self._kept[row]))

    def _digest(self, files: str) -> str:
        text = f"{table_digest(self.table, self.task)} {self._column} {files}"
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def _files(self) -> list[Path]:
        return list(dict.fromkeys(file.path for file, _ in self._slabs))


def _image_column(tables: Sequence[ImageTable], asked: str | None, name: str) -> str:
    able = [set(image_columns(table.schema)) for table in tables]
    common = sorted(set.intersection(*able))
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


def _scalars(tables: Sequence[ImageTable], files: Sequence[DataFile], name: str) -> pd.DataFrame:
    """Read all columns of numbers and text, one row an image.

    `origin` and `_split`, the split that the file's name says, are added.
    """
    read = []
    for table, file in zip(tables, files, strict=True):
        with told(table.path, name):
            values = table.columns(scalar_columns(table.schema))
            values.validate(full=True)  # text that is none would be found by whoever uses it
            frame = values.replace_schema_metadata().to_pandas(ignore_metadata=True)
        if not frame.shape[1]:  # pandas has forgotten how many rows there are
            frame = pd.DataFrame(index=range(values.num_rows))
        numbers = range(len(frame))
        frame["origin"] = [f"{file.path}:{number}" for number in numbers]
        frame["_split"] = file.split
        read.append(frame)
    return pd.concat(read, ignore_index=True)


def _ids(rows: pd.DataFrame, name: str) -> pd.Series:
    """The column id or id_str; else the split and the number of the row."""
    column = next((each for each in ("id", "id_str") if each in rows), None)
    if column is None:
        number = rows.groupby("_split", dropna=False).cumcount().astype("str").str.zfill(6)
        before = rows["_split"].map(lambda split: f"{split}-", na_action="ignore")
        return (before.astype("str").fillna("") + number).rename("id")
    ids = as_text(rows[column])
    if ids.isna().any():
        raise RequestError(f"{name}: {ids.isna().sum():,} of {len(ids):,} rows have no {column}")
    check_ids(ids, name)
    return ids


def _with_other_columns(
    table: pd.DataFrame,
    rows: pd.DataFrame,
    files: Sequence[DataFile],
    used: Sequence[str],
    name: str,
) -> pd.DataFrame:
    """Add split, positions, groups, and whatever else is known of the images."""
    splits = {PART_WORDS.get(file.split) for file in files}
    if len(splits) > 1 and "train" in splits:
        table["split"] = rows["_split"].map(PART_WORDS)
    elif len(splits) == 1 and "split" in rows:
        table["split"] = parts(as_text(rows["split"]), name)
    for column, limit in (("ra", 360.0), ("dec", 90.0)):
        if column in rows:
            table[column] = degrees(rows[column], limit, name)
    if "group" in rows:
        table["group"] = as_text(rows["group"])
    others = rows.columns.difference([*table, *_OWN, *used, "_split"], sort=False)
    return pd.concat([table, rows[others]], axis=1)


def _class_names(tables: Sequence[ImageTable], name: str) -> dict[str, list[str]]:
    """The names of classes by the column that numbers them, the same in all files."""
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


def _named_only(table: ImageTable, column: str, name: str) -> bool:
    """Whether images are named by their paths, and their bytes are elsewhere."""
    kind = table.schema.field(column).type
    if not pa.types.is_struct(kind) or kind.get_field_index("path") < 0:
        return False
    with told(table.path, name):
        first = next(table.read_from(0, column), None)
    if first is None:
        return False
    return pc.struct_field(first, "bytes").null_count == len(first) and (
        pc.struct_field(first, "path").null_count < len(first)
    )


def _paths(table: ImageTable, column: str, name: str) -> list[str]:
    """The file of each image, relative to the folder of the table; empty where none is named."""
    with told(table.path, name):
        named = [path for values in table.read_from(0, column)
                 for path in pc.struct_field(values, "path").to_pylist()]  # fmt: skip
    return [str(table.path.parent / path) if path else "" for path in named]


def _of_named_files(
    name: str, task: Task, table: pd.DataFrame, paths: list[str], notes: list[str]
) -> ImageFiles:
    gone = [path or "(no path)" for path in paths if not Path(path).is_file()]
    if gone:
        raise RequestError(
            f"{name} names its images by paths, and {len(gone):,} of {len(paths):,} files are "
            f"not there: {first_few(gone)}"
        )
    table = table.assign(origin=[Path(path).name for path in paths])
    return ImageFiles(name, task, table, paths, notes)
