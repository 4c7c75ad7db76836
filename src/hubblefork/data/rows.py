"""Images that are predicted: rows of a source or a catalogue, a few thousand at a time.

A stream gives the ids, the columns that come along, and jobs that read the images when their turn
comes. What becomes of a row's image (`RowImages`) is small and says so in JSON, so that it can be
sent to another process or kept in a file.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from hubblefork.data.images.blocks import Job
from hubblefork.data.images.framing import Framing
from hubblefork.data.sources.base import Source


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
        self.images = SourceImages(source)

    def framing_like(self, framing: Framing) -> Framing:
        return self.source.framing_like(framing)

    def rows(self, most: int) -> Iterator[Rows]:
        ids = self.source.table["id"].to_numpy(object)
        for first in range(0, self.number, most):
            columns = self._columns.slice(first, most)
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
        return {"kind": "source", "source": self.source.name, "hdu": self.source.hdu}
