"""The counts of images whose files are FITS, to be looked at with another stretch."""

from functools import cached_property

import numpy as np

from hubblefork.core.errors import RequestError
from hubblefork.core.tries import TransientFailure
from hubblefork.core.urls import protocol_of
from hubblefork.data.images.decoded import UnreadableImage
from hubblefork.data.images.multiband import counts_of
from hubblefork.data.sources.base import Source
from hubblefork.sky.fits_images import FITS_SUFFIXES
from hubblefork.workbench.data import Collection


class Counts:
    """Reads the counts of an image by its row; those of the last one are kept."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._last: tuple[int, np.ndarray] | None = None

    def are_there(self, row: int) -> bool:
        """Whether the file of an image is called as FITS."""
        if self._collection.source is None:
            return False
        origin = str(self._collection.dataset.table["origin"].iloc[row])
        return origin.lower().endswith(FITS_SUFFIXES)

    def of(self, row: int) -> np.ndarray:
        """(H, W, bands) counts of the square that was packed, at the scale of its file.

        Raises RequestError where there are none, or they can no longer be read.
        """
        if self._last is not None and self._last[0] == row:
            return self._last[1]
        identifier, _ = self._collection.image(row)
        files = self._source.image_files(self._rows[identifier]) if identifier in self._rows else ()
        if not files or any(map(protocol_of, files)):
            raise RequestError(f"image {row} is in no FITS file on this machine")
        try:
            counts = counts_of(files, self._collection.dataset.framing)
        except (UnreadableImage, TransientFailure) as error:
            raise RequestError(f"image {row} cannot be read: {error}") from None
        self._last = row, counts
        return counts

    @cached_property
    def _source(self) -> Source:
        if self._collection.source is None:
            raise RequestError("these images have no files")
        return self._collection.source()

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {str(each): row for row, each in enumerate(self._source.table["id"])}
