"""Sources whose images lie together in large files, which are read from front to back.

A file is read group by group (rows of HDF5 chunks, a row group of Parquet), and a group batch by
batch. Only one batch is in memory. The workers decode, crop and scale the images.
"""

import hashlib
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from hubblefork.core.file_cache import file_sha256, file_stamp
from hubblefork.data.images.blocks import DecodedImages, Job
from hubblefork.data.images.decoded import DecodedImage, UnreadableImage
from hubblefork.data.images.framing import Framing
from hubblefork.data.images.multiband import frame_counts
from hubblefork.data.images.read import read_images
from hubblefork.data.sources.base import Source, table_digest

# An image as stored in the file: an encoded one (JPEG, PNG, FITS...), or its values (H, W, C),
# uint8 for bytes and float32 for counts; None where there is none.
Stored = bytes | np.ndarray | None


class StreamedSource(Source, ABC):
    """A source that reads its images batch by batch.

    starts: the first row of each group, and at the end the number of all rows.
    files: the absolute paths of all files that are read.
    chosen: which of the arrays or columns of these files are read, and how.
    """

    starts: Sequence[int]
    files: Sequence[str]
    chosen: Sequence[str]
    _group = -1
    _first = 0  # row of the batch in memory
    _batch: Sequence[Stored] | np.ndarray = ()
    _batches: Iterator[Sequence[Stored] | np.ndarray]

    @abstractmethod
    def read_group(self, group: int) -> Iterator[Sequence[Stored] | np.ndarray]:
        """Read the images of one group, in batches."""

    def job(self, rows: Sequence[int]) -> Job:
        return partial(read_stored, [self._stored(row) for row in rows])

    def stamp(self) -> str:
        return self._digest(map(file_stamp, self.files))

    def content(self) -> str:
        return self._digest(file_sha256(Path(file)) for file in self.files)

    def _digest(self, words: Iterable[str]) -> str:
        parts = (*self.chosen, table_digest(self.table, self.task), *words)
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()

    def _stored(self, row: int) -> Stored:
        group = bisect_right(self.starts, row) - 1
        if group != self._group or row < self._first:
            self._first, self._batch = self.starts[group], ()
            self._batches = self.read_group(group)
        while row >= self._first + len(self._batch):
            self._first += len(self._batch)
            # One batch is released before the next is read; where that fails, the next call
            # starts the group again.
            self._batch, self._group = (), -1
            self._batch, self._group = next(self._batches), group
        return self._batch[row - self._first]


def read_stored(images: Sequence[Stored], framing: Framing) -> DecodedImages:
    """Decode and frame images as stored in a file; the reason in place of an unreadable one."""
    return [_read_one(image, framing) for image in images]


def _read_one(stored: Stored, framing: Framing) -> DecodedImage | UnreadableImage:
    if stored is None:
        return UnreadableImage("there is no image in this row")
    if isinstance(stored, bytes):
        return read_images([stored], framing)[0]
    try:
        pixels = frame_counts(stored, framing, blue_first=False)
    except ValueError as reason:
        return UnreadableImage(str(reason))
    height, width, bands = stored.shape
    return DecodedImage(pixels, (width, height), bands)
