"""Images near one another on the sky: how near, which, and where positions tell nothing."""

import numpy as np
import pandas as pd

from hubblefork.core.errors import RequestError
from hubblefork.sky.directions import angle_text, arcsec_of, chord, directions, tree_of

# Where the scale of the cut-outs is not known: about half of one of Galaxy10 DECaLS (256 pixels of
# 0.262 arcsec), so that each has the other's centre in it. Too far, and images are tied that need
# not be, which is told; too near, and a test set holds training images, which nobody sees.
UNKNOWN_SCALE_ARCSEC = 36.0

# Columns with the width of a pixel in arcsec; packing adds the first from headers of FITS files.
SCALES = ("pxscale", "pixscale", "pixel_scale")

# In arcsec. A header that says more has the scale left out, which then is a degree a pixel.
_LARGEST_CUTOUT = 7200.0

# A position that so many images share, and more than half of all, is that of a larger image.
_MANY = 10

# Pairs that are held in memory, 16 bytes each and as many again while they are connected.
_MOST_PAIRS = 20_000_000


def default_radius(table: pd.DataFrame) -> float:
    """Return the distance in arcsec within which cut-outs overlap: half the width of the median
    one, or 36 where their scale is not known.

    >>> default_radius(pd.DataFrame({"pxscale": [0.03] * 3, "width": 48, "height": 48}))
    0.72
    """
    scale = next((table[each] for each in SCALES if each in table), None)
    if scale is not None and "width" in table:
        sides = pd.to_numeric(scale, errors="coerce") * table[["width", "height"]].min(axis=1)
        sides = sides[(sides > 0) & (sides < _LARGEST_CUTOUT)]
        if len(sides):
            return float(f"{sides.median() / 2:.3g}")
    return UNKNOWN_SCALE_ARCSEC


def common_position(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """Return the rows of most images, where these have one position to the last digit.

    Cut-outs have it that kept the header of the image that they were cut from.

    >>> common_position(np.array([5.0] * 12 + [6.0]), np.zeros(13))
    array([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11])
    """
    known = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec))
    place = np.round(np.column_stack([ra, dec])[known], 7)
    _, which, count = np.unique(place, axis=0, return_inverse=True, return_counts=True)
    if not len(known) or count.max() < max(_MANY, len(known) / 2 + 0.5):
        return known[:0]
    return known[which.ravel() == count.argmax()]


def pairs_within(ra: np.ndarray, dec: np.ndarray, arcsec: float) -> np.ndarray:
    """Return pairs of rows (n, 2) that connect all positions within this distance of another.

    ra, dec: (N,) in degrees, NaN where not known. Raises RequestError where there are too many.
    """
    known = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec))
    if not len(known):
        return np.empty((0, 2), np.int64)
    # Equal positions are connected to the first of them, not each to each.
    unit, first, which = np.unique(
        directions(ra[known], dec[known]), axis=0, return_index=True, return_inverse=True
    )
    tree = tree_of(unit)
    reach = chord(arcsec)
    pairs = (tree.count_neighbors(tree, reach) - len(unit)) // 2
    if pairs > _MOST_PAIRS:
        raise RequestError(
            f"{pairs:,} pairs of sky positions are within {arcsec:g} arcsec, too many: "
            "--set split.sky_radius gives a smaller distance, in arcsec, or 0 for none"
        )
    near = first[tree.query_pairs(reach, output_type="ndarray")].reshape(-1, 2)
    same = np.column_stack([first[which.ravel()], np.arange(len(known))])
    return known[np.concatenate([near, same[same[:, 0] != same[:, 1]]])]


def near_to(
    ra: np.ndarray, dec: np.ndarray, other_ra: np.ndarray, other_dec: np.ndarray, arcsec: float
) -> np.ndarray:
    """Return which positions (N,) are within a distance of one of the others (M,).

    >>> near_to(np.array([359.999, 5]), np.zeros(2), np.array([0.001]), np.zeros(1), 36)
    array([ True, False])
    """
    near = np.isfinite(ra) & np.isfinite(dec)
    known = np.isfinite(other_ra) & np.isfinite(other_dec)
    tree = tree_of(directions(other_ra[known], other_dec[known]))
    near[near] = tree.query(directions(ra[near], dec[near]))[0] <= chord(arcsec)
    return near


def extent(ra: np.ndarray, dec: np.ndarray) -> str:
    """How far apart the outermost of these positions are, in words.

    It is measured from the position that is farthest from the first.

    >>> extent(np.array([359.9, 0.0, 0.1]), np.array([0.0, 0.0, 0.0]))
    '12 arcmin'
    """
    known = np.isfinite(ra) & np.isfinite(dec)
    unit = directions(ra[known], dec[known])
    outer = unit[np.linalg.norm(unit - unit[0], axis=1).argmax()]
    return angle_text(float(arcsec_of(np.linalg.norm(unit - outer, axis=1).max())))
