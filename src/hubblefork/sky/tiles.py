"""A tile of a survey: a FITS image with celestial coordinates, known by its header alone."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from hubblefork.core.errors import RequestError, first_line
from hubblefork.core.tries import TransientFailure, trying_again
from hubblefork.sky.directions import arcsec_of, directions
from hubblefork.sky.fits_images import FitsError

# Where a band may have another position than the first, in pixels.
_AGREEMENT = 0.01
# How far the width of a pixel may be from that at the reference point. In gnomonic projection (TAN)
# it is so 20 degrees from it; in maps of the whole sky with rectangular coordinates, soon.
_DISTORTION = 0.1
# Keyword and value of a card, without its comment.
_CARD = re.compile(r"[A-Z0-9_-]+ *= *('([^']|'')*'|[^/']*)")
# Along each edge of a tile, for its extent.
_POINTS = 9
# Coordinates that stay parsed, which takes a millisecond and 4 kB each.
_MOST_PARSED = 1 << 14


@dataclass(frozen=True)
class Tile:
    """One image of a survey, or one image in several bands.

    files: absolute path of its file, or of one file per band.
    shape: rows and columns. planes: bands of each file, 1 where there are several files.
    wcs: cards of the header that give its celestial coordinates, a line each.
    scale: width of a pixel in arcsec, at the reference point, as the root of its area.
    centre: right ascension and declination of its middle in degrees (ICRS).
    radius: of a circle about it that holds the whole tile, in degrees.
    """

    files: tuple[str, ...]
    shape: tuple[int, int]
    planes: int
    wcs: str
    scale: float
    centre: tuple[float, float]
    radius: float

    @property
    def name(self) -> str:
        return os.path.basename(self.files[0])

    @property
    def bands(self) -> int:
        return self.planes * len(self.files)

    def pixels(self, ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return x and y (N,) of positions in degrees (ICRS): 0 is the middle of the first pixel.

        NaN for what cannot be in the tile's projection.
        """
        return to_pixels(self.wcs, *in_frame(self.wcs, ra, dec))

    def positions(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return right ascension and declination in degrees (ICRS) of pixels (N,)."""
        return _positions(self.wcs, x, y)

    def depth(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """How far pixels (N,) are from the nearest edge, in arcsec; negative outside."""
        height, width = self.shape
        inside = np.minimum(
            np.minimum(x + 0.5, width - 0.5 - x), np.minimum(y + 0.5, height - 0.5 - y)
        )
        return inside * self.scale


def read_tile(files: Sequence[Path], hdu: str | None = None) -> Tile:
    """Read the headers of a tile, of one file or of one per band.

    Raises RequestError, naming the file, where one cannot be read, has no celestial coordinates or
    pixels of very different sizes, or where bands differ in their pixels.
    """
    tile = _read_file(files[0], hdu)
    if len(files) == 1:
        return tile
    for file in files:
        band = tile if file == files[0] else _read_file(file, hdu)
        if band.planes != 1:
            raise RequestError(f"{file} has {band.planes} bands; expected one file for each band")
        if band.shape != tile.shape:
            sizes = ["x".join(map(str, each.shape[::-1])) for each in (band, tile)]
            raise RequestError(
                f"{file} has {sizes[0]} pixels and {files[0]} {sizes[1]}: bands of a tile need the "
                "same pixels; resample them, or use fewer bands"
            )
        if band.wcs != tile.wcs and (apart := _disagreement(band, tile)) > _AGREEMENT:
            raise RequestError(
                f"{file} is {apart:.3g} pixels away from {files[0]}: bands of a tile need the same "
                "pixels; resample them, or use fewer bands"
            )
    return replace(tile, files=tuple(map(str, files)))


def _read_file(path: Path, hdu: str | None) -> Tile:
    from hubblefork.sky.fits import open_fits, parts_of
    from hubblefork.sky.fits_images import choose_image

    try:
        with trying_again(partial(open_fits, path), path) as hdus:
            part = choose_image(parts_of(hdus), hdu)
            wcs, scale = coordinates_of(hdus[part.number].header, hdus)
        centre, radius = _extent(wcs, scale, part.plane)
    except FitsError as error:
        raise RequestError(f"{path}: {error}") from None
    except TransientFailure:
        raise
    except OSError as error:
        raise RequestError(f"{path} cannot be read: {error.strerror or error}") from error
    # astropy meets damaged headers with errors of almost every kind.
    except Exception as error:
        raise RequestError(
            f"{path} is damaged, or its coordinates make no sense ({first_line(error)})"
        ) from error
    return Tile((str(path),), part.plane, part.bands, wcs, scale, centre, radius)


def coordinates_of(header: Any, hdus: Any = None) -> tuple[str, float]:
    """Return a header's celestial coordinates as `Tile.wcs`, and the width of a pixel in arcsec.

    hdus: the file, for lookup tables. Raises FitsError where there are no such coordinates, and
    whatever astropy raises on those that make no sense.
    """
    from astropy.wcs import WCS
    from astropy.wcs.utils import proj_plane_pixel_area

    sky = WCS(header, hdus)
    if not sky.has_celestial:
        raise FitsError("its header has no celestial coordinates (WCS)")
    if sky.naxis > 2:
        sky = sky.celestial
    if any((sky.cpdis1, sky.cpdis2, sky.det2im1, sky.det2im2)):
        raise FitsError("its coordinates are distorted by lookup tables; resample it first")
    header = sky.to_header(relax=True)  # with distortions by SIP
    cards = header.tostring(sep="\n", endcard=False, padding=False).split("\n")
    text = "\n".join(found[0].rstrip() for found in map(_CARD.match, cards) if found)
    return text, 3600 * float(proj_plane_pixel_area(sky)) ** 0.5


@lru_cache(_MOST_PARSED)
def _parsed(cards: str) -> tuple[Any, Any]:
    """Return the WCS of `Tile.wcs` and its frame; None where that is ICRS."""
    from astropy.coordinates import ICRS
    from astropy.io.fits import Header
    from astropy.wcs import WCS
    from astropy.wcs.utils import wcs_to_celestial_frame

    sky = WCS(Header.fromstring(cards, sep="\n"))
    frame = wcs_to_celestial_frame(sky)
    return sky, None if isinstance(frame, ICRS) else frame


def frame_name(cards: str) -> str:
    """What tells the frame of a tile's coordinates from others.

    Positions in it, by `in_frame`, are good for all tiles with this name.
    """
    return repr(_parsed(cards)[1])


def in_frame(cards: str, ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn positions (N,) in degrees (ICRS) to the longitude and latitude of a tile's frame."""
    frame = _parsed(cards)[1]
    if frame is None or not len(ra):
        return ra, dec
    from astropy.coordinates import SkyCoord

    turned = SkyCoord(ra, dec, unit="deg").transform_to(frame).spherical
    return turned.lon.deg, turned.lat.deg


def to_pixels(
    cards: str, longitude: np.ndarray, latitude: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y (N,) of positions in a tile's own frame, as `Tile.pixels`."""
    sky = _parsed(cards)[0]
    axes = (longitude, latitude) if sky.wcs.lng == 0 else (latitude, longitude)
    x, y = sky.all_world2pix(*axes, 0, quiet=True)
    return x, y


def _positions(cards: str, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    sky, frame = _parsed(cards)
    world = sky.all_pix2world(x, y, 0)
    longitude, latitude = world[sky.wcs.lng], world[sky.wcs.lat]
    if frame is None or not len(longitude):
        return longitude, latitude
    from astropy.coordinates import SkyCoord

    place = SkyCoord(longitude, latitude, unit="deg", frame=frame).icrs
    return place.ra.deg, place.dec.deg


def _extent(cards: str, scale: float, shape: tuple[int, int]) -> tuple[tuple[float, float], float]:
    """Return centre and radius of a tile in degrees, after a look at its pixels all over."""
    height, width = shape
    x, y = (axis.ravel() for axis in np.meshgrid(
        np.linspace(-0.5, width - 0.5, _POINTS), np.linspace(-0.5, height - 0.5, _POINTS)
    ))  # fmt: skip
    # Each with its neighbours to the right and above.
    ra, dec = _positions(cards, np.concatenate([x, x + 1, x]), np.concatenate([y, y, y + 1]))
    middle = len(x) // 2
    if not np.isfinite([ra[middle], dec[middle], scale]).all() or scale <= 0:
        raise FitsError("the coordinates in its header make no sense at its middle")
    here, right, above = np.split(directions(ra, dec), 3)
    area = np.linalg.norm(np.cross(right - here, above - here), axis=1)
    scales = arcsec_of(np.sqrt(area[area > 0]))
    worst = scales[np.abs(np.log(scales / scale)).argmax()]
    if abs(worst / scale - 1) > _DISTORTION:
        raise FitsError(
            f"its pixels are {scale:.3g} arcsec wide at the reference point of its "
            f"coordinates and {worst:.3g} elsewhere in it; cut-outs of a size in arcsec need equal "
            "pixels: resample it, in parts, to a projection such as TAN"
        )
    radius = 180.0
    if np.isfinite(here).all():
        reach = arcsec_of(np.linalg.norm(here - here[middle], axis=1).max()) / 3600
        # The farthest point of an edge may lie between those that were looked at.
        radius = min(180.0, 1.05 * float(reach))
    return (float(ra[middle]), float(dec[middle])), radius


def _disagreement(band: Tile, tile: Tile) -> float:
    """How far, in pixels, places of a tile are at most from the same in one of its bands."""
    height, width = tile.shape
    x, y = np.array([0, width - 1, 0, width - 1]), np.array([0, 0, height - 1, height - 1])
    other = np.array(band.pixels(*tile.positions(x, y)))
    return float(np.nan_to_num(np.abs(other - [x, y]), nan=np.inf).max())
