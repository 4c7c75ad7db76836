"""The same image gives the same pixels in every encoding, or the file is left out with the reason.

Files are written by Pillow where it can; the others byte by byte, as their standards say.
"""

import struct
import zlib
from collections.abc import Callable
from io import BytesIO

import numpy as np
import PIL
import pytest
from PIL import Image, TiffImagePlugin

from hubblefork.core.errors import RequestError
from hubblefork.data.images.decoded import UnreadableImage
from hubblefork.data.images.framing import Framing
from hubblefork.data.images.raster import frame_image, read_raster
from hubblefork.data.packing import pack
from hubblefork.data.sources import open_source

# Smooth, so that JPEG keeps it, of 16 colours and 16 greys that palettes and 4 bits hold exactly.
SIDE = 16
STEPS = np.repeat(np.repeat(np.arange(16).reshape(4, 4), 4, axis=0), 4, axis=1)
GREY = (17 * STEPS).astype(np.uint8)
COLOUR = np.stack([GREY, 255 - GREY, GREY // 2 + 60], axis=2)
ALPHA = np.where(np.arange(SIDE) < 12, 255, 0)[None].repeat(SIDE, axis=0).astype(np.uint8)


def saved(image: Image.Image, format: str, **options: object) -> bytes:
    stream = BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def image(pixels: np.ndarray, mode: str | None = None) -> Image.Image:
    made = Image.fromarray(pixels)
    return made.convert(mode) if mode else made


def png(pixels: np.ndarray, colour: int, depth: int = 16, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG file of (H, W, C) numbers; of 1, 2 and 4 bits, of grey ones or those of a palette."""
    height, width = pixels.shape[:2]
    rows = pixels.reshape(height, -1)
    if depth < 8:
        bits = (rows[..., None] >> np.arange(depth)[::-1]) & 1
        rows = np.packbits(bits.astype(np.uint8).reshape(height, -1), axis=1)
    else:
        rows = rows.astype(">u2" if depth == 16 else "u1")
    lines = b"".join(b"\0" + row.tobytes() for row in rows)
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    every = [(b"IHDR", head), *chunks, (b"IDAT", zlib.compress(lines)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + name + content
        + struct.pack(">I", zlib.crc32(name + content))
        for name, content in every
    )  # fmt: skip


def tiff(rows: bytes, bits: tuple[int, ...], photometric: int, **tags: tuple[int, ...]) -> bytes:
    """A TIFF file of one strip; further tags of 16 bits by their numbers, as t281=(4095,)."""
    entries = {
        256: (SIDE,), 257: (SIDE,), 258: bits, 259: (1,), 262: (photometric,), 273: (0,),
        277: (len(bits),), 278: (SIDE,), 279: (len(rows),),
        **{int(key[1:]): value for key, value in tags.items()},
    }  # fmt: skip
    start = 8 + 2 + 12 * len(entries) + 4
    more = b""
    # What has more than four bytes stands behind the directory, and the rows behind that.
    places = {}
    for tag, values in entries.items():
        if len(values) > 2:
            places[tag] = start + len(more)
            more += struct.pack(f"<{len(values)}H", *values)
    entries[273] = (start + len(more),)
    directory = struct.pack("<H", len(entries))
    for tag, values in sorted(entries.items()):
        number = len(values)
        if tag in places:
            directory += struct.pack("<HHII", tag, 3, number, places[tag])
        else:
            directory += struct.pack("<HHI", tag, 3, number)
            directory += struct.pack(f"<{number}H", *values).ljust(4, b"\0")
    return b"II*\0" + struct.pack("<I", 8) + directory + b"\0" * 4 + more + rows


def twelve(values: np.ndarray) -> bytes:
    """Numbers of 12 bits, two in three bytes."""
    bits = (values.reshape(SIDE, -1, 1) >> np.arange(12)[::-1]) & 1
    return np.packbits(bits.astype(np.uint8).reshape(SIDE, -1), axis=1).tobytes()


def wide(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(np.uint16) * 257


def to_twelve(pixels: np.ndarray) -> np.ndarray:
    return (pixels.astype(np.uint32) * 4095 // 255).astype(np.uint16)


def bytes_of(pixels: np.ndarray) -> bytes:
    return pixels.astype("<u2").tobytes()


def with_alpha(pixels: np.ndarray, alpha: np.ndarray = ALPHA) -> np.ndarray:
    return np.dstack([pixels, alpha])


def paletted(colours: np.ndarray, **options: object) -> Image.Image:
    made = Image.fromarray(STEPS.astype(np.uint8), "P")
    made.putpalette(colours.astype(np.uint8).tobytes())
    made.info.update(options)
    return made


def orientated(format: str, pixels: np.ndarray) -> bytes:
    """Stored on its side, and turned back by what its header says."""
    exif = Image.Exif()
    exif[274] = 6
    options = {"quality": 100, "subsampling": 0} if format == "JPEG" else {"lossless": True}
    return saved(image(np.rot90(pixels)), format, exif=exif, **options)


def ycck() -> bytes:
    """A CMYK JPEG whose inks are stored as luma and chroma, as Adobe's programs do."""
    inks = image(255 - COLOUR, "YCbCr")
    stored = np.dstack([np.asarray(inks), np.full_like(GREY, 255)])
    # Pillow turns what it writes.
    made = Image.fromarray(255 - stored, "CMYK")
    content = saved(made, "JPEG", quality=100, subsampling=0)
    transform = content.index(b"Adobe") + 11
    return content[:transform] + b"\2" + content[transform + 1 :]


PALETTE = COLOUR[::4, ::4].reshape(16, 3)
GREYS = np.repeat(np.arange(16)[:, None] * 17, 3, axis=1)
COLOUR_MAP = tuple(int(each) for each in PALETTE.T.ravel().astype(int))

GREY_FILES: dict[str, Callable[[], bytes]] = {
    "PNG": lambda: saved(image(GREY), "PNG"),
    "PNG of 16 bits": lambda: png(wide(GREY), 0),
    "PNG of 16 bits, 12 of them known": lambda: png(wide(GREY), 0, 16, (b"sBIT", b"\x0c")),
    "PNG of 4 bits": lambda: png(STEPS, 0, 4),
    "PNG with a palette of greys": lambda: saved(paletted(GREYS), "PNG"),
    "PNG with alpha": lambda: png(with_alpha(GREY, 0 * ALPHA + 255), 4, 8),
    "PNG with alpha of 16 bits": lambda: png(wide(with_alpha(GREY, 0 * ALPHA + 255)), 4),
    "TIFF": lambda: saved(image(GREY), "TIFF"),
    "TIFF, LZW": lambda: saved(image(GREY), "TIFF", compression="tiff_lzw"),
    "TIFF, white is zero": lambda: tiff((255 - GREY).tobytes(), (8,), 0),
    "TIFF of 4 bits": lambda: tiff((STEPS[:, ::2] << 4 | STEPS[:, 1::2]).astype("u1").tobytes(),
                                   (4,), 1),
    "TIFF of 4 bits, white is zero": lambda: tiff(
        (255 - (STEPS[:, ::2] << 4 | STEPS[:, 1::2])).astype("u1").tobytes(), (4,), 0),
    "TIFF of 16 bits": lambda: tiff(bytes_of(wide(GREY)), (16,), 1),
    "TIFF of 16 bits, white is zero": lambda: tiff(bytes_of(65535 - wide(GREY)), (16,), 0),
    "TIFF of 16 bits, big-endian": lambda: saved(
        Image.frombytes("I;16B", (SIDE, SIDE), wide(GREY).astype(">u2").tobytes()), "TIFF"),
    "TIFF of 12 bits": lambda: tiff(twelve(to_twelve(GREY)), (12,), 1),
    "TIFF of 12 bits in 16": lambda: tiff(bytes_of(to_twelve(GREY)), (16,), 1, t281=(4095,)),
    "TIFF of 10 bits in 16": lambda: tiff(
        bytes_of(GREY.astype(np.uint32) * 1023 // 255), (16,), 1, t281=(1023,)),
    "TIFF of 12 bits in 16, white is zero": lambda: tiff(
        bytes_of(4095 - to_twelve(GREY)), (16,), 0, t281=(4095,)),
    "WebP": lambda: saved(image(GREY, "RGB"), "WEBP", lossless=True),
    "JPEG": lambda: saved(image(GREY), "JPEG", quality=100),
}  # fmt: skip

COLOUR_FILES: dict[str, Callable[[], bytes]] = {
    "PNG": lambda: saved(image(COLOUR), "PNG"),
    "PNG of 16 bits": lambda: png(wide(COLOUR), 2),
    "PNG of 16 bits with alpha": lambda: png(wide(with_alpha(COLOUR, 0 * ALPHA + 255)), 6),
    "PNG with a palette": lambda: saved(paletted(PALETTE), "PNG"),
    "PNG on its side": lambda: orientated("PNG", COLOUR),
    "TIFF": lambda: saved(image(COLOUR), "TIFF"),
    "TIFF of 16 bits": lambda: tiff(bytes_of(wide(COLOUR)), (16, 16, 16), 2),
    "TIFF with a palette": lambda: tiff(
        STEPS.astype("u1").tobytes(), (8,), 3,
        t320=tuple(257 * each for band in PALETTE.T.astype(int) for each in [*band, *[0] * 240])),
    "TIFF with a palette of 8 bits": lambda: tiff(
        STEPS.astype("u1").tobytes(), (8,), 3,
        t320=tuple(int(each) for band in PALETTE.T.astype(int) for each in [*band, *[0] * 240])),
    "TIFF, CMYK": lambda: saved(image(COLOUR, "CMYK"), "TIFF"),
    "TIFF, CMYK of 16 bits": lambda: tiff(
        bytes_of(wide(np.asarray(image(COLOUR, "CMYK")))), (16,) * 4, 5),
    "TIFF on its side": lambda: orientated("TIFF", COLOUR),
    "TIFF with a thumbnail": lambda: saved(image(COLOUR), "TIFF", save_all=True,
                                           append_images=[thumbnail()]),
    "WebP": lambda: saved(image(COLOUR), "WEBP", lossless=True),
    "WebP on its side": lambda: orientated("WEBP", COLOUR),
    "JPEG": lambda: saved(image(COLOUR), "JPEG", quality=100, subsampling=0),
    "JPEG, progressive": lambda: saved(image(COLOUR), "JPEG", quality=100, subsampling=0,
                                       progressive=True),
    "JPEG of red, green and blue": lambda: saved(image(COLOUR), "JPEG", quality=100,
                                                 keep_rgb=True),
    "JPEG, CMYK": lambda: saved(image(COLOUR, "CMYK"), "JPEG", quality=100, subsampling=0),
    "JPEG, YCCK": lambda: ycck(),
    "JPEG on its side": lambda: orientated("JPEG", COLOUR),
    "JPEG on its side, as XMP says": lambda: saved(
        image(np.rot90(COLOUR)), "JPEG", quality=100, subsampling=0,
        xmp=b'<x:xmpmeta xmlns:tiff="t" tiff:Orientation="6"/>'),
    "MPO": lambda: saved(image(COLOUR), "MPO", save_all=True, quality=100, subsampling=0,
                         append_images=[image(255 - COLOUR)]),
}  # fmt: skip


def thumbnail() -> Image.Image:
    small = image(COLOUR[::2, ::2])
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[254] = 1
    small.encoderinfo = {"tiffinfo": tags}
    return small


# JPEG loses some, and its CMYK more; of others, 12 bits are not a multiple of 8.
def tolerance(kind: str) -> int:
    return 4 if kind.startswith(("JPEG", "MPO")) else 1


@pytest.mark.parametrize("kind", GREY_FILES)
def test_a_grey_image_is_the_same_in_every_encoding(kind):
    read = read_raster(GREY_FILES[kind](), Framing(channels=1))
    assert abs(read.pixels[..., 0].astype(int) - GREY).max() <= tolerance(kind)
    assert read.bands == {"WebP": 3}.get(kind, 2 if "alpha" in kind else 1)
    framing = Framing(crop=8)
    in_colour = read_raster(GREY_FILES[kind](), framing).pixels.astype(int)
    assert abs(in_colour - GREY[4:12, 4:12, None]).max() <= tolerance(kind)


@pytest.mark.parametrize("kind", COLOUR_FILES)
def test_a_colour_image_is_the_same_in_every_encoding(kind):
    read = read_raster(COLOUR_FILES[kind](), Framing())
    assert abs(read.pixels.astype(int) - COLOUR).max() <= tolerance(kind)
    assert read.bands >= 3
    luma = np.asarray(image(COLOUR, "L")).astype(int)
    grey = read_raster(COLOUR_FILES[kind](), Framing(channels=1)).pixels[..., 0]
    assert abs(grey - luma).max() <= tolerance(kind)


@pytest.mark.parametrize(
    "kind", [kind for kind in COLOUR_FILES if kind.startswith(("JPEG", "MPO"))]
)
def test_pillow_reads_jpeg_as_the_fast_decoder_does(kind):
    content = COLOUR_FILES[kind]()
    opened = Image.open(BytesIO(content))
    pixels = frame_image(opened, Framing(), content).pixels
    assert abs(pixels.astype(int) - read_raster(content, Framing()).pixels).max() <= 1


TRANSPARENT: dict[str, Callable[[], tuple[bytes, np.ndarray]]] = {
    "PNG with alpha": lambda: (saved(image(with_alpha(COLOUR)), "PNG"), ALPHA == 0),
    "PNG of 16 bits with alpha": lambda: (png(wide(with_alpha(COLOUR)), 6), ALPHA == 0),
    "WebP": lambda: (saved(image(with_alpha(COLOUR)), "WEBP", lossless=True), ALPHA == 0),
    "TIFF": lambda: (saved(image(with_alpha(COLOUR)), "TIFF"), ALPHA == 0),
    "palette, one colour": lambda: (saved(paletted(PALETTE), "PNG", transparency=5), STEPS == 5),
    "palette, an alpha of each": lambda: (
        saved(paletted(PALETTE), "PNG", transparency=bytes([255] * 5 + [0] + [255] * 10)),
        STEPS == 5),
}  # fmt: skip

TRANSPARENT_GREY: dict[str, Callable[[], tuple[bytes, np.ndarray]]] = {
    "alpha": lambda: (png(with_alpha(GREY), 4, 8), ALPHA == 0),
    "alpha of 16 bits": lambda: (png(wide(with_alpha(GREY)), 4), ALPHA == 0),
    "alpha, multiplied": lambda: (
        tiff(with_alpha(GREY * (ALPHA > 0)).tobytes(), (8, 8), 1, t338=(1,)), ALPHA == 0),
    "a grey of 4 bits": lambda: (png(STEPS, 0, 4, (b"tRNS", struct.pack(">H", 5))), STEPS == 5),
    "a grey of 8 bits": lambda: (png(GREY, 0, 8, (b"tRNS", struct.pack(">H", 85))), STEPS == 5),
    "a grey of 16 bits": lambda: (
        png(wide(GREY), 0, 16, (b"tRNS", struct.pack(">H", 85 * 257))), STEPS == 5),
}  # fmt: skip


@pytest.mark.parametrize("kind", [*TRANSPARENT, *TRANSPARENT_GREY])
def test_what_is_transparent_is_black_in_every_encoding(kind):
    if kind == "alpha, multiplied" and int(PIL.__version__.split(".")[0]) < 13:
        pytest.skip("Pillow reads such TIFF files from version 13 on; before, they are left out")
    content, transparent = (TRANSPARENT | TRANSPARENT_GREY)[kind]()
    whole = GREY[..., None] if kind in TRANSPARENT_GREY else COLOUR
    expected = np.where(transparent[..., None], 0, whole)
    read = read_raster(content, Framing()).pixels.astype(int)
    assert abs(read - expected).max() <= 1


def animated(format: str) -> bytes:
    others = [image(255 - COLOUR)]
    return saved(image(COLOUR), format, save_all=True, append_images=others, lossless=True)


def cmyk_without_marker() -> bytes:
    content = COLOUR_FILES["JPEG, CMYK"]()
    start = content.index(b"\xff\xee")
    return content[:start] + content[start + 2 + int.from_bytes(content[start + 2 : start + 4]) :]


DIM = "16 bits without a number above 4,095, which may be 10 or 12 bits"
LEFT_OUT: dict[str, tuple[Callable[[], bytes], str]] = {
    "12 bits in a PNG of 16": (lambda: png(to_twelve(GREY), 0), DIM),
    "10 bits in a TIFF of 16": (lambda: tiff(bytes_of(GREY * np.uint16(4)), (16,), 1), DIM),
    "12 bits in a colour PNG": (lambda: png(to_twelve(COLOUR), 2), DIM),
    "12 bits in a PNG with alpha": (
        lambda: png(np.dstack([to_twelve(GREY), wide(ALPHA)]), 4), DIM),
    "12 bits in a colour TIFF": (
        lambda: tiff(bytes_of(to_twelve(COLOUR)), (16, 16, 16), 2), DIM),
    "12 bits that a colour TIFF tells": (
        lambda: tiff(bytes_of(to_twelve(COLOUR)), (16, 16, 16), 2, t281=(4095, 4095, 4095)),
        "colours of 16 bits up to 4,095; scale them to 65,535"),
    "signed numbers of 8 bits": (
        lambda: tiff(GREY.tobytes(), (8,), 1, t339=(2,)), "its numbers are signed"),
    "signed numbers of 16 bits": (
        lambda: tiff(bytes_of(GREY), (16,), 1, t339=(2,)), "whose range is not known"),
    "floats": (lambda: saved(image(GREY.astype(np.float32)), "TIFF"), "whose range is not known"),
    "CIE L*a*b*": (lambda: tiff(COLOUR.tobytes(), (8, 8, 8), 8), "its colours are CIE L"),
    "CMYK without a marker": (cmyk_without_marker, "CMYK without Adobe's marker"),
    "a transparent colour of 16 bits": (
        lambda: png(wide(COLOUR), 2, 16, (b"tRNS", struct.pack(">3H", 0, 65535, 60 * 257))),
        "one of its colours of 16 bits is transparent"),
    "grey and alpha of 16 bits in TIFF": (
        lambda: tiff(bytes_of(wide(with_alpha(GREY))), (16, 16), 1, t338=(2,)),
        "a kind of TIFF that is not read"),
    "an animated PNG": (lambda: animated("PNG"), "an animation of 2 images; save one of them"),
    "an animated WebP": (lambda: animated("WEBP"), "an animation of 2 images; save one of them"),
    "a TIFF of two pages": (lambda: animated("TIFF"), "a file of 2 pages; save one of them"),
    "GIF": (lambda: saved(image(GREY), "GIF"), "not a JPEG, PNG, WebP, TIFF or FITS image"),
}  # fmt: skip


@pytest.mark.parametrize("kind", LEFT_OUT)
def test_what_cannot_be_told_is_left_out_with_the_reason(kind):
    make, reason = LEFT_OUT[kind]
    with pytest.raises(UnreadableImage) as caught:
        read_raster(make(), Framing())
    assert reason in caught.value.reason


def test_what_is_black_in_16_bits_is_black():
    assert not read_raster(png(0 * wide(GREY), 0), Framing()).pixels.any()


IN_MEMORY = {
    "16 bits": lambda: Image.fromarray(wide(GREY)),
    "big-endian": lambda: Image.frombytes("I;16B", (SIDE, SIDE), wide(GREY).astype(">u2")),
    "a palette": lambda: paletted(GREYS),
    "grey and alpha": lambda: image(with_alpha(GREY), "LA"),
    "premultiplied": lambda: image(with_alpha(GREY, 0 * ALPHA + 255), "LA").convert("La"),
    "CMYK": lambda: image(GREY, "RGB").convert("CMYK"),
    "a file": lambda: Image.open(BytesIO(GREY_FILES["TIFF of 16 bits, white is zero"]())),
    "a file on its side": lambda: Image.open(BytesIO(orientated("TIFF", GREY))),
}


@pytest.mark.parametrize("kind", IN_MEMORY)
def test_images_of_pillow_are_read_as_their_files_are(kind):
    expected = np.where(ALPHA, GREY, 0) if kind == "grey and alpha" else GREY
    source = open_source(([IN_MEMORY[kind]()] * 2, ["disc", "bar"]))
    packed = pack(source).images
    assert abs(packed.astype(int) - expected[..., None]).max() <= 1
    framed = frame_image(IN_MEMORY[kind](), Framing(channels=1)).pixels[..., 0]
    assert abs(framed.astype(int) - expected).max() <= 1


def test_images_of_pillow_that_cannot_be_told_are_refused():
    for mode in ("I", "F"):
        with pytest.raises(RequestError, match="whose range is not known"):
            open_source(([Image.new(mode, (8, 8), 999)] * 2, ["disc", "bar"]))
