"""Read images of counts: a FITS file, or one file for each band, framed as bytes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hubblefork.data.images.decoded import (
    DecodedImage,
    UnreadableImage,
    explained_failures,
    read_content,
)
from hubblefork.data.images.framing import Framing, frame, square
from hubblefork.data.images.raster import read_raster
from hubblefork.sky.fits import FitsError, FitsImage, is_fits, read_fits, which_image
from hubblefork.sky.stretch import choose_bands, to_bytes


def read_counts(content: bytes, framing: Framing) -> DecodedImage:
    """Read a FITS file as `framing.stretch` says; its three bands are blue, green, red.

    Raises UnreadableImage, and whatever else astropy raises on a damaged file.
    """
    image = _image(content)
    height, width, bands = image.counts.shape
    return DecodedImage(_framed(image.counts, framing), (width, height), bands, image.position)


def read_bands(files: Sequence[str | Path], framing: Framing) -> DecodedImage:
    """Read one image from a file for each band: FITS of one band, or images read as grey.

    Raises UnreadableImage, naming the file, where one cannot be read, has several bands or
    another size than the first, or where only some are FITS.
    """
    parts = []
    for file in files:
        try:
            with explained_failures():
                parts.append(_band(file, framing))
        except UnreadableImage as error:
            raise UnreadableImage(f"{Path(file).name}: {error.reason}") from None
    squares, sizes, positions = zip(*parts, strict=True)
    for file, part, size in zip(files, squares, sizes, strict=True):
        if size != sizes[0]:
            raise UnreadableImage(
                f"{Path(file).name} has {size[0]}x{size[1]} pixels, the first band "
                f"{sizes[0][0]}x{sizes[0][1]}"
            )
        if part.dtype != squares[0].dtype:
            raise UnreadableImage("some of its bands are counts and others are bytes")
    position = next((each for each in positions if each), None)
    return DecodedImage(_framed(np.dstack(squares), framing), sizes[0], len(files), position)


def look_at_counts(images: Sequence[str | tuple[str, ...]]) -> tuple[int, list[str]]:
    """Return the number of bands of the first that can be read, and notes on what it holds.

    0 where none can be read: packing then gives the reasons.
    """
    for image in images:
        files = image if isinstance(image, tuple) else (image,)
        try:
            content = read_content(files[0])
            bands = len(files)
            which = ""
            if is_fits(content):
                bands = max(bands, read_fits(content).counts.shape[2])
                which = which_image(content)
        # What is wrong with this one is reported when it is read.
        except Exception:
            continue
        name = Path(files[0]).name
        notes = [f"In FITS files with several images, as {name}, {which}."] if which else []
        if bands == 3:
            notes.append(
                "Of three bands, the last is red and the first is blue, unless "
                "data.stretch.bands says otherwise."
            )
        return bands, notes
    return 0, []


def frame_counts(counts: np.ndarray, framing: Framing, blue_first: bool) -> np.ndarray:
    """Frame the counts (H, W, bands) of an image, or its bytes, which are not stretched.

    blue_first: whether bands come by increasing wavelength; otherwise red comes first. Counts are
    cut before they are stretched, so that black and white are those of what is kept.

    Raises ValueError, with a reason in plain words, where the bands do not fit, the image is
    smaller than the crop, or no count is a number.

    >>> frame_counts(np.ones((9, 9, 5)), Framing(size=3, channels=5), blue_first=True).shape
    (3, 3, 5)
    """
    pixels = choose_bands(square(counts, framing.crop), framing.stretch, blue_first)
    if pixels.dtype != np.uint8:
        if not np.isfinite(pixels).any():
            raise ValueError("none of its counts is a number")
        pixels = to_bytes(pixels, framing.stretch)
    return frame(pixels, framing)


def _band(
    file: str | Path, framing: Framing
) -> tuple[np.ndarray, tuple[int, int], tuple[float, float] | None]:
    """Return the kept square of one band, the size of the original, and its position."""
    content = read_content(file)
    if not is_fits(content):
        decoded = read_raster(content, Framing(crop=framing.crop, channels=1))
        return decoded.pixels, decoded.size, None
    image = _image(content)
    height, width, bands = image.counts.shape
    if bands != 1:
        raise UnreadableImage(f"it has {bands} bands, where one is expected")
    try:
        return square(image.counts, framing.crop), (width, height), image.position
    except ValueError as reason:
        raise UnreadableImage(str(reason)) from None


def _image(content: bytes) -> FitsImage:
    try:
        return read_fits(content)
    except FitsError as reason:
        raise UnreadableImage(str(reason)) from None


def _framed(counts: np.ndarray, framing: Framing) -> np.ndarray:
    try:
        return frame_counts(counts, framing, blue_first=True)
    except ValueError as reason:
        raise UnreadableImage(str(reason)) from None
