"""Sources whose images lie together in large files, which are read from front to back.

A slab is what is read from the file at once: a row of HDF5 chunks, a row group of Parquet. Only
one slab is in memory. Images are decoded, cut and scaled by the workers.
"""

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Sequence
from functools import partial

import numpy as np

from hubblefork.data.images.blocks import DecodedImages, Job
from hubblefork.data.images.framing import Framing
from hubblefork.data.images.multiband import frame_counts
from hubblefork.data.images.read import DecodedImage, UnreadableImage, read_images
from hubblefork.data.sources.base import Source

# An image as it lies in the file: an encoded one (JPEG, PNG, FITS...), or its values (H, W, C),
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
        """Read one slab: an image for each of its rows."""

    def job(self, rows: Sequence[int]) -> Job:
        return partial(read_stored, [self._stored(row) for row in rows])

    def _stored(self, row: int) -> Stored:
        slab = bisect_right(self.starts, row) - 1
        if self._held[0] != slab:
            self._held = (-1, ())  # let go of one slab before the next is read
            self._held = (slab, self.load(slab))
        return self._held[1][row - self.starts[slab]]


def read_stored(images: Sequence[Stored], framing: Framing) -> DecodedImages:
    """Decode and frame images as they lie in a file; a reason in the place of a bad one."""
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
