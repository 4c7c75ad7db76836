"""Read images of counts: a FITS file, or one file for each band, framed as bytes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from hubblefork.core.errors import first_few
from hubblefork.core.sampling import stable_sample
from hubblefork.core.tries import TransientFailure
from hubblefork.core.urls import file_name
from hubblefork.data.images.decoded import (
    DecodedImage,
    FilePart,
    ImageInput,
    UnreadableImage,
    explained_failures,
    read_content,
)
from hubblefork.data.images.framing import Framing, frame, square
from hubblefork.data.images.raster import read_raster
from hubblefork.sky.fits import FitsImage, is_fits, list_parts, read_fits
from hubblefork.sky.fits_images import FitsError, Part, choose_image, common_image
from hubblefork.sky.stretch import choose_bands, to_bytes

# Enough files to see what is common among them, few enough to be read while a user waits.
_LOOKED_AT = 32


def read_counts(content: bytes, framing: Framing) -> DecodedImage:
    """Read a FITS file as `framing.stretch` says; its three bands are blue, green, red.

    Raises UnreadableImage, and whatever else astropy raises on a damaged file.
    """
    image = _image(content, framing.hdu)
    height, width, bands = image.counts.shape
    return DecodedImage(_framed(image.counts, framing), (width, height), bands, image.position)


def read_bands(files: Sequence[str | Path | FilePart], framing: Framing) -> DecodedImage:
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
            raise UnreadableImage(f"{file_name(file)}: {error.reason}") from None
    squares, sizes, positions = zip(*parts, strict=True)
    for file, part, size in zip(files, squares, sizes, strict=True):
        if size != sizes[0]:
            raise UnreadableImage(
                f"{file_name(file)} has {size[0]}x{size[1]} pixels, the first band "
                f"{sizes[0][0]}x{sizes[0][1]}"
            )
        if part.dtype != squares[0].dtype:
            raise UnreadableImage("some of its bands are counts and others are bytes")
    position = next((each for each in positions if each), None)
    return DecodedImage(_framed(np.dstack(squares), framing), sizes[0], len(files), position)


def counts_of(files: Sequence[str], framing: Framing) -> np.ndarray:
    """Return the counts (H, W, bands) that a framing keeps of a FITS file, or of one for each band.

    Raises UnreadableImage where `read_bands` does, and for what is no FITS file.
    """
    with explained_failures():
        bands = []
        for file in files:
            content = read_content(file)
            if not is_fits(content):
                raise UnreadableImage("not a FITS file")
            bands.append(square(_image(content, framing.hdu).counts, framing.crop))
        return np.dstack(bands)


@dataclass(frozen=True)
class Counts:
    """What the FITS files of a source have in common.

    bands: how many the images have; 0 where none can be read: packing then gives the reasons.
    hdu: what the image is called that is read of every file; None where each has only one.
    notes: sentences on what was found.
    """

    bands: int
    hdu: str | None
    notes: list[str]


def look_at_counts(images: Sequence[ImageInput], hdu: str | None = None) -> Counts:
    """Look at the headers of up to 32 of the images, drawn from all.

    hdu: what the image to read is called, where that was asked for.

    What the others hold is seen when they are read: one without this image has that as its reason.
    """
    looked = [images[place] for place in stable_sample(np.arange(len(images)), _LOOKED_AT)]
    read = [[_parts(file) for file in _files_of(image)] for image in looked]
    files = [parts for each in read for parts in each if parts]
    hdu = common_image(files, hdu)
    notes = _about_images(files, hdu)
    bands = Counter(map(partial(_bands, hdu), read))
    bands.pop(0, None)
    number = bands.most_common(1)[0][0] if bands else 0
    if {1, 3} == set(bands):  # as among other images, some of which are grey
        number = 3
    if len(bands) > 1:
        found_bands = ", ".join(f"{many:,} with {each}" for each, many in bands.most_common())
        notes.append(
            f"FITS files differ in their bands ({found_bands}): read as {number}, which others "
            "are converted to, or left out."
        )
    if number == 3:
        notes.append(
            "Of three bands, the last is red and the first is blue, unless data.stretch.bands "
            "says otherwise."
        )
    return Counts(number, hdu, notes)


def _files_of(image: ImageInput) -> Sequence[str | Path | FilePart | bytes]:
    return image if isinstance(image, tuple) else (image,)


def _bands(hdu: str | None, files: Sequence[Sequence[Part]]) -> int:
    """The bands of an image of one file or more; 0 where the file has none that can be read."""
    if len(files) > 1:
        return len(files)
    try:
        return choose_image(files[0], hdu).bands
    except FitsError:
        return 0


def _parts(file: str | Path | FilePart | bytes) -> list[Part]:
    """The parts of a FITS file; none where it is another or cannot be read."""
    try:
        content = file if isinstance(file, bytes) else read_content(file)
        return list_parts(content) if is_fits(content) else []
    except TransientFailure:  # an image that is not seen could be of other bands
        raise
    # What is wrong with this one is reported when it is read.
    except Exception:
        return []


def _about_images(files: Sequence[Sequence[Part]], hdu: str | None) -> list[str]:
    """Say which image is read and which are not, where files have several."""
    images = [[part for part in parts if part.is_image] for parts in files]
    found = {part.key for parts in images for part in parts}
    others = first_few(sorted(found - {hdu}), 8)
    if hdu is None or not others:
        return []
    looked = f"{len(files):,} FITS files looked at"
    if hdu not in found:
        return [f"None of the {looked} has an image {hdu}; they have {others}."]
    several = sum(len(parts) > 1 for parts in images)
    return [
        f"{several:,} of {looked} have several images: {hdu} is read, not {others}; files without "
        "it are left out, and :hdu=NAME after the path of the source reads another."
    ]


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
    file: str | Path | FilePart, framing: Framing
) -> tuple[np.ndarray, tuple[int, int], tuple[float, float, float] | None]:
    """Return the kept square of one band, the size of the original, and its position."""
    content = read_content(file)
    if not is_fits(content):
        decoded = read_raster(content, Framing(crop=framing.crop, channels=1))
        return decoded.pixels, decoded.size, None
    image = _image(content, framing.hdu)
    height, width, bands = image.counts.shape
    if bands != 1:
        raise UnreadableImage(f"it has {bands} bands, where one is expected")
    try:
        return square(image.counts, framing.crop), (width, height), image.position
    except ValueError as reason:
        raise UnreadableImage(str(reason)) from None


def _image(content: bytes, hdu: str | None) -> FitsImage:
    try:
        return read_fits(content, hdu)
    except FitsError as reason:
        raise UnreadableImage(str(reason)) from None


def _framed(counts: np.ndarray, framing: Framing) -> np.ndarray:
    try:
        return frame_counts(counts, framing, blue_first=True)
    except ValueError as reason:
        raise UnreadableImage(str(reason)) from None
