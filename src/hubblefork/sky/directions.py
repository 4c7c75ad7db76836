"""Positions on the sky as unit vectors, and the angles between them."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from scipy.spatial import cKDTree


def directions(ra: ArrayLike, dec: ArrayLike) -> np.ndarray:
    """Return unit vectors (N, 3) of positions (N,) in degrees.

    The meridian at 0 and the poles are places like any other.

    >>> directions([0, 90], [0, 0]).round(6).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """
    a, d = np.radians(ra), np.radians(dec)
    return np.column_stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)])


def tree_of(vectors: np.ndarray) -> "cKDTree":
    """A tree in which neighbours of directions (N, 3) are found fast."""
    from scipy.spatial import cKDTree  # takes a tenth of a second to import

    return cKDTree(vectors)


def chord(arcsec: ArrayLike) -> np.ndarray:
    """The length of the chord between two directions that are this angle apart, up to 180 degrees.

    >>> chord(180 * 3600)
    np.float64(2.0)
    """
    return 2 * np.sin(np.radians(np.divide(arcsec, 3600)) / 2)


def arcsec_of(length: ArrayLike) -> np.ndarray:
    """The angle in arcsec between two directions with a chord of this length: undoes `chord`."""
    return 3600 * np.degrees(2 * np.arcsin(np.minimum(np.divide(length, 2), 1)))


def angle_text(arcsec: float) -> str:
    """An angle in the largest unit in which it is at least 1.

    >>> angle_text(720), angle_text(0.5), angle_text(5400)
    ('12 arcmin', '0.5 arcsec', '1.5 degrees')
    """
    for name, size in (("degrees", 3600), ("arcmin", 60)):
        if arcsec >= size:
            return f"{arcsec / size:.3g} {name}"
    return f"{arcsec:.3g} arcsec"
