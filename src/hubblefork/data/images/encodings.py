"""What the numbers in an image file mean: red, green and blue or grey in eight bits, of any kind.

The same image gives the same pixels in every encoding that is read, within 1 of 255 where it is
lossless. Where a file does not say what its numbers mean, or Pillow would change them, the image is
left out with the reason. Colour profiles and gamma are not applied.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImagePalette
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

from hubblefork.data.images.decoded import UnreadableImage

_FULL = 65_535

# 10 and 12 bits in 16 look nearly black, if they are taken as 16 bits, and nothing but their range
# shows it.
TWELVE_BITS = 4_096

# Tags of TIFF (revision 6.0) and some of their values.
_SUBFILE_TYPE, _PHOTOMETRIC, _MOST_SAMPLE, _COLOUR_MAP, _SAMPLE_FORMAT = 254, 262, 281, 320, 339
_REDUCED_OR_MASK = 0b101
_WHITE_IS_ZERO = 0
_SIGNED = 2

# Pages of a file that are looked at: more thumbnails and masks than any image has.
_MOST_PAGES = 32


@dataclass(frozen=True)
class Encoding:
    """How the numbers of an image are stored, as far as its mode in Pillow does not say it.

    bands: how many channels it has, with transparency.
    rawmode: Pillow's name for the layout in the file; empty for an image in memory.
    white: the largest number of a grey image of 16 bits.
    told: whether the file tells that number.
    inverted: whether 0 is white, where Pillow has not turned it already.
    """

    bands: int
    rawmode: str = ""
    white: int = _FULL
    told: bool = False
    inverted: bool = False


def encoding_of(image: Image.Image, content: bytes = b"") -> Encoding:
    """Return the encoding of an image that is not loaded yet, whose file is `content`.

    Raises UnreadableImage where it cannot be told, or is none of those that are read.
    """
    rawmode = _rawmode(image)
    if image.mode in ("I", "F"):
        raise UnreadableImage(
            "its pixels are 32-bit or signed numbers, whose range is not known; "
            "convert it to 8 or 16 bits"
        )
    if image.mode == "LAB":
        raise UnreadableImage("its colours are CIE L*a*b*; convert it to red, green and blue")
    bands = _bands(image, rawmode)
    if isinstance(image, TiffImageFile):
        return _tiff(image, bands, rawmode)
    if isinstance(image, JpegImageFile) and image.mode == "CMYK" and "adobe" not in image.info:
        # Adobe's are inverted; of others nobody knows.
        raise UnreadableImage("CMYK without Adobe's marker; convert it to red, green and blue")
    if isinstance(image, PngImageFile) and rawmode == "RGB;16B" and "transparency" in image.info:
        # Pillow compares its 16 bits with the 8 that it keeps.
        raise UnreadableImage("one of its colours of 16 bits is transparent; save it with an alpha")
    # The PNG standard has all samples scaled to 16 bits, where sBIT tells how many had been known.
    told = isinstance(image, PngImageFile) and b"sBIT" in content[: content.find(b"IDAT")]
    return Encoding(bands, rawmode, told=told)


def check_single(image: Image.Image) -> None:
    """Raise UnreadableImage for an animation, and for a file with several pages.

    Thumbnails and masks of a TIFF file are not pages. (Of JPEG, the first image is the main one.)
    """
    frames = getattr(image, "n_frames", 1)
    if frames < 2 or isinstance(image, JpegImageFile):
        return
    if not isinstance(image, TiffImageFile):
        raise UnreadableImage(f"an animation of {frames:,} images; save one of them")
    for page in range(1, min(frames, _MOST_PAGES)):
        image.seek(page)
        if not int(image.tag_v2.get(_SUBFILE_TYPE, 0)) & _REDUCED_OR_MASK:
            raise UnreadableImage(f"a file of {frames:,} pages; save one of them")
    image.seek(0)


def check_range(image: Image.Image, encoding: Encoding) -> None:
    """Raise UnreadableImage for a loaded image of 16 bits that may have only 10 or 12 of them."""
    if encoding.told or not (image.mode.startswith("I;16") or ";16" in encoding.rawmode):
        return
    if image.mode.startswith("I;16"):
        is_dim = 0 < np.asarray(image).max() < TWELVE_BITS
    else:  # Pillow has kept the upper 8 bits
        colours = np.asarray(image)[..., : 3 if image.mode == "RGBA" else None]
        is_dim = colours.max() < TWELVE_BITS >> 8
    if is_dim:
        raise UnreadableImage(
            "16 bits without a number above 4,095, which may be 10 or 12 bits; scale it to 65,535, "
            "or save it with the tag MaxSampleValue (TIFF) or sBIT (PNG)"
        )


def eight_bits(image: Image.Image, mode: str, encoding: Encoding) -> Image.Image:
    """Convert a part of a loaded image, of any mode, to `mode`, "RGB" or "L".

    What is transparent becomes black.
    """
    if image.mode.startswith("I;16"):
        return _from_sixteen(image, encoding).convert(mode)
    if image.mode == "La":  # grey, multiplied by its transparency
        image = image.convert("LA")
    if image.has_transparency_data:
        # Of a grey image of 2 or 4 bits the file has the number before it was scaled to 8.
        bits = {"L;2": 2, "L;4": 4}.get(encoding.rawmode)
        if bits and "transparency" in image.info:
            image.info["transparency"] *= 255 // (2**bits - 1)
        image = image.convert("RGBA")
        black = Image.new("RGB", image.size)
        black.paste(image, mask=image)
        image = black
    return image.convert(mode)


def _from_sixteen(image: Image.Image, encoding: Encoding) -> Image.Image:
    stored = np.asarray(image).astype(np.uint32)
    # Pillow itself would clip at 255.
    values = (stored.clip(0, encoding.white) * 255 + encoding.white // 2) // encoding.white
    if encoding.inverted:
        values = 255 - values
    if "transparency" in image.info:
        values[stored == image.info["transparency"]] = 0
    return Image.fromarray(values.astype(np.uint8))


def _tiff(image: TiffImageFile, bands: int, rawmode: str) -> Encoding:
    tags = image.tag_v2
    if image.mode == "L" and _SIGNED in _numbers(tags.get(_SAMPLE_FORMAT)):
        raise UnreadableImage("its numbers are signed; convert it to unsigned ones")
    if image.mode == "P" and max(_numbers(tags.get(_COLOUR_MAP)), default=_FULL) < 256:
        # Some programs write 8 bits where the standard has 16; Pillow would show them black.
        image.palette = ImagePalette.raw("RGB;L", bytes(_numbers(tags[_COLOUR_MAP])))
        bands = _bands(image, rawmode)
    most = set(_numbers(tags.get(_MOST_SAMPLE)))
    told = len(most) == 1 and most <= {2**bits - 1 for bits in range(9, 17)}
    white = 4_095 if rawmode == "I;12" else most.pop() if told else _FULL
    if ";16" in rawmode and not image.mode.startswith("I;16") and white != _FULL:
        raise UnreadableImage(f"colours of 16 bits up to {white:,}; scale them to 65,535")
    inverted = image.mode == "I;16" and tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO
    return Encoding(bands, rawmode, white, told or rawmode == "I;12", inverted)


def _numbers(value: object) -> tuple[int, ...]:
    """The whole numbers in a tag, which may have one, several or none."""
    values = value if isinstance(value, tuple) else (value,)
    return tuple(each for each in values if isinstance(each, int))


def _rawmode(image: Image.Image) -> str:
    """Pillow's name for the layout of the stored numbers; empty once they are loaded."""
    for tile in getattr(image, "tile", ()):
        arguments = tile.args if isinstance(tile.args, tuple) else (tile.args,)
        if arguments and isinstance(arguments[0], str):
            return arguments[0]
    return ""


def _bands(image: Image.Image, rawmode: str) -> int:
    """How many channels an image has, where a palette has those of its colours."""
    if rawmode.startswith("LA"):  # of 16 bits, which Pillow reads as colours
        return 2
    palette = image.getpalette("RGB") if image.mode in ("P", "PA") else None
    if palette is None:
        return len(image.getbands())
    red, green, blue = palette[::3], palette[1::3], palette[2::3]
    return 1 if red == green == blue else 3
