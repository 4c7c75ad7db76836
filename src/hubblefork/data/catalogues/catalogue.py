"""A catalogue as a stream of rows: the table is read once, and no image before its turn."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from hubblefork.core.errors import RequestError, first_few
from hubblefork.core.file_cache import file_sha256
from hubblefork.core.progress import say
from hubblefork.core.tables.memory import IN_MEMORY, content_of
from hubblefork.core.tables.stored import StoredTable
from hubblefork.core.urls import file_name
from hubblefork.data.catalogues.row_images import Cutouts, NamedFiles, StoredBytes, stamp_of
from hubblefork.data.images.framing import Framing
from hubblefork.data.images.multiband import look_at_counts
from hubblefork.data.images.read import FITS_SUFFIXES
from hubblefork.data.rows import ImageStream, RowImages, Rows
from hubblefork.data.sources.base import keep_image
from hubblefork.data.sources.column_roles import ROLES, Columns, find_columns
from hubblefork.data.sources.ids import as_ids
from hubblefork.data.sources.image_tables import image_columns
from hubblefork.data.sources.mosaic_options import open_mosaics
from hubblefork.sky.mosaics import Mosaics

# Rows whose FITS files are looked at for what all have in common.
_LOOKED_AT = 4096


class Catalogue(ImageStream):
    """The rows of a table, each with an image.

    columns: which column is what. hdu: the image to read of FITS files, where it was asked for.
    """

    def __init__(
        self,
        table: StoredTable,
        name: str,
        columns: Columns,
        images: RowImages,
        hdu: str | None = None,
    ):
        self.table, self.name, self.columns, self.images = table, name, columns, images
        self.number = _count(table) if table.rows is None else table.rows
        self.hdu = hdu
        self.notes = columns.note()
        if columns.id is None and not isinstance(images, NamedFiles):
            self.notes = [*self.notes, "No ids are known; rows are identified by their numbers."]

    @property
    def schema(self) -> pa.Schema:
        fields = [field for field in self.table.schema if field.name not in self.images.hidden]
        return pa.schema(fields)

    def framing_like(self, framing: Framing) -> Framing:
        if isinstance(self.images, NamedFiles):
            first = next(iter(self.table.batches(_LOOKED_AT, list(self.images.columns))), None)
            paths = [] if first is None else self.images.paths(first)
            counted = [each for each in paths if each and _is_fits(each[0])]
            if counted:
                found = look_at_counts([e[0] if len(e) == 1 else e for e in counted], self.hdu)
                self.hdu = found.hdu
                for note in found.notes:
                    say(note)
        return keep_image(framing, self.hdu, self.name)

    def rows(self, most: int) -> Iterator[Rows]:
        first = 0
        for batch in self.table.batches(most, self.schema.names):
            yield Rows(self._ids(batch, first), batch, first, self.images)
            first += len(batch)

    def _ids(self, batch: pa.Table, first: int) -> np.ndarray:
        """The ids of some rows; where one has none, the number of the row."""
        columns = [self.columns.id] if self.columns.id else []
        if isinstance(self.images, NamedFiles):
            columns += self.images.columns[:1]
        ids = np.array([f"row {first + place + 1}" for place in range(len(batch))], dtype=object)
        for column in reversed(columns):
            text = as_ids(batch[column])
            ids = np.where(text == "", ids, text)
        return ids

    def content(self) -> str:
        """SHA-256 of the file; a stamp of what holds images or is a folder (see `stamp_of`)."""
        path = self.table.path
        if path == IN_MEMORY:
            return content_of(self.table)
        if path.is_file() and not self.images.hidden:
            return file_sha256(path)
        return stamp_of(path)


def open_catalogue(
    table: StoredTable,
    name: str,
    folder: Path,
    options: Mapping[str, str],
    hdu: str | None = None,
) -> Catalogue:
    """Open a table whose rows are images.

    folder: that paths in the table are relative to. options: the columns that the user named for a
    role (see `find_columns`), `mosaics` and what belongs to it (see `open_mosaics`), and `hdu`.

    Raises RequestError where no column says what the images are.
    """
    schema = table.schema
    asked = {role: options[role] for role in ROLES if role in options}
    mosaics = open_mosaics(options, hdu)
    if mosaics is not None and mosaics.size is not None:
        asked.pop("size", None)
    encoded = image_columns(schema)
    columns = find_columns(schema.names, asked, name, encoded)
    images = _images(table, columns, mosaics, name, folder)
    catalogue = Catalogue(table, name, columns, images, hdu)
    if not catalogue.number:
        raise RequestError(f"{name} has no rows; expected one for each image")
    return catalogue


def _images(
    table: StoredTable, columns: Columns, mosaics: Mosaics | None, name: str, folder: Path
) -> RowImages:
    if mosaics is not None:
        missing = [role for role in ("ra", "dec") if not getattr(columns, role)]
        missing += ["size"] * (mosaics.size is None and columns.size is None)
        if missing:
            raise RequestError(
                f"{name} has no column {' and '.join(missing)} to cut images from mosaics by; "
                f"found {first_few(table.schema.names, 8)}; --columns {missing[0]}=COLUMN names "
                f"another{', and --mosaics PLACE:size=ARCSEC sets one size' * ('size' in missing)}"
            )
        return Cutouts(mosaics, str(columns.ra), str(columns.dec), columns.size)
    if not columns.images:
        raise RequestError(
            f"{name} has no column image; found {first_few(table.schema.names, 8) or 'nothing'}; "
            "--columns image=COLUMN names that of the paths, URLs or bytes, and --mosaics FOLDER "
            "cuts images at ra and dec"
        )
    if columns.images[0] in image_columns(table.schema):
        return StoredBytes(table, columns.images[0])
    if nested := [each for each in columns.images if each in table.nested]:
        raise RequestError(
            f"{name}: the column {nested[0]} is {table.nested[nested[0]]}; expected paths, URLs or "
            "encoded images"
        )
    return NamedFiles(columns.images, os.path.abspath(folder))


def _count(table: StoredTable) -> int:
    return sum(map(len, table.batches(columns=table.schema.names[:1])))


def _is_fits(path: str) -> bool:
    return file_name(path).lower().endswith(FITS_SUFFIXES)
