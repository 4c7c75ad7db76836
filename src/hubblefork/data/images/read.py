"""Read one image file as the square array of bytes that a framing asks for.

JPEG, PNG, WebP and TIFF, of any mode and orientation, and FITS. An image that cannot be read
raises UnreadableImage with a reason in plain words, so that a caller can leave it out and go on.
"""

import os
import stat
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from hubblefork.data.images.framing import Framing, centre, resized
from hubblefork.data.images.jpeg import decode, open_jpeg

# FITS files may be compressed as a whole (.gz), or their images in them (.fz).
FITS_SUFFIXES = tuple(
    suffix + packed for suffix in (".fits", ".fit", ".fts") for packed in ("", ".gz", ".fz")
)
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", *FITS_SUFFIXES)

# A decoded image takes 3 or 4 bytes a pixel, and each worker holds one: 100 megapixels are
# 400 MB. No cut-out or photograph is that large; a header that says so is damaged or hostile.
MOST_PIXELS = 100_000_000

# Eight bytes a pixel hold the widest kinds, and a file is read whole before it is decoded.
MOST_BYTES = 8 * MOST_PIXELS

# What is converted at once: most images whole, a large one in strips of a few megabytes.
_STRIP_PIXELS = 1_000_000

# The first bytes of a file tell its format, whatever its name says. The readers are called
# directly, because Image.open warns (or raises) on size before this module can look at it.
_READERS = (
    (b"\xff\xd8\xff", JpegImageFile),
    (b"\x89PNG\r\n\x1a\n", PngImageFile),
    (b"RIFF", WebPImageFile),
    (b"II*\x00", TiffImageFile),
    (b"MM\x00*", TiffImageFile),
)

_JPEG = _READERS[0][0]
_FITS = (b"SIMPLE  =", b"\x1f\x8b")  # as it is, or gzipped

# EXIF tag 274: how the stored image must be turned to stand as it was taken.
_ORIENTATION = 274
_TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: lambda pixels: np.rot90(np.fliplr(pixels)),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(np.flipud(pixels)),
    8: np.rot90,
}

# Pillow warns of harmless faults (odd EXIF entries) in image after image. What matters is
# told once, as the reason of an UnreadableImage.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


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
    position: right ascension and declination of its centre in degrees (ICRS), if it says so.
    """

    pixels: np.ndarray
    size: tuple[int, int]
    bands: int
    position: tuple[float, float] | None = None


def is_image_name(name: str | Path) -> bool:
    """Whether a file's name says that it is an image; hidden files are not.

    >>> is_image_name("NGC 4414.JPG"), is_image_name("labels.csv"), is_image_name("._a.png")
    (True, False, False)
    """
    name = os.path.basename(name)
    return name.lower().endswith(IMAGE_SUFFIXES) and not name.startswith(".")


# A file, the bytes of one, or a file for each band of one image.
ImageInput = str | Path | bytes | tuple[str, ...]


def read_image(source: ImageInput, framing: Framing) -> DecodedImage:
    """Read an image, framed about its centre.

    The side is `framing.size`, else `framing.crop`, else the image's short side. Scaling is
    bicubic, with a kernel as wide as the reduction asks, so that nothing is aliased. Images of 16
    bits keep their upper 8; transparent parts become black. FITS: see `data.images.multiband`.

    Raises UnreadableImage.
    """
    with saying_why():
        if isinstance(source, tuple):
            from hubblefork.data.images.multiband import read_bands

            return read_bands(source, framing)
        content = source if isinstance(source, bytes) else read_content(source)
        if not content:
            raise UnreadableImage("the file is empty")
        if content.startswith(_FITS):
            # astropy takes half a second to import, and most sources have no FITS files.
            from hubblefork.data.images.multiband import read_counts

            return read_counts(content, framing)
        image = _read_jpeg(content, framing) if content.startswith(_JPEG) else None
        return image or _read_other(content, framing)


@contextmanager
def saying_why() -> Iterator[None]:
    """Turn whatever the block raises into an UnreadableImage with the reason."""
    try:
        yield
    except UnreadableImage:
        raise
    # Decoders meet arbitrary bytes and answer with errors of almost every kind.
    except Exception as error:
        words = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        # Some errors say no more than a number.
        told = f" ({words})" if any(map(str.isalpha, words)) else ""
        raise UnreadableImage(f"damaged or incomplete{told}") from error


def read_images(
    sources: Sequence[ImageInput], framing: Framing
) -> list[DecodedImage | UnreadableImage]:
    """Read several images; in the place of one that cannot be read stands the reason."""
    return [_read_or_reason(source, framing) for source in sources]


def _read_or_reason(source: ImageInput, framing: Framing) -> DecodedImage | UnreadableImage:
    try:
        return read_image(source, framing)
    except UnreadableImage as reason:
        # Without its traceback and cause the reason is small, and lets go of the file.
        return UnreadableImage(reason.reason)


def read_content(path: str | Path) -> bytes:
    """Read a whole file, unless it is larger than any image, or a pipe that would never end.

    Raises UnreadableImage for these, and for whatever the system says against it.
    """
    try:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise UnreadableImage("a directory, not a file")
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableImage("not a file")
        if status.st_size > MOST_BYTES:
            megabytes = status.st_size // 1_000_000
            raise UnreadableImage(f"{megabytes} MB, more than {MOST_BYTES // 1_000_000} MB")
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise UnreadableImage("the file is not there") from None
    except OSError as error:
        raise UnreadableImage(f"cannot be read ({error.strerror or error})") from None


def _read_jpeg(content: bytes, framing: Framing) -> DecodedImage | None:
    """Read a JPEG by the fast decoder; None where that cannot help and the other is to try."""
    jpeg = open_jpeg(content)
    if jpeg is None:
        return None
    left, top, side = _square(jpeg.width, jpeg.height, framing)
    pixels = decode(jpeg, left, top, side, framing.size or side, framing.channels)
    if pixels is None:
        return None
    if b"Exif\0\0" in content:
        pixels = _turned(pixels, JpegImageFile(BytesIO(content)))
    return DecodedImage(pixels, (jpeg.width, jpeg.height), jpeg.bands)


def _read_other(content: bytes, framing: Framing) -> DecodedImage:
    """Read an image of any kind by Pillow."""
    reader = next((reader for magic, reader in _READERS if content.startswith(magic)), None)
    if reader is None or (reader is WebPImageFile and content[8:12] != b"WEBP"):
        raise UnreadableImage("not a JPEG, PNG, WebP, TIFF or FITS image")
    image = reader(BytesIO(content))  # only the header
    size = image.size
    left, top, side = _square(*size, framing)
    image.load()
    pixels = _scaled(image, left, top, side, framing.size or side, framing.channels)
    return DecodedImage(_turned(pixels, image), size, _bands(image))


def _bands(image: Image.Image) -> int:
    """How many channels a loaded image has, where a palette has those of its colours."""
    palette = image.getpalette("RGB")
    if palette is None:
        return len(image.getbands())
    red, green, blue = palette[::3], palette[1::3], palette[2::3]
    return 1 if red == green == blue else 3


def _square(width: int, height: int, framing: Framing) -> tuple[int, int, int]:
    """Return left, top and side of the square to keep, or say why there is none to decode."""
    if width * height > MOST_PIXELS:
        limit = MOST_PIXELS // 1_000_000
        raise UnreadableImage(f"{width}x{height} pixels, more than {limit} megapixels")
    if framing.channels not in (1, 3):
        raise UnreadableImage(f"grey or colour, where {framing.channels} bands are expected")
    try:
        return centre(width, height, framing.crop)
    except ValueError as reason:
        raise UnreadableImage(str(reason)) from None


def _scaled(
    image: Image.Image, left: int, top: int, side: int, size: int, channels: int
) -> np.ndarray:
    """Convert and scale a square of a loaded image, strip by strip.

    Conversions are copies, and a large image is to be in memory once, not four times.
    """
    mode = "L" if channels == 1 else "RGB"
    # Whole blocks are averaged down to 3 times the size that is asked, as `resized` does.
    factor = max(1, side // (3 * size))
    rows = factor * max(1, _STRIP_PIXELS // (side * factor))
    strips = []
    for start in range(0, side, rows):
        box = (left, top + start, left + side, top + min(start + rows, side))
        strips.append(np.asarray(_eight_bits(image.crop(box), mode).reduce(factor)))
    pixels = np.concatenate(strips)
    edge = side / factor
    return resized(
        pixels.reshape(*pixels.shape[:2], channels),
        size,
        (0, 0, edge, edge) if factor > 1 else None,
    )


def _turned(pixels: np.ndarray, image: Image.Image) -> np.ndarray:
    """Turn the pixels of an image as its header says that it was taken."""
    turn = _TURNS.get(image.getexif().get(_ORIENTATION))
    return pixels if turn is None else np.ascontiguousarray(turn(pixels))


def _eight_bits(image: Image.Image, mode: str) -> Image.Image:
    """Convert any mode to `mode`, "RGB" or "L"."""
    if image.mode in ("I", "F"):
        raise UnreadableImage(
            "its pixels are 32-bit or signed numbers, whose range is not known; "
            "convert it to 8 or 16 bits"
        )
    if image.mode.startswith("I;16"):
        # Pillow would clip at 255.
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert(mode)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        black = Image.new("RGB", image.size)
        black.paste(image, mask=image)
        image = black
    return image.convert(mode)
