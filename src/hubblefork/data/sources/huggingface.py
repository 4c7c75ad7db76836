"""Hugging Face data sets: images and their labels together in Parquet or Arrow files.

    galaxies.parquet                one file with a column of images
    DIR                             what `save_to_disk` wrote, or a repository of Parquet files
    hub:OWNER/NAME                  a repository on the hub
    ...:labels=COLUMN:images=COLUMN:config=NAME:split=NAME      where these are not obvious

pyarrow reads them, batch by batch.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from hubblefork.core.errors import RequestError, first_few, nearest
from hubblefork.core.names import as_on_disk, normalised
from hubblefork.core.path_options import check_options, split_options
from hubblefork.core.regular_files import without_file
from hubblefork.core.sampling import stable_sample
from hubblefork.core.text import shortened
from hubblefork.core.urls import located
from hubblefork.data.images.multiband import look_at_counts
from hubblefork.data.sources.base import ImageFiles, Source
from hubblefork.data.sources.huggingface_labels import read_labels
from hubblefork.data.sources.huggingface_layout import DataFile, chosen, files_below
from hubblefork.data.sources.ids import find_ids
from hubblefork.data.sources.image_tables import (
    SUFFIXES,
    features,
    ignored_columns,
    image_columns,
    nested_columns,
    read_scalars,
    read_schema,
    record_batches,
)
from hubblefork.data.sources.sequential import Stored, StreamedSource
from hubblefork.data.sources.table_columns import with_other_columns, with_plain_names
from hubblefork.sky.fits import is_fits
from hubblefork.tasks.task import Task

_OPTIONS = ("images", "labels", "id", "config", "split", "hdu")
_STAND_IN = "rows are identified by their split and number (:id=COLUMN names a column)"


def holds_images(path: Path) -> bool:
    """Whether a file or directory is a Parquet or Arrow data set with a column of images.

    Raises RequestError where it is damaged.
    """
    if path.is_dir():
        files = files_below(path)
        return bool(files) and holds_images(path / files[0].path)
    return path.suffix.lower() in SUFFIXES and bool(image_columns(read_schema(path, str(path))))


def open_saved(
    path: Path, name: str, labelled: bool, options: Mapping[str, str], hdu: str | None = None
) -> Source:
    """Open a file with a column of images, or a directory of such files.

    The label is the column `label`, the one with class names, or the vote fractions of a known
    decision tree; ids (see `data.sources.ids`), `split`, `ra`, `dec`, `group` and further columns
    of numbers, text and dates are kept. A split that files have (train-00000-of-00002.parquet) is
    honoured. Rows without a label are left out, and counted in the notes.

    options: `images`, `labels` and `id` name columns; in a directory, `config` and `split` choose
        files; `hdu` names the image to read of FITS files, else the parameter `hdu` does.

    Raises RequestError where a file is damaged, it is not clear which columns are meant, or labels
    or positions are invalid.
    """
    if path.is_dir():
        check_options(options, _OPTIONS, name)
        options = {"hdu": hdu, **options} if hdu else options
        return _open(path, *chosen(files_below(path), options, name), name, labelled, options)
    check_options(options, ("images", "labels", "id", "hdu"), name)
    options = {"hdu": hdu, **options} if hdu else options
    return _open(path.parent, [DataFile(path.name)], [], name, labelled, options)


def open_hub(text: str, name: str, labelled: bool, hdu: str | None = None) -> Source:
    """Open the data set OWNER/NAME of the hub, with options behind it; it is downloaded once."""
    from hubblefork.data.sources.hub import download

    repository, options = split_options(text)
    check_options(options, _OPTIONS, name)
    options = {"hdu": hdu, **options} if hdu else options
    return _open(*download(repository, options, name), name, labelled, options)


def _open(
    folder: Path,
    files: Sequence[DataFile],
    notes: list[str],
    name: str,
    labelled: bool,
    options: Mapping[str, str],
) -> Source:
    paths = [folder / file.path for file in files]
    schemas = [read_schema(path, name) for path in paths]
    column = _image_column(schemas, options.get("images"), name)
    read = [read_scalars(*each, name) for each in zip(paths, schemas, strict=True)]
    lengths = list(map(len, read))
    if not sum(lengths):
        raise RequestError(f"{name} has no rows; expected one for each image")
    rows = with_plain_names(pd.concat(read, ignore_index=True), name)
    splits = pd.Series(np.repeat([file.split for file in files], lengths), dtype="object")
    nested = {key: kind for schema in schemas for key, kind in nested_columns(schema).items()}
    for option in ("labels", "id"):
        if kind := nested.get(options.get(option, "")):
            raise RequestError(
                f"{name}: the column {options[option]} is nested ({kind}); expected numbers or text"
            )
    ids = find_ids(rows, options.get("id"), _row_ids(splits), _STAND_IN, name)
    names, *others = map(_class_names, schemas)
    if differing := [each for each in others if each != names]:
        raise RequestError(
            f"{name}: its files name the classes differently: {names} and {differing[0]}"
        )
    try:
        labels = read_labels(rows, ids.values, names, options.get("labels"), labelled, name)
    except RequestError as error:
        inner = [f"{key} ({kind})" for key, kind in nested.items() if key != column]
        hint = f"; nested columns cannot be labels: {first_few(inner)}" if inner else ""
        raise RequestError(f"{error}{hint}") from None

    table = pd.DataFrame({"id": ids.values, **labels.columns})
    table["origin"] = [f"{file.path}:{row}"
                       for file, length in zip(files, lengths, strict=True)
                       for row in range(length)]  # fmt: skip
    table = with_other_columns(table, rows, splits, [*labels.used, ids.column or "id"], name)
    kept = np.flatnonzero(labels.known)
    table = ids.grouped(table).iloc[kept].reset_index(drop=True)
    notes = [*notes, *ids.notes, *labels.notes, *ignored_columns(schemas, [column])]
    images = _named_files(paths, column, name)
    if not images:
        starts = [0, *accumulate(lengths)]
        stored = [os.path.abspath(path) for path in paths]
        hdu = options.get("hdu")
        return StoredImages(name, labels.task, table, notes, stored, starts, (column,), kept, hdu)
    images = [images[row] for row in kept]
    images = as_on_disk(images)
    if gone := without_file([each or "(no path)" for each in images], images):
        raise RequestError(
            f"{name} names its images by paths, and {len(gone):,} of {len(images):,} files are "
            f"not there: {first_few(gone)}"
        )
    table["origin"] = [Path(each).name for each in images]
    return ImageFiles(name, labels.task, table, images, notes, options.get("hdu"))


@dataclass(eq=False, repr=False)
class StoredImages(StreamedSource):
    """Images stored in Parquet or Arrow files, each of which is a group.

    chosen: the column of images.
    kept: (N,) the indices of the rows of `table` among all rows of the files, ascending.
    hdu: what the image to read of FITS files is called, where it was asked for.
    """

    name: str
    task: Task
    table: pd.DataFrame
    notes: list[str]
    files: Sequence[str]
    starts: Sequence[int]
    chosen: tuple[str]
    kept: np.ndarray
    hdu: str | None = None

    def __post_init__(self) -> None:
        images = self._some()
        # Where only some are FITS files, they become colour images as the others are.
        if images and all(map(is_fits, images)):
            found = look_at_counts(images, self.hdu)
            self.bands, self.hdu = found.bands, found.hdu
            self.channels = found.bands or self.channels
            self.notes = [*self.notes, *found.notes]
        self.held_bytes = sum(map(os.path.getsize, self.files)) // self.starts[-1]

    def _some(self) -> list[bytes]:
        """Images from the beginning of some of the files."""
        files = stable_sample(np.arange(len(self.files)), 4)
        batches = (next(self.read_group(int(file)), ()) for file in files)
        return [image for batch in batches for image in batch[:8] if isinstance(image, bytes)]

    def read_group(self, group: int) -> Iterator[Sequence[Stored]]:
        path = Path(self.files[group])
        missing = self.starts[group + 1] - self.starts[group]
        for batch in record_batches(path, self.chosen, self.name):
            images = batch.column(0)
            if pa.types.is_struct(images.type):
                images = pc.struct_field(images, "bytes")
            missing -= len(images)
            yield images.to_pylist()
        if missing:
            raise RequestError(f"{self.name}: {path.name} has changed since it was opened")

    def _stored(self, row: int) -> Stored:
        return super()._stored(int(self.kept[row]))


def _image_column(schemas: Sequence[pa.Schema], asked: str | None, name: str) -> str:
    common = sorted(set.intersection(*(set(image_columns(schema)) for schema in schemas)))
    asked = {normalised(each): each for each in common}.get(normalised(asked or ""), asked)
    if asked is not None and asked not in common:
        hint = nearest(asked, common) if common else "none of its columns has any"
        raise RequestError(f"{name}: no column {asked!r} holds images; {hint}")
    if not common:
        found = [f"{each.name} ({shortened(str(each.type), 60)})" for each in schemas[0]]
        raise RequestError(f"{name}: no column holds images as bytes; found {first_few(found, 8)}")
    if asked is None and len(common) > 1 and "image" not in common:
        raise RequestError(
            f"{name}: images could be in the columns {', '.join(common)}; choose one by "
            ":images=COLUMN"
        )
    return asked or ("image" if "image" in common else common[0])


def _row_ids(splits: pd.Series) -> pd.Series:
    """The split and the number of each row."""
    number = splits.groupby(splits, dropna=False).cumcount().astype("str").str.zfill(6)
    return splits.map(lambda split: f"{split}-", na_action="ignore").fillna("") + number


def _class_names(schema: pa.Schema) -> dict[str, list[str]]:
    """Return the class names for each column that has their numbers."""
    return {
        normalised(column): about["names"]
        for column, about in features(schema).items()
        if about.get("_type") == "ClassLabel" and isinstance(about.get("names"), list)
    }


def _named_files(paths: Sequence[Path], column: str, name: str) -> list[str]:
    """Return the file of each image, where all are named by their paths; else nothing.

    Paths are relative to the folder of the table; "" stands for an image without one.
    """
    files: list[str] = []
    for path in paths:
        for batch in record_batches(path, [column], name):
            images = batch.column(0)
            if not pa.types.is_struct(images.type) or images.type.get_field_index("path") < 0:
                return []
            if pc.struct_field(images, "bytes").null_count < len(images):
                return []
            named = pc.struct_field(images, "path").to_pylist()
            files += [located(each, path.parent) if each else "" for each in named]
    return files if any(files) else []
