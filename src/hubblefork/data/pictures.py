"""Read one picture file as the square array of bytes that a framing asks for.

JPEG, PNG, WebP and TIFF, of any mode and orientation. A picture that cannot be read raises
UnreadablePicture with a reason in plain words, so that a caller can leave it out and go on.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from hubblefork.data.framing import Framing

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"})

# A decoded picture takes 3 or 4 bytes a pixel, and each worker holds one: 100 megapixels are
# 400 MB. No cut-out or photograph is that large; a header that says so is damaged or hostile.
MOST_PIXELS = 100_000_000

# The first bytes of a file tell its format, whatever its name says. The readers are called
# directly, because Image.open warns (or raises) on size before this module can look at it.
_READERS = (
    (b"\xff\xd8\xff", JpegImageFile),
    (b"\x89PNG\r\n\x1a\n", PngImageFile),
    (b"RIFF", WebPImageFile),
    (b"II*\x00", TiffImageFile),
    (b"MM\x00*", TiffImageFile),
)

# EXIF tag 274: how the stored picture must be turned to stand as it was taken.
_ORIENTATION = 274
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Pillow warns of harmless faults (odd EXIF entries) in picture after picture. What matters is
# told once, as the reason of an UnreadablePicture.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


class UnreadablePicture(Exception):
    """A picture that cannot be used; `reason` says why, without the file's name."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def is_picture_name(name: str | Path) -> bool:
    """Whether a file's name says that it is a picture; hidden files are not.

    >>> is_picture_name("NGC 4414.JPG"), is_picture_name("labels.csv"), is_picture_name("._a.png")
    (True, False, False)
    """
    name = Path(name)
    return name.suffix.lower() in PICTURE_SUFFIXES and not name.name.startswith(".")


def read_picture(path: str | Path, framing: Framing) -> np.ndarray:
    """Read a picture as (side, side, channels) uint8, framed about its centre.

    The side is `framing.size`, else `framing.crop`, else the picture's short side. Scaling is
    bicubic, with a kernel as wide as the reduction asks (Pillow's `resize`), so that nothing is
    aliased. Pictures of 16 bits keep their upper 8; transparent parts become black.

    Raises UnreadablePicture.
    """
    try:
        with open(path, "rb") as file:
            image = _open(file)
            image = _frame(image, framing)
    except UnreadablePicture:
        raise
    except FileNotFoundError:
        raise UnreadablePicture("the file is not there") from None
    # Decoders meet arbitrary bytes and answer with errors of almost every kind.
    except Exception as error:
        reason = str(error).strip().rstrip(".") or type(error).__name__
        raise UnreadablePicture(f"damaged or incomplete ({reason})") from error
    pixels = np.asarray(image)
    return pixels.reshape(*pixels.shape[:2], framing.channels)


def read_pictures(
    paths: Sequence[str | Path], framing: Framing
) -> list[np.ndarray | UnreadablePicture]:
    """Read several pictures; in the place of one that cannot be read stands the reason."""
    return [_read_or_reason(path, framing) for path in paths]


def _read_or_reason(path: str | Path, framing: Framing) -> np.ndarray | UnreadablePicture:
    try:
        return read_picture(path, framing)
    except UnreadablePicture as reason:
        # Without its traceback and cause the reason is small, and lets go of the file.
        return UnreadablePicture(reason.reason)


def _open(file: BinaryIO) -> Image.Image:
    """Read the header only, and refuse what is no picture or too large."""
    start = file.read(16)
    if not start:
        raise UnreadablePicture("the file is empty")
    reader = next((reader for magic, reader in _READERS if start.startswith(magic)), None)
    if reader is None or (reader is WebPImageFile and start[8:12] != b"WEBP"):
        raise UnreadablePicture("not a JPEG, PNG, WebP or TIFF picture")
    file.seek(0)
    image = reader(file)
    width, height = image.size
    if width * height > MOST_PIXELS:
        limit = MOST_PIXELS // 1_000_000
        raise UnreadablePicture(f"{width}x{height} pixels, more than {limit} megapixels")
    return image


def _frame(image: Image.Image, framing: Framing) -> Image.Image:
    """Decode, cut, scale and turn: in this order the least work is done."""
    width, height = image.size
    side = framing.crop or min(width, height)
    if side > min(width, height):
        raise UnreadablePicture(f"{width}x{height} pixels, smaller than the crop of {side}")
    size = framing.size or side
    left, top = (width - side) // 2, (height - side) // 2

    # A JPEG decoder makes pictures 2, 4 or 8 times smaller at a fraction of the work.
    scale = next((scale for scale in (8, 4, 2) if side >= scale * size), 1)
    drafted = image.draft("L" if framing.grey else None, (width // scale, height // scale))
    if drafted is None:
        scale = 1
    image.load()
    turn = _TURNS.get(image.getexif().get(_ORIENTATION))

    image = _eight_bits(image, "L" if framing.grey else "RGB")
    box = tuple(edge / scale for edge in (left, top, left + side, top + side))
    # Before a strong reduction, whole blocks are averaged down to 3 times the size that is asked:
    # Pillow's documentation calls this indistinguishable from the full kernel, and it is faster.
    image = image.resize((size, size), Image.Resampling.BICUBIC, box=box, reducing_gap=3.0)
    return image if turn is None else image.transpose(turn)


def _eight_bits(image: Image.Image, mode: str) -> Image.Image:
    """Convert any mode to `mode`, "RGB" or "L"."""
    if image.mode == mode:
        return image
    if image.mode in ("I", "F"):
        raise UnreadablePicture(
            "its pixels are 32-bit or signed numbers, whose range is not known; "
            "convert it to 8 or 16 bits"
        )
    if image.mode.startswith("I;16"):
        # Pillow would clip at 255; dividing by 257 takes 0..65535 to 0..255.
        wide = np.asarray(image).astype(np.uint32)
        return Image.fromarray(((wide + 128) // 257).astype(np.uint8)).convert(mode)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        black = Image.new("RGBA", image.size, (0, 0, 0, 255))
        image = Image.alpha_composite(black, image)
    return image.convert(mode)
