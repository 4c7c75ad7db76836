"""How the rows of a catalogue become images: by the files that they name, by the bytes that they
hold, or by their positions in mosaics."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from hubblefork.core.errors import RequestError, first_line
from hubblefork.core.file_cache import content_stamp
from hubblefork.core.names import as_on_disk
from hubblefork.core.tables.memory import IN_MEMORY
from hubblefork.core.tables.parquet import parquet_files
from hubblefork.core.tables.stored import StoredTable
from hubblefork.core.urls import located
from hubblefork.data.images.blocks import DecodedImages, Job
from hubblefork.data.images.cutouts import read_cutouts
from hubblefork.data.images.decoded import UnreadableImage
from hubblefork.data.images.framing import Framing
from hubblefork.data.images.read import read_images
from hubblefork.data.rows import RowImages
from hubblefork.data.sources.column_roles import degrees_a_unit
from hubblefork.sky.mosaics import Mosaics

# Rows of encoded images that are read at once: some megabytes of cut-outs.
_BATCH = 256


class NamedFiles(RowImages):
    """Images in files, or at URLs.

    columns: of paths, relative to `folder` or absolute; one, or one for each band.
    """

    def __init__(self, columns: Sequence[str], folder: str):
        self.columns = tuple(columns)
        self.folder = folder

    def paths(self, table: pa.Table) -> list[tuple[str, ...]]:
        """The file of each band of each row; fewer than there are bands where some are missing."""
        named = [table[column].cast(pa.string()).to_pylist() for column in self.columns]
        rows = zip(*named, strict=True)
        return [tuple(located(each.strip(), self.folder) for each in row if each) for row in rows]

    def jobs(self, table: pa.Table, first: int, most: int) -> Iterator[tuple[np.ndarray, Job]]:
        paths = self.paths(table)
        for start in range(0, len(paths), most):
            part = paths[start : start + most]
            places = np.arange(start, start + len(part))
            yield places, partial(_read_files, part, len(self.columns))

    def to_json(self) -> dict[str, Any]:
        return {"kind": "files", "columns": list(self.columns), "folder": self.folder}


def _read_files(rows: Sequence[tuple[str, ...]], bands: int, framing: Framing) -> DecodedImages:
    found: DecodedImages = []
    for paths in rows:
        if len(paths) < bands:
            found.append(UnreadableImage("the row names no file" + " of each band" * (bands > 1)))
            continue
        files = as_on_disk(paths)
        found += read_images([files[0] if bands == 1 else tuple(files)], framing)
    return found


class StoredBytes(RowImages):
    """Encoded images in a column of the table itself: bytes, alone or beside a path.

    stamp: of the table when it was planned, where it was.
    """

    def __init__(self, table: StoredTable, column: str, stamp: str | None = None):
        self.table = table
        self.column = column
        self.stamp = stamp
        self.hidden = (column,)
        self._images: Iterator[bytes | None] = iter(())
        self._next = -1

    def jobs(self, table: pa.Table, first: int, most: int) -> Iterator[tuple[np.ndarray, Job]]:
        for start in range(0, len(table), most):
            number = min(most, len(table) - start)
            images = self._take(first + start, number)
            yield np.arange(start, start + number), partial(_read_bytes, images)

    def _take(self, first: int, number: int) -> list[bytes | None]:
        """The images of rows that mostly follow those of the last call."""
        if first != self._next:
            self._images = self._from(first)
        images = list(islice(self._images, number))
        if len(images) < number:
            raise RequestError(f"{self.table.path} has changed since it was opened: plan it again")
        self._next = first + number
        return images

    def _from(self, first: int) -> Iterator[bytes | None]:
        for batch in self.table.batches(_BATCH, [self.column], start=first):
            images = batch[self.column]
            if pa.types.is_struct(images.type):
                images = pc.struct_field(images, "bytes")
            yield from images.to_pylist()

    def to_json(self) -> dict[str, Any]:
        if self.table.path == IN_MEMORY:
            raise RequestError("images in a table in memory cannot be planned: save it as Parquet")
        where = os.path.abspath(self.table.path)
        stamp = stamp_of(self.table.path)
        return {"kind": "bytes", "table": where, "column": self.column, "stamp": stamp}

    def check(self) -> None:
        try:
            changed = self.stamp is not None and stamp_of(self.table.path) != self.stamp
        except (OSError, ValueError) as error:
            raise RequestError(f"{self.table.path} cannot be read: {first_line(error)}") from error
        if changed:
            raise RequestError(
                f"{self.table.path} has changed since it was planned, and its images may be those "
                "of other rows: plan it again"
            )


def stamp_of(path: Path) -> str:
    """A fingerprint of a file with a table, or of a folder of Parquet files, wherever it is."""
    files = parquet_files(path) if path.is_dir() else [path]
    names = (f"{each.name}\0{content_stamp(each)}" for each in files)
    return hashlib.sha256("\0".join(names).encode("utf-8", "surrogateescape")).hexdigest()


def _read_bytes(images: Sequence[bytes | None], framing: Framing) -> DecodedImages:
    return [
        UnreadableImage("there is no image in this row") if each is None
        else read_images([each], framing)[0]
        for each in images
    ]  # fmt: skip


class Cutouts(RowImages):
    """Images cut from mosaics at the positions of the rows.

    ra, dec: columns of degrees. size: column of the side in arcsec, where the mosaics have none.
    """

    def __init__(self, mosaics: Mosaics, ra: str, dec: str, size: str | None):
        self.mosaics = mosaics
        self.ra, self.dec, self.size = ra, dec, size

    def jobs(self, table: pa.Table, first: int, most: int) -> Iterator[tuple[np.ndarray, Job]]:
        ra, dec = (
            as_numbers(table[each]) * degrees_a_unit(table.field(each))
            for each in (self.ra, self.dec)
        )
        sizes = None if self.size is None else as_numbers(table[self.size])
        tiles = self.mosaics.locate(ra, dec)
        # So that each tile is opened once.
        order = np.argsort(tiles, kind="stable")
        for start in range(0, len(order), most):
            at = order[start : start + most]
            size = None if sizes is None else sizes[at]
            yield at, partial(read_cutouts, self.mosaics, tiles[at], ra[at], dec[at], size)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "cutouts", "mosaics": self.mosaics.to_json(),
                "ra": self.ra, "dec": self.dec, "size": self.size}  # fmt: skip


def as_numbers(column: pa.ChunkedArray) -> np.ndarray:
    """(n,) float64; NaN for what is no number."""
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return pd.to_numeric(column.to_pandas(), errors="coerce").to_numpy(np.float64)
    return column.cast(pa.float64()).to_pandas().to_numpy()
