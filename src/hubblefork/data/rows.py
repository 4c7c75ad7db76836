"""Images that are predicted: rows of a source or a catalogue, a few thousand at a time.

A stream gives the ids, the columns that come along, and jobs that read the images when their turn
comes. What becomes of a row's image (`RowImages`) is small and says so in JSON, so that it can be
sent to another process or kept in a file.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from hubblefork.core.errors import RequestError
from hubblefork.data.images.blocks import Job
from hubblefork.data.images.framing import Framing
from hubblefork.data.images.read import read_images
from hubblefork.data.sources.base import ImageFiles, Source
from hubblefork.data.sources.path_options import absolute_source, is_in_memory


class RowImages(ABC):
    """How the rows of a table become images."""

    #: Columns that are needed to read the images and do not come along with the answers.
    hidden: Sequence[str] = ()
    #: What a job holds of each image before it is done; 0 where it only names files.
    held_bytes: int = 0

    @abstractmethod
    def jobs(self, table: pa.Table, first: int, most: int) -> Iterator[tuple[np.ndarray, Job]]:
        """Yield jobs of at most this many rows of a table, each with the places of its rows in it.

        Every row is in one job. first: the number of the table's first row in the catalogue.
        """

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """What `images_from_json` makes the same from; RequestError where that cannot be."""

    def check(self) -> None:  # noqa: B027
        """RequestError where the images of these rows may have become those of others."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Some rows, whose images are not read yet.

    ids: (n,) text. columns: (n rows) what is known of them. first: the number of the first of them.
    """

    ids: np.ndarray
    columns: pa.Table
    first: int
    images: RowImages

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, start: int, stop: int) -> "Rows":
        """Those from `start` to before `stop`."""
        columns = self.columns.slice(start, stop - start)
        return Rows(self.ids[start:stop], columns, self.first + start, self.images)

    def jobs(self, most: int) -> Iterator[tuple[np.ndarray, Job]]:
        """Jobs that read the images of at most so many rows each, with the places of these."""
        return self.images.jobs(self.columns, self.first, most)

    @property
    def kept(self) -> pa.Table:
        """The columns that come along with the answers."""
        hidden = [each for each in self.images.hidden if each in self.columns.column_names]
        return self.columns.drop_columns(hidden) if hidden else self.columns


class ImageStream(ABC):
    """Images to be predicted, row by row.

    name: as the user gave it. number: of the rows. notes: plain sentences on what was found.
    prefer: whether the images are read faster by threads or by processes.
    """

    name: str
    number: int
    notes: Sequence[str]
    images: RowImages
    prefer: Literal["threads", "processes"] = "threads"

    @property
    @abstractmethod
    def schema(self) -> pa.Schema:
        """The columns that come along with the answers."""

    @abstractmethod
    def framing_like(self, framing: Framing) -> Framing:
        """Return the framing of a model for these images; see `Source.framing_like`."""

    @abstractmethod
    def rows(self, most: int) -> Iterator[Rows]:
        """Yield all rows in order, at most so many at a time."""

    @abstractmethod
    def content(self) -> str:
        """Return a fingerprint that changes when the table is edited."""


class SourceStream(ImageStream):
    """The images of a source, in the order of its table."""

    def __init__(self, source: Source):
        self.source = source
        self.name, self.notes, self.number = source.name, source.notes, len(source.table)
        self.prefer = source.prefer
        self._files = source.paths if isinstance(source, ImageFiles) else None
        self.images = SourceImages(source) if self._files is None else ListedFiles()

    def framing_like(self, framing: Framing) -> Framing:
        return self.source.framing_like(framing)

    def rows(self, most: int) -> Iterator[Rows]:
        ids = self.source.table["id"].to_numpy(object)
        for first in range(0, self.number, most):
            columns = self._columns.slice(first, most)
            if self._files is not None:
                files = self._files[first : first + most]
                columns = columns.append_column(_FILES, _as_column(files))
            yield Rows(ids[first : first + most], columns, first, self.images)

    @cached_property
    def _columns(self) -> pa.Table:
        """Ids and all that the source knows beside labels and what decides a split."""
        table = self.source.table
        own = ("origin", "group", "split", *self.source.task.label_columns)
        others = table[[each for each in table if each not in own]]
        return pa.Table.from_pandas(others, preserve_index=False).replace_schema_metadata()

    @property
    def schema(self) -> pa.Schema:
        return self._columns.schema

    def content(self) -> str:
        return self.source.stamp()


# The files of each row, in a column of this name beside those that the answers have.
_FILES = "hubblefork:files"


class ListedFiles(RowImages):
    """Images in files, or at URLs, whose paths come with the rows: one, or one for each band."""

    hidden = (_FILES,)

    def jobs(self, table: pa.Table, first: int, most: int) -> Iterator[tuple[np.ndarray, Job]]:
        files = [list(map(os.fsdecode, each)) for each in table[_FILES].to_pylist()]
        paths = [tuple(each) if len(each) > 1 else each[0] for each in files]
        for start in range(0, len(paths), most):
            places = np.arange(start, min(start + most, len(paths)))
            yield places, partial(read_images, paths[start : start + most])

    def to_json(self) -> dict[str, Any]:
        return {"kind": "listed"}


def _as_column(paths: Sequence[str | tuple[str, ...]]) -> pa.Array:
    """Names of files are bytes: not all are text."""
    files = [[each] if isinstance(each, str) else each for each in paths]
    return pa.array([list(map(os.fsencode, each)) for each in files], pa.list_(pa.binary()))


class SourceImages(RowImages):
    """Images that a source reads by the numbers of its rows."""

    def __init__(self, source: Source):
        self.source = source
        self.held_bytes = source.held_bytes

    def jobs(self, table: pa.Table, first: int, most: int) -> Iterator[tuple[np.ndarray, Job]]:
        for start in range(0, len(table), most):
            places = np.arange(start, min(start + most, len(table)))
            yield places, self.source.job(range(first + start, first + int(places[-1]) + 1))

    def to_json(self) -> dict[str, Any]:
        if is_in_memory(self.source.name):
            raise RequestError(f"{self.source.name} cannot be planned: save them in a file")
        where = absolute_source(self.source.name)
        stamp = self.source.stamp()
        return {"kind": "source", "source": where, "hdu": self.source.hdu, "stamp": stamp}
