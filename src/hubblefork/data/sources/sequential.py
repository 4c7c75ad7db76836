"""Sources whose pictures lie together in large files, which are read from front to back.

A slab is what is read from the file at once: a row of HDF5 chunks, a row group of Parquet. Only
one slab is in memory. Pictures are decoded, cut and scaled by the workers.
"""

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Sequence
from functools import partial

import numpy as np

from hubblefork.data.images.blocks import Job, Pictures
from hubblefork.data.images.framing import Framing
from hubblefork.data.images.multiband import frame_counts
from hubblefork.data.images.read import Picture, UnreadablePicture, read_pictures
from hubblefork.data.sources.base import Source

# A picture as it lies in the file: an encoded one (JPEG, PNG, FITS...), or its values (H, W, C),
# uint8 where they are bytes and float32 where they are counts; None where there is nothing.
Stored = bytes | np.ndarray | None


class StreamedSource(Source, ABC):
    """A source that reads slab after slab.

    starts: the first row of each slab, and at the end the number of all rows.
    """

    prefer = "threads"
    starts: Sequence[int]
    _held: tuple[int, Sequence[Stored]] = (-1, ())

    @abstractmethod
    def load(self, slab: int) -> Sequence[Stored]:
        """Read one slab: a picture for each of its rows."""

    def job(self, rows: Sequence[int]) -> Job:
        return partial(read_stored, [self._stored(row) for row in rows])

    def _stored(self, row: int) -> Stored:
        slab = bisect_right(self.starts, row) - 1
        if self._held[0] != slab:
            self._held = (-1, ())  # let go of one slab before the next is read
            self._held = (slab, self.load(slab))
        return self._held[1][row - self.starts[slab]]


def read_stored(pictures: Sequence[Stored], framing: Framing) -> Pictures:
    """Decode and frame pictures as they lie in a file; a reason in the place of a bad one."""
    return [_read_one(picture, framing) for picture in pictures]


def _read_one(stored: Stored, framing: Framing) -> Picture | UnreadablePicture:
    if stored is None:
        return UnreadablePicture("there is no picture in this row")
    if isinstance(stored, bytes):
        return read_pictures([stored], framing)[0]
    try:
        pixels = frame_counts(stored, framing, blue_first=False)
    except ValueError as reason:
        return UnreadablePicture(str(reason))
    height, width, bands = stored.shape
    return Picture(pixels, (width, height), bands)
