"""Read a FITS image as counts that stand as viewers show them, with its place on the sky.

image = read_fits(Path("galaxy.fits").read_bytes())     # also .fits.gz, .fits.fz
image.counts.shape, image.position          # (H, W, bands), (ra, dec, arcsec a pixel)

`hubblefork.sky.fits_images` chooses among several images in a file.
"""

import gzip
import warnings
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from hubblefork.sky.fits_images import FitsError, Part, choose_image, colours_are_last
from hubblefork.sky.fits_limits import check_parts, check_tiles

if TYPE_CHECKING:  # takes half a second to import, and most images are no FITS files
    from astropy.io import fits

# 4,000 x 4,000 pixels in three bands are 48 million counts: 200 MB here, and at most as much again
# for each step of scaling. A header that says more is damaged, hostile, or of a whole survey field.
MOST_COUNTS = 50_000_000

# What a file may hold after unpacking: an image of the largest size as 64-bit numbers, and more
# than any header. A gzip bomb is stopped here.
_MOST_BYTES = 8 * MOST_COUNTS + (16 << 20)

_FITS, _GZIP = b"SIMPLE  =", b"\x1f\x8b"

# What surveys compress images by. The decoder of HCOMPRESS, and those of these with settings
# outside the standard's, do not check their input: a damaged file ends the process. PLIO is for
# masks.
_SAFE_KINDS = ("RICE_1", "RICE_ONE", "GZIP_1", "GZIP_2", "NOCOMPRESS")
_SETTINGS = {"BLOCKSIZE": (16, 32), "BYTEPIX": (1, 2, 4), "ZDITHER0": range(10_001)}

# astropy warns of harmless faults (cards out of order, old names of units) in file after file.
# What matters is told once, as the reason why an image is left out.
warnings.filterwarnings("ignore", module=r"astropy\.(io\.fits|wcs)|hubblefork\.sky\.fits")


@dataclass(frozen=True, eq=False)
class FitsImage:
    """The image of a FITS file.

    counts: (H, W, bands) float32, NaN where nothing is known; uint8 where the file holds bytes.
        Three bands and more stand as in the file, by increasing wavelength in a survey's cubes.
    position: right ascension and declination of the middle in degrees (ICRS), and the width of a
        pixel in arcsec; None where the header has no celestial coordinates.
    """

    counts: np.ndarray
    position: tuple[float, float, float] | None


def is_fits(start: bytes) -> bool:
    """Whether these first bytes are of a FITS file, perhaps gzipped.

    >>> is_fits(b"SIMPLE  =                    T"), is_fits(b"GIF89a")
    (True, False)
    """
    return start.startswith((_FITS, _GZIP))


def read_fits(content: bytes, hdu: str | None = None) -> FitsImage:
    """Read an image of a FITS file: of two axes, or of three for several bands.

    hdu: what it is called, as `choose_image` takes it; None for the likeliest to be looked at.

    Axes of length 1 do not count. The bands of a cube are its third axis (NAXIS3), or its first
    where that has 3 or 4 planes and the others more: then it is a colour image, red first, whose
    bands are given last to first as those of a cube, without transparency. FITS counts rows from
    the bottom; they are turned over, so that the image stands as viewers such as ds9 show it.

    Raises FitsError for what is no FITS file, has no such image or is too large, and whatever
    astropy raises on a damaged file.
    """
    from astropy.io.fits import CompImageHDU

    with open_fits(content) as hdus:
        chosen = choose_image(parts_of(hdus), hdu)
        if isinstance(hdus[chosen.number], CompImageHDU):
            check_compression(content, chosen.number)
        return _read(hdus[chosen.number], chosen.shape)


def list_parts(content: bytes) -> list[Part]:
    """List the parts of a FITS file, of which only headers are read.

    Raises FitsError for what is no FITS file, and whatever astropy raises on a damaged one.
    """
    with open_fits(content) as hdus:
        return parts_of(hdus)


def open_fits(source: bytes | Path, **options: bool) -> "fits.HDUList":
    """Open a FITS file, or the bytes of one, whose numbers come as they are stored.

    A file is memory-mapped, unless it is gzipped: then it is unpacked, to no file but the memory.

    Raises FitsError for what is no FITS file or has implausibly many parts, OSError where a file
    cannot be opened, and whatever astropy raises on a damaged one.
    """
    from astropy.io import fits

    if isinstance(source, Path):
        with source.open("rb") as file:
            start = file.read(len(_FITS))
            file.seek(0)
            if start.startswith(_GZIP):
                source = _unpacked(file)
            elif start == _FITS:
                check_parts(file)
    elif source.startswith(_GZIP):
        source = _unpacked(BytesIO(source))
    if isinstance(source, bytes):
        start = source[: len(_FITS)]
        check_parts(BytesIO(source))
    if start != _FITS:
        raise FitsError("not a FITS file")
    # astropy would not apply BLANK to all types of integers.
    options = {"memmap": isinstance(source, Path), "do_not_scale_image_data": True, **options}
    return fits.open(BytesIO(source) if isinstance(source, bytes) else source, **options)


def _unpacked(file: IO[bytes]) -> bytes:
    with gzip.GzipFile(fileobj=file) as packed:
        content = packed.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise FitsError(f"more than {_MOST_BYTES // 1_000_000} MB when unpacked")
    return content


def check_compression(source: bytes | Path, number: int) -> None:
    """Refuse a compressed image whose decoder could not be trusted with a damaged file."""
    with open_fits(source, disable_image_compression=True) as hdus:
        header = hdus[number].header
        kind = header["ZCMPTYPE"]
        if kind not in _SAFE_KINDS:
            raise FitsError(f"compressed by {kind}; only RICE and GZIP are read (use funpack)")
        cards = {value: key.replace("NAME", "VAL") for key, value in header.items()
                 if key.startswith("ZNAME")}  # fmt: skip
        for name, allowed in _SETTINGS.items():
            card = cards.get(name, name)
            if card in header and header[card] not in allowed:
                raise FitsError(f"compressed with {name} {header[card]}, which cannot be")
        check_tiles(hdus[number], _MOST_BYTES)


def parts_of(hdus: "fits.HDUList") -> list[Part]:
    """The parts of an open FITS file."""
    return [_part(number, hdu) for number, hdu in enumerate(hdus)]


def _part(number: int, hdu: Any) -> Part:
    axes = "x".join(map(str, reversed(getattr(hdu, "shape", ())))) if hdu.is_image else "a table"
    name = hdu.name.strip().upper()
    # fpack moves an image without a name behind an empty first part, and gives it this one.
    if (number, name) == (1, "COMPRESSED_IMAGE"):
        name = "PRIMARY"
    return Part(number, name, _shape(hdu), axes or "empty", hdu.ver)


def _shape(hdu: Any) -> tuple[int, ...]:
    """Return the axes of an image, slowest first, without those of length 1; () for no image."""
    if not hdu.is_image or 0 in hdu.shape:
        return ()
    shape = list(hdu.shape)
    while len(shape) > 2 and 1 in shape:
        shape.remove(1)
    return tuple(shape)


def _read(hdu: Any, shape: tuple[int, ...]) -> FitsImage:
    number = int(np.prod(shape, dtype=object))
    if number > MOST_COUNTS:
        size = "x".join(map(str, reversed(shape)))
        raise FitsError(f"{size} counts, more than {MOST_COUNTS // 1_000_000} million")
    data = as_counts(hdu.data, hdu.header).reshape(shape)
    if len(shape) == 2:
        data = data[..., None]
    elif colours_are_last(shape):
        data = data[..., 2::-1]
    else:
        data = np.moveaxis(data, 0, 2)
    return FitsImage(data[::-1], _position(hdu.header))


def as_counts(stored: np.ndarray, header: "fits.Header") -> np.ndarray:
    """Return stored numbers as BSCALE, BZERO and BLANK say: float32, or bytes as they are.

    stored: of the whole image, or of any region of it.

    BLANK is a stored number, of integers only (FITS standard 4.0, 4.4.2.5). It becomes NaN, and
    in bytes, which are not stretched, black.
    """
    scale, zero = float(header.get("BSCALE", 1)), float(header.get("BZERO", 0))
    is_blank = np.False_
    if stored.dtype.kind in "iu" and isinstance(header.get("BLANK"), int | float):
        is_blank = stored == header["BLANK"]
    if stored.dtype == np.uint8 and (scale, zero) == (1, 0):
        if is_blank.all():
            raise FitsError("all of its pixels are BLANK")
        return np.where(is_blank, np.uint8(0), stored)
    with np.errstate(over="ignore", invalid="ignore"):  # too large for a float32 is infinite
        if (scale, zero) != (1, 0):
            stored = stored.astype(np.float64)
            stored *= scale
            stored += zero
        values = stored.astype(np.float32)
    values[is_blank] = np.nan
    return values


def _position(header: "fits.Header") -> tuple[float, float, float] | None:
    """Return where an image's middle is and how wide its pixels are, if the header tells."""
    if not any(key.startswith("CTYPE") for key in header):
        return None
    # It takes longer to import than all the rest, and many images do not need it.
    from astropy.wcs import WCS
    from astropy.wcs.utils import proj_plane_pixel_area

    try:
        sky = WCS(header)
        if not sky.has_celestial:
            return None
        if sky.naxis > 2:
            sky = sky.celestial
        middle = ((length - 1) / 2 for length in sky.pixel_shape)
        place = sky.pixel_to_world(*middle).icrs
        ra, dec = float(place.ra.deg), float(place.dec.deg)
        width = 3600 * float(proj_plane_pixel_area(sky)) ** 0.5
    # Coordinates that make no sense are none; astropy and wcslib have many ways to say so.
    except Exception:
        return None
    return (ra, dec, width) if np.isfinite([ra, dec, width]).all() else None
