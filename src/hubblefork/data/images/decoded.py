"""What reading an image gives: its pixels, or the reason why it cannot be used."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from hubblefork.core.errors import RequestError
from hubblefork.core.regular_files import not_a_file
from hubblefork.core.text import shortened
from hubblefork.core.tries import TransientFailure, is_transient, trying_again
from hubblefork.core.urls import located, protocol_of

# A decoded image takes 3 or 4 bytes a pixel, and each worker holds one: 100 megapixels are
# 400 MB. No cut-out or photograph is that large; a header that says so is damaged or hostile.
MOST_PIXELS = 100_000_000

# Eight bytes a pixel hold the widest pixel types, and a file is read whole before it is decoded.
MOST_BYTES = 8 * MOST_PIXELS


@dataclass(frozen=True)
class FilePart:
    """An image within a larger file, as a member of a tar is: so many bytes from an offset on."""

    path: str
    offset: int
    size: int
    name: str

    def __str__(self) -> str:
        return f"{self.path}/{self.name}"


# A file or URL, the bytes of one, or one for each band of one image.
ImageInput = str | Path | bytes | FilePart | tuple[str | FilePart, ...]


class UnreadableImage(Exception):
    """An image that cannot be used; `reason` says why, without the file's name."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, eq=False)
class DecodedImage:
    """An image as it was read.

    pixels: (side, side, channels) uint8, framed.
    size: width and height of the original, in pixels.
    bands: channels of the original.
    position: right ascension and declination of its centre in degrees (ICRS), and the width of an
        original pixel in arcsec, if known.
    """

    pixels: np.ndarray
    size: tuple[int, int]
    bands: int
    position: tuple[float, float, float] | None = None


@contextmanager
def explained_failures() -> Iterator[None]:
    """Turn whatever the block raises into an UnreadableImage with the reason.

    Neither a TransientFailure nor a RequestError: they are no fault of the image.
    """
    try:
        yield
    except (UnreadableImage, TransientFailure, RequestError):
        raise
    # Decoders meet arbitrary bytes and answer with errors of almost every kind.
    except Exception as error:
        words = shortened(" ".join(str(error).split()), 200).rstrip(".") or type(error).__name__
        # Some errors are no more than a number.
        detail = f" ({words})" if any(map(str.isalpha, words)) else ""
        raise UnreadableImage(f"damaged or incomplete{detail}") from error


def read_content(place: str | Path | FilePart) -> bytes:
    """Read a file or a part of it, or what is behind a URL, unless it is larger than any image, or
    the file no regular one.

    Raises UnreadableImage for these, and where the system cannot read it; TransientFailure where
    three tries have failed, of which another may succeed.
    """
    if isinstance(place, FilePart):
        read = partial(_read_file, place.path, place.offset, place.size)
    else:
        place = located(str(place))
        read = partial(_read_url if protocol_of(place) else _read_file, place)
    return trying_again(read, place)


def _read_url(url: str) -> bytes:
    from hubblefork.data.images.remote import read_url  # few images are remote

    try:
        content = read_url(url, MOST_BYTES)
    except OSError as error:
        if is_transient(error):
            raise
        raise UnreadableImage(f"cannot be read ({error})") from None
    if not content:
        raise UnreadableImage("the file is empty")
    if len(content) > MOST_BYTES:
        raise UnreadableImage(f"more than {MOST_BYTES // 1_000_000} MB")
    return content


def _read_file(path: str, offset: int = 0, size: int | None = None) -> bytes:
    if reason := not_a_file(path):
        raise UnreadableImage(reason)
    try:
        size = os.path.getsize(path) if size is None else size
        if not size:  # nor is a file of /proc opened, whose size is 0 and which may never end
            raise UnreadableImage("the file is empty")
        if size > MOST_BYTES:
            raise UnreadableImage(f"{size // 1_000_000} MB, more than {MOST_BYTES // 1_000_000} MB")
        with open(path, "rb") as file:
            file.seek(offset)
            return file.read(size)
    except OSError as error:
        if is_transient(error):
            raise
        raise UnreadableImage(f"cannot be read ({error.strerror or error})") from None
