"""Read one image file as the square array of bytes that a framing asks for.

JPEG, PNG, WebP and TIFF, of any mode and orientation, and FITS. An image that cannot be read
raises UnreadableImage with a reason in plain words, so that a caller can leave it out and go on.
Where the network or the machine is at fault, it is a TransientFailure, and no image is left out.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from hubblefork.core.urls import protocol_of
from hubblefork.data.images.decoded import (
    DecodedImage,
    ImageInput,
    UnreadableImage,
    explained_failures,
    read_content,
)
from hubblefork.data.images.framing import Framing
from hubblefork.data.images.raster import read_raster
from hubblefork.sky.fits_images import FITS_SUFFIXES

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", *FITS_SUFFIXES)

# An image behind a URL takes some tens of milliseconds, which are spent waiting: a few are fetched
# at once, and no more, out of regard for the server.
_CONNECTIONS = 8

# Increased when the same file gives other pixels than before, so that packed images are read again.
PIXELS = 2

_FITS = (b"SIMPLE  =", b"\x1f\x8b")  # as it is, or gzipped


def is_image_name(name: str | Path) -> bool:
    """Whether a file's name says that it is an image; hidden files are not.

    >>> is_image_name("NGC 4414.JPG"), is_image_name("labels.csv"), is_image_name("._a.png")
    (True, False, False)
    """
    name = os.path.basename(name)
    return name.lower().endswith(IMAGE_SUFFIXES) and not name.startswith(".")


def read_image(source: ImageInput, framing: Framing) -> DecodedImage:
    """Read an image, framed about its centre.

    The side is `framing.size`, else `framing.crop`, else the image's short side. Scaling is
    bicubic, with a kernel as wide as the reduction asks, so that nothing is aliased. Images of 16
    bits are scaled to 8; transparent parts become black: see `data.images.encodings`. FITS: see
    `data.images.multiband`.

    Raises UnreadableImage, and TransientFailure where it may be read on another try.
    """
    with explained_failures():
        if isinstance(source, tuple):
            # astropy takes half a second to import, and most sources have no FITS files.
            from hubblefork.data.images.multiband import read_bands

            return read_bands(source, framing)
        content = source if isinstance(source, bytes) else read_content(source)
        if content.startswith(_FITS):
            from hubblefork.data.images.multiband import read_counts

            return read_counts(content, framing)
        return read_raster(content, framing)


def read_images(
    sources: Sequence[ImageInput], framing: Framing
) -> list[DecodedImage | UnreadableImage]:
    """Read several images; the reason in place of one that cannot be read.

    Raises TransientFailure as `read_image` does.
    """
    read = partial(_read_or_reason, framing=framing)
    if len(sources) > 1 and any(map(_is_remote, sources)):
        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            return list(pool.map(read, sources))
    return list(map(read, sources))


def _is_remote(source: ImageInput) -> bool:
    files = source if isinstance(source, tuple) else (source,)
    return any(isinstance(each, str) and protocol_of(each) for each in files)


def _read_or_reason(source: ImageInput, framing: Framing) -> DecodedImage | UnreadableImage:
    try:
        return read_image(source, framing)
    except UnreadableImage as reason:
        # Without its traceback and cause the reason is small, and lets go of the file.
        return UnreadableImage(reason.reason)
