"""Decode JPEG, PNG, WebP and TIFF images, of any mode and orientation."""

import warnings
from collections.abc import Callable
from io import BytesIO

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from hubblefork.data.images.decoded import MOST_PIXELS, DecodedImage, UnreadableImage
from hubblefork.data.images.encodings import (
    Encoding,
    check_range,
    check_single,
    eight_bits,
    encoding_of,
)
from hubblefork.data.images.framing import Framing, centre, resized
from hubblefork.data.images.jpeg import decode, open_jpeg

# How much is converted at once: most images whole, a large one in strips of a few megabytes.
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

# EXIF tag 274: how the stored image must be rotated or flipped to stand as it was taken.
_ORIENTATION = 274
_ORIENTATIONS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: lambda pixels: np.rot90(np.fliplr(pixels)),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(np.flipud(pixels)),
    8: np.rot90,
}

# Pillow warns of harmless faults (odd EXIF entries) in image after image. What matters is
# reported once, as the reason of an UnreadableImage.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


def read_raster(content: bytes, framing: Framing) -> DecodedImage:
    """Decode the content of a file, framed about its centre (see `data.images.read`).

    Raises UnreadableImage, and whatever else a decoder raises on a damaged file.
    """
    if not content:
        raise UnreadableImage("the file is empty")
    image = _read_jpeg(content, framing) if content.startswith(_JPEG) else None
    return image or _read_other(content, framing)


def _read_jpeg(content: bytes, framing: Framing) -> DecodedImage | None:
    """Read a JPEG with the fast decoder; None where it cannot, and Pillow has to try."""
    jpeg = open_jpeg(content)
    if jpeg is None:
        return None
    left, top, side = _square(jpeg.width, jpeg.height, framing)
    pixels = decode(jpeg, left, top, side, framing.size or side, framing.channels)
    if pixels is None:
        return None
    if b"Exif\0\0" in content or b"tiff:Orientation" in content:
        pixels = _upright(pixels, JpegImageFile(BytesIO(content)))
    return DecodedImage(pixels, (jpeg.width, jpeg.height), jpeg.bands)


def _read_other(content: bytes, framing: Framing) -> DecodedImage:
    """Read an image of any kind with Pillow."""
    reader = next((reader for magic, reader in _READERS if content.startswith(magic)), None)
    if reader is None or (reader is WebPImageFile and content[8:12] != b"WEBP"):
        raise UnreadableImage("not a JPEG, PNG, WebP, TIFF or FITS image")
    try:
        image = reader(BytesIO(content))  # only its header is read
    except SyntaxError as error:
        if "unknown pixel mode" not in str(error):
            raise
        raise UnreadableImage("a kind of TIFF that is not read") from error
    check_single(image)
    return frame_image(image, framing, content)


def frame_image(image: Image.Image, framing: Framing, content: bytes = b"") -> DecodedImage:
    """Decode an image of Pillow, where that is not done yet, and frame it.

    content: its file, where there is one.

    Raises UnreadableImage for one that cannot be framed so, or is encoded in a way not read.
    """
    size = image.size
    left, top, side = _square(*size, framing)
    encoding = encoding_of(image, content)
    image.load()
    check_range(image, encoding)
    pixels = _scaled(image, left, top, side, framing.size or side, framing.channels, encoding)
    return DecodedImage(_upright(pixels, image), size, encoding.bands)


def pixels_of(image: Image.Image) -> np.ndarray:
    """Return all pixels of an image of Pillow: (H, W) or (H, W, 3) uint8.

    Raises UnreadableImage for one that is encoded in a way not read.
    """
    encoding = encoding_of(image)
    image.load()
    check_range(image, encoding)
    mode = "L" if encoding.bands < 3 else "RGB"
    return _upright(np.asarray(eight_bits(image.copy(), mode, encoding)), image)


def _square(width: int, height: int, framing: Framing) -> tuple[int, int, int]:
    """Return left, top and side of the square to keep, or raise the reason why there is none."""
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
    image: Image.Image,
    left: int,
    top: int,
    side: int,
    size: int,
    channels: int,
    encoding: Encoding,
) -> np.ndarray:
    """Convert and scale a square of a loaded image, strip by strip.

    Conversions are copies; in strips, a large image is in memory once and not four times.
    """
    mode = "L" if channels == 1 else "RGB"
    # Whole blocks are averaged down to 3 times the requested size, as in `resized`.
    factor = max(1, side // (3 * size))
    rows = factor * max(1, _STRIP_PIXELS // (side * factor))
    strips = []
    for start in range(0, side, rows):
        box = (left, top + start, left + side, top + min(start + rows, side))
        strips.append(np.asarray(eight_bits(image.crop(box), mode, encoding).reduce(factor)))
    pixels = np.concatenate(strips)
    edge = side / factor
    return resized(
        pixels.reshape(*pixels.shape[:2], channels),
        size,
        (0, 0, edge, edge) if factor > 1 else None,
    )


def _upright(pixels: np.ndarray, image: Image.Image) -> np.ndarray:
    """Rotate or flip the pixels of an image as its header asks."""
    transform = _ORIENTATIONS.get(image.getexif().get(_ORIENTATION, 1))
    return pixels if transform is None else np.ascontiguousarray(transform(pixels))
