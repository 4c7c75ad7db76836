"""Cut-outs of mosaics at positions of a catalogue, framed as other images are."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from hubblefork.core.errors import RequestError
from hubblefork.core.tries import is_transient, trying_again
from hubblefork.data.images.decoded import DecodedImage, UnreadableImage, explained_failures
from hubblefork.data.images.framing import Framing
from hubblefork.data.images.multiband import frame_counts
from hubblefork.sky.directions import angle_text
from hubblefork.sky.fits import MOST_COUNTS
from hubblefork.sky.fits_images import FitsError
from hubblefork.sky.fits_regions import OPEN_IMAGES, OpenImage
from hubblefork.sky.mosaics import Mosaics, are_positions, unmasked
from hubblefork.sky.tiles import Tile


def read_cutouts(
    mosaics: Mosaics,
    tiles: ArrayLike,
    ra: ArrayLike,
    dec: ArrayLike,
    size: ArrayLike | None,
    framing: Framing,
) -> list[DecodedImage | UnreadableImage]:
    """Cut squares out of mosaics, one for each row; the reason in place of one that cannot be.

    tiles: (N,) numbers of tiles, as `Mosaics.locate` gives them.
    ra, dec: (N,) positions in degrees (ICRS).
    size: side in arcsec, one or (N,); None for that of the mosaics.

    The side in pixels is the size over the width of a pixel, rounded to the nearest whole number
    and at least 1. Pixels are those of astropy's `Cutout2D` with mode="partial" and
    fill_value=nan, turned over as `read_fits` does. Each tile is opened once, and stays open for
    the next calls (`OPEN_IMAGES`).

    Raises RequestError where no size is given, and TransientFailure where a disk or the machine
    fails in a way that may pass (see `core.tries`).
    """
    size = mosaics.size if size is None else size
    if size is None:
        raise RequestError(
            "cut-outs have no size: add :size=ARCSEC to the mosaics, or a column size (arcsec) to "
            "the catalogue"
        )
    numbers = np.asarray(tiles)
    ra, dec, size = (np.broadcast_to(unmasked(each), numbers.shape) for each in (ra, dec, size))
    images: dict[int, DecodedImage | UnreadableImage] = {
        row: UnreadableImage(reason) for row, reason in _refused(mosaics, numbers, ra, dec, size)
    }
    usable = np.array([row for row in range(len(numbers)) if row not in images], np.int64)
    usable = usable[np.argsort(numbers[usable], kind="stable")]
    used, first = np.unique(numbers[usable], return_index=True)
    for number, rows in zip(used, np.split(usable, first[1:]), strict=True):
        cut = _cut_tile(mosaics, mosaics.tiles[number], ra[rows], dec[rows], size[rows], framing)
        images |= zip(rows.tolist(), cut, strict=True)
    return [images[row] for row in range(len(numbers))]


def _refused(
    mosaics: Mosaics, tiles: np.ndarray, ra: np.ndarray, dec: np.ndarray, size: np.ndarray
) -> Iterator[tuple[int, str]]:
    """Yield the rows of which no cut-out can be made, with the reason."""
    given = np.isfinite(ra) & np.isfinite(dec)
    placed = are_positions(ra, dec)
    for row in np.flatnonzero(~given).tolist():
        yield row, f"its position is missing or not finite (ra {ra[row]:g}, dec {dec[row]:g})"
    for row in np.flatnonzero(given & ~placed).tolist():
        place = f"ra {ra[row]:.10g}, dec {dec[row]:.10g}"
        yield row, f"{place} is not a position; expected 0 to 360 and -90 to 90 degrees"
    outside = np.flatnonzero(placed & (tiles < 0))
    nearest, arcsec = mosaics.nearest(ra[outside], dec[outside])
    for row, tile, far in zip(outside.tolist(), nearest, arcsec, strict=True):
        name = mosaics.tiles[tile].name
        yield (
            row,
            (
                f"no mosaic holds its position; the centre of the nearest, {name}, is "
                f"{angle_text(far)} away"
            ),
        )
    for row in np.flatnonzero(placed & (tiles >= 0) & ~((size > 0) & (size < np.inf))).tolist():
        yield (
            row,
            (
                f"the size of its cut-out is {size[row]:g} arcsec; expected a number above 0"
                if not np.isnan(size[row])
                else "the size of its cut-out is missing"
            ),
        )


def _cut_tile(
    mosaics: Mosaics,
    tile: Tile,
    ra: np.ndarray,
    dec: np.ndarray,
    size: np.ndarray,
    framing: Framing,
) -> list[DecodedImage | UnreadableImage]:
    """Cut squares out of one tile, which is opened once."""
    images: dict[int, DecodedImage | UnreadableImage] = {}
    try:
        files = [_opened(tile, number, mosaics.hdu) for number in range(len(tile.files))]
    except UnreadableImage as error:
        return [UnreadableImage(error.reason) for _ in ra]
    x, y = tile.pixels(ra, dec)
    sides = np.maximum(np.rint(size / tile.scale), 1)
    # `Cutout2D` takes these pixels as the first: the middle is that nearest to the position.
    middle_ra, middle_dec = tile.positions(*(
        np.ceil(each - sides / 2) + (sides - 1) / 2 for each in (x, y)
    ))  # fmt: skip
    for row in np.argsort(y, kind="stable"):  # as they stand in the file
        try:
            if sides[row] ** 2 * tile.bands > MOST_COUNTS:
                raise UnreadableImage(
                    f"a cut-out of {size[row]:g} arcsec has {sides[row]:.0f}x{sides[row]:.0f} "
                    f"pixels, in all bands more than {MOST_COUNTS // 1_000_000} million counts"
                )
            side = int(sides[row])
            with _reasons(tile.name):
                counts = _cut(tile, files, x[row], y[row], side, mosaics.edges)
                pixels = frame_counts(counts, framing, blue_first=True)
            position = (float(middle_ra[row]), float(middle_dec[row]), tile.scale)
            images[row] = DecodedImage(pixels, (side, side), tile.bands, position)
        except UnreadableImage as error:
            images[row] = UnreadableImage(error.reason)
    return [images[row] for row in range(len(ra))]


def _opened(tile: Tile, number: int, hdu: str | None) -> OpenImage:
    file = tile.files[number]
    with _reasons(Path(file).name):
        image = trying_again(partial(OPEN_IMAGES.get, file, hdu), file)
        same = (image.shape, image.bands) == (tile.shape, tile.planes)
        if not same or (number == 0 and image.coordinates != tile.wcs):
            raise UnreadableImage(
                "it has other pixels or coordinates than when the mosaics were opened"
            )
    return image


def _cut(
    tile: Tile, files: list[OpenImage], x: float, y: float, side: int, edges: str
) -> np.ndarray:
    """Return counts (side, side, bands) about a pixel; NaN, or black, outside of the tile."""
    from astropy.nddata.utils import NoOverlapError, overlap_slices

    try:
        region, inside = overlap_slices(tile.shape, (side, side), (y, x), mode="partial")
    except NoOverlapError:
        raise UnreadableImage("the position is outside of it") from None
    height, width = (each.stop - each.start for each in inside)
    whole = height == width == side
    if edges == "leave-out" and not whole:
        raise UnreadableImage(
            f"the cut-out crosses its edge: {width}x{height} of {side}x{side} pixels are in it"
        )
    bands = [trying_again(partial(image.read, *region), tile.name) for image in files]
    if any(band.dtype != bands[0].dtype for band in bands):
        raise UnreadableImage("some of its bands are counts and others are bytes")
    counts = np.dstack(bands)
    if counts.dtype != np.uint8 and not np.isfinite(counts).any():
        raise UnreadableImage("none of the pixels there is known")
    if not whole:
        known, shape = counts, (side, side, tile.bands)
        counts = np.full(shape, 0 if known.dtype == np.uint8 else np.nan, known.dtype)
        counts[inside] = known
    return counts[::-1]


@contextmanager
def _reasons(name: str) -> Iterator[None]:
    """Turn what the block raises into an UnreadableImage that names the file."""
    try:
        with explained_failures():
            try:
                yield
            except FitsError as error:
                raise UnreadableImage(str(error)) from None
            except OSError as error:
                if error.errno and not is_transient(error):
                    raise UnreadableImage(f"cannot be read ({error.strerror})") from None
                raise
    except UnreadableImage as error:
        raise UnreadableImage(f"{name}: {error.reason}") from None
