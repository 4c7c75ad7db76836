"""The mosaics of a survey, from which cut-outs are made at positions of a catalogue.

    mosaics = Mosaics.open("coadds/:size=25.6:bands=g,r,z")
    tiles = mosaics.locate(ra, dec)

`hubblefork.data.images.cutouts` reads the cut-outs. Here only headers are read.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hubblefork.core.errors import RequestError
from hubblefork.core.path_options import check_options, split_options
from hubblefork.core.progress import progress
from hubblefork.core.tries import TransientFailure, trying_again
from hubblefork.sky.directions import arcsec_of, chord, directions, tree_of
from hubblefork.sky.mosaic_files import files_of
from hubblefork.sky.tiles import Tile, frame_name, in_frame, read_tile, to_pixels

_OPTIONS = ("size", "bands", "edges", "hdu")

# A position on the common edge of two tiles belongs to one of them, whatever is rounded; arcsec.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Mosaics:
    """Tiles of a survey, and how cut-outs are made of them.

    hdu: name of the image that is read of files with several, None where each has only one.
    size: side of the cut-outs in arcsec, None where the catalogue has it.
    edges: `unknown`: what is outside of the tile is not known, and black; `leave-out`: a cut-out
        that crosses the edge of its tile is left out.
    """

    tiles: tuple[Tile, ...]
    hdu: str | None = None
    size: float | None = None
    edges: str = "unknown"

    @classmethod
    def open(cls, text: str, hdu: str | None = None) -> "Mosaics":
        """Open `PLACE[:size=ARCSEC][:bands=g,r,z][:edges=unknown|leave-out][:hdu=NAME]`.

        PLACE: a folder of FITS mosaics, one of them, or a table with a column `image` of paths,
            relative to the table's folder; `image_g`, `image_r`... where each band has a file.
        bands: files of a folder whose names differ only in one of these words are one tile, with
            these bands; of a table, the columns that are used. By increasing wavelength.
        hdu: as the option of this name.

        Raises RequestError for what is none of these, and as `read_tile` does.
        """
        place, options = split_options(text)
        check_options(options, _OPTIONS, text)
        edges = options.get("edges", "unknown")
        if edges not in ("unknown", "leave-out"):
            raise RequestError(f"{text}: edges={edges}; expected edges=unknown or edges=leave-out")
        size = _size(options["size"], text) if "size" in options else None
        bands = _bands(options["bands"], text) if "bands" in options else ()
        hdu = options.get("hdu", hdu)
        groups = files_of(Path(place).expanduser().absolute(), bands)
        hdu = _common_hdu(groups, hdu)
        with progress("Reading the headers of mosaics", len(groups), "tiles") as done:
            tiles = []
            for files in groups:
                tiles.append(read_tile(files, hdu))
                done(1)
        _check_alike(tiles)
        return cls(tuple(tiles), hdu, size, edges)

    @property
    def bands(self) -> int:
        """The number of bands of every tile."""
        return self.tiles[0].bands

    def locate(self, ra: ArrayLike, dec: ArrayLike) -> np.ndarray:
        """Return the number of the tile (N,) int32 for each position (N,) in degrees (ICRS).

        Of several that hold a position it is the one whose nearest edge is farthest away, in which
        a cut-out of any size lies deepest. -1 where none holds it, and for what is no position.
        """
        ra, dec = unmasked(ra), unmasked(dec)
        found = np.full(len(ra), -1, np.int32)
        known = np.flatnonzero(are_positions(ra, dec))
        if not len(known):
            return found
        # All at once: turning them, and the tree, cost more than the pixels of each tile.
        turned: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        radius = np.array([tile.radius for tile in self.tiles])
        near = tree_of(directions(ra[known], dec[known])).query_ball_point(
            self._centres(), chord(3600 * radius), return_sorted=True
        )
        deepest = np.full(len(known), -_ROUNDING)
        for number, (tile, rows) in enumerate(zip(self.tiles, near, strict=True)):
            if not rows:
                continue
            frame = frame_name(tile.wcs)
            if frame not in turned:
                turned[frame] = in_frame(tile.wcs, ra[known], dec[known])
            longitude, latitude = turned[frame]
            depth = tile.depth(*to_pixels(tile.wcs, longitude[rows], latitude[rows]))
            better = np.array(rows)[depth > deepest[rows]]
            deepest[better] = depth[depth > deepest[rows]]
            found[known[better]] = number
        return found

    def nearest(self, ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the tiles (N,) whose centres are nearest to positions, and how far, in arcsec."""
        length, tile = tree_of(self._centres()).query(directions(ra, dec))
        return tile, arcsec_of(length)

    def _centres(self) -> np.ndarray:
        return directions(*np.array([tile.centre for tile in self.tiles]).T)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Mosaics":
        """Read what `to_json` wrote."""
        tiles = tuple(
            Tile(**{**tile, **{key: tuple(tile[key]) for key in ("files", "shape", "centre")}})
            for tile in value["tiles"]
        )
        return cls(**{**value, "tiles": tiles})


def unmasked(values: ArrayLike) -> np.ndarray:
    """Return numbers as float64, NaN where they are masked.

    >>> unmasked(np.ma.masked_array([1, 2], [False, True]))
    array([ 1., nan])
    """
    return np.ma.filled(np.ma.asarray(values, np.float64), np.nan)


def are_positions(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """Which are right ascensions of 0 to 360 and declinations of -90 to 90 degrees.

    >>> are_positions(np.array([0.0, 361.0, np.nan]), np.array([-90.0, 0.0, 0.0]))
    array([ True, False, False])
    """
    return (ra >= 0) & (ra <= 360) & (np.abs(dec) <= 90)


def _size(text: str, name: str) -> float:
    try:
        size = float(text)
    except ValueError:
        size = np.nan
    if not 0 < size < np.inf:
        raise RequestError(f"{name}: size={text}; expected the side of cut-outs in arcsec")
    return size


def _bands(text: str, name: str) -> tuple[str, ...]:
    bands = tuple(text.split(","))
    if not all(re.fullmatch("[A-Za-z0-9]+", band) for band in bands) or len(set(bands)) < len(
        bands
    ):
        raise RequestError(
            f"{name}: bands={text}; expected different words, such as bands=g,r,z, by wavelength"
        )
    return bands


def _common_hdu(groups: Sequence[Sequence[Path]], hdu: str | None) -> str | None:
    """Return what the image to read is called in all files, by a look at some of them."""
    from hubblefork.core.sampling import stable_sample
    from hubblefork.sky.fits import open_fits, parts_of
    from hubblefork.sky.fits_images import common_image

    looked = []
    for number in stable_sample(np.arange(len(groups)), 32):
        try:
            with trying_again(partial(open_fits, groups[number][0]), groups[number][0]) as hdus:
                looked.append(parts_of(hdus))
        except TransientFailure:
            raise
        # What is wrong with it is said when its header is read.
        except Exception:
            continue
    return common_image(looked, hdu)


def _check_alike(tiles: Sequence[Tile]) -> None:
    """Refuse tiles of different bands, and two of the same pixels: one may be of weights."""
    bands = Counter(tile.bands for tile in tiles)
    if len(bands) > 1:
        numbers = [number for number, _ in bands.most_common()]
        usual = next(tile for tile in tiles if tile.bands == numbers[0])
        other = next(tile for tile in tiles if tile.bands == numbers[-1])
        raise RequestError(
            f"{other.files[0]} has {other.bands} bands and {usual.files[0]} {usual.bands}: tiles "
            "need the same bands; a table with a column image names those to use"
        )
    seen: dict[tuple[str, tuple[int, int]], Tile] = {}
    for tile in tiles:
        same = seen.setdefault((tile.wcs, tile.shape), tile)
        if same is not tile:
            raise RequestError(
                f"{same.files[0]} and {tile.files[0]} have the same pixels: of different bands, "
                "bands=g,r makes one tile of them; otherwise a table with a column image names "
                "those to use"
            )
