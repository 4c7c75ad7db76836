"""Regions of FITS images, read without the rest of the file, and the images that stay open.

    image = OPEN_IMAGES.get("/data/tile12.fits", "SCI")
    image.read(slice(100, 164), slice(200, 264))        # (64, 64, bands)

An image is closed as soon as nobody holds it any more.
"""

import os
import weakref
from collections import OrderedDict
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from hubblefork.core.file_cache import file_stamp
from hubblefork.core.regular_files import not_a_file
from hubblefork.sky.fits import as_counts, check_compression, open_fits, parts_of
from hubblefork.sky.fits_images import FitsError, choose_image, colours_are_last
from hubblefork.sky.tiles import coordinates_of

if TYPE_CHECKING:
    from astropy.io.fits import Header

# Of a process: tiles of five bands, some of them at a time, far below the usual 1,024 open files;
# and two gzipped tiles of the largest size, which have to be held in memory.
_MOST_OPEN, _MOST_MEMORY = 64, 1 << 30


class OpenImage:
    """A FITS image of which regions can be read, from several threads.

    header: as it is. shape: its rows and columns. bands: as `read_fits` counts them.
    memory: bytes that are held because the file is gzipped; any other is memory-mapped, or its
    tiles are decompressed when they are needed.

    Raises FitsError, OSError, and whatever astropy raises on a damaged file.
    """

    def __init__(self, path: Path, hdu: str | None = None) -> None:
        from astropy.io.fits import CompImageHDU

        os.stat(path)  # says by its number what is wrong with a disk
        if reason := not_a_file(path):
            raise FitsError(reason)
        hdus = open_fits(path)
        try:
            chosen = choose_image(parts_of(hdus), hdu)
            image = hdus[chosen.number]
            self.header: Header = image.header
            self.bands = chosen.bands
            mapped = hdus.fileinfo(0)["file"].memmap
            counts = int(np.prod(image.shape, dtype=object))
            self.memory = 0 if mapped else abs(image.header["BITPIX"]) // 8 * counts
            self._rows, self._columns, self._planes = _axes(image.shape)
            self._axes = len(image.shape)
            self.shape = chosen.plane
            self._lock = Lock()
            if isinstance(image, CompImageHDU):
                check_compression(path, chosen.number)
                self._stored = image.section
                weakref.finalize(self, hdus.close)
            else:
                # The memory map stays as long as the array does.
                self._stored = image.data
                hdus.close()
        except BaseException:
            hdus.close()
            raise

    @cached_property
    def coordinates(self) -> str:
        """The cards of its celestial coordinates, as `Tile.wcs` has them."""
        return coordinates_of(self.header)[0]

    def read(self, rows: slice, columns: slice) -> np.ndarray:
        """Return counts (h, w, bands) of a region, as those of `read_fits` but not turned over.

        rows and columns count from the bottom left corner, from 0.
        """
        index: list[int | slice] = [0] * self._axes
        index[self._rows], index[self._columns] = rows, columns
        if self._planes is not None:
            index[self._planes] = slice(None)
        with self._lock:  # decompression seeks in the file
            stored = np.asarray(self._stored[tuple(index)])
        counts = as_counts(stored, self.header)
        if self._planes is None:
            return counts[..., None]
        if self._planes < self._rows:
            return np.moveaxis(counts, 0, 2)
        return counts[..., 2::-1]


def _axes(shape: tuple[int, ...]) -> tuple[int, int, int | None]:
    """Which axes of an image are its rows, columns and bands; those of length 1 do not count."""
    axes = list(range(len(shape)))
    while len(axes) > 2 and any(shape[axis] == 1 for axis in axes):
        axes.remove(next(axis for axis in axes if shape[axis] == 1))
    if len(axes) == 2:
        return axes[0], axes[1], None
    if colours_are_last(tuple(shape[axis] for axis in axes)):
        return axes[0], axes[1], axes[2]
    return axes[1], axes[2], axes[0]


class OpenImages:
    """The images of a process that were used last: they stay open until others push them out.

    opened: how many were opened so far. A file that has changed is opened again.
    """

    def __init__(self, most_open: int = _MOST_OPEN, most_memory: int = _MOST_MEMORY) -> None:
        self.most_open, self.most_memory = most_open, most_memory
        self.forget()

    def forget(self) -> None:
        """Let go of all images, and count from 0 again."""
        self._images: OrderedDict[tuple[str, str | None], tuple[str, OpenImage]] = OrderedDict()
        self._lock = Lock()
        self.opened = 0

    def __len__(self) -> int:
        return len(self._images)

    def get(self, path: str, hdu: str | None = None) -> OpenImage:
        """Return an open image; raises what `OpenImage` does."""
        with self._lock:
            stamp = file_stamp(path, look=False)
            kept = self._images.pop((path, hdu), None)
            if kept is None or kept[0] != stamp:
                kept = stamp, OpenImage(Path(path), hdu)
                self.opened += 1
            self._images[path, hdu] = kept
            while len(self) > self.most_open or (len(self) > 1 and self._held > self.most_memory):
                self._images.popitem(last=False)
            return kept[1]

    @property
    def _held(self) -> int:
        return sum(image.memory for _, image in self._images.values())


OPEN_IMAGES = OpenImages()
# A forked process shares the places in open files with its parent: both would read wrong bytes.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=OPEN_IMAGES.forget)
