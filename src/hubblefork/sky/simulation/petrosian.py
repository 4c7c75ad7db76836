"""Petrosian radii of a bulge and a disc, as SDSS measures them.

At the Petrosian radius the surface brightness is a fifth of the mean inside it; the Petrosian flux
is that within twice this radius, and r50 and r90 contain 50 % and 90 % of it (Blanton et al. 2001;
Strauss et al. 2002). The cut-outs of Galaxy Zoo are scaled by r90.
"""

import numpy as np
from scipy.special import gamma

# Radii (in scale lengths) and position angles at which profiles are tabulated: steps of 12 % in
# radius give r90 to better than 1 %.
_RADII = np.geomspace(0.03, 25.0, 60).astype(np.float32)
_ANGLES = ((np.arange(8) + 0.5) / 8 * np.pi / 2).astype(np.float32)


def sersic_b(sersic: np.ndarray | float) -> np.ndarray | float:
    """Return b of a Sersic profile exp(-b (r / re)^(1 / n)): (Ciotti & Bertin 1999, eq. 18).

    >>> round(sersic_b(4.0), 2), round(sersic_b(1.0), 2)
    (7.67, 1.68)
    """
    return 2 * sersic - 1 / 3 + 4 / (405 * sersic) + 46 / (25515 * sersic**2)


def sersic_centre(sersic: np.ndarray | float, size: np.ndarray | float) -> np.ndarray | float:
    """Return the central brightness of a round Sersic profile of flux 1, effective radius `size`.

    >>> round(float(sersic_centre(1.0, 1.678)) * 2 * np.pi, 2)  # an exponential disc of length 1
    1.0
    """
    b = sersic_b(sersic)
    return b ** (2 * sersic) / (2 * np.pi * sersic * size**2 * gamma(2 * sersic))


def petrosian_radii(
    bulge_fraction: np.ndarray,
    bulge_sersic: np.ndarray,
    bulge_size: np.ndarray,
    bulge_axis_ratio: np.ndarray,
    disc_axis_ratio: np.ndarray,
    truncation: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return r50 and r90, each (N,), in units of the disc's scale length, without seeing.

    All arguments are (N,). The bulge is a Sersic profile, the disc exponential, with half the scale
    length beyond `truncation`; both are ellipses.
    """
    profile = np.zeros((len(bulge_fraction), len(_RADII)), dtype=np.float32)
    for angle in _ANGLES:
        bulge = _elliptic_radius(bulge_axis_ratio, angle) / _column(bulge_size)
        bulge = np.exp(-_column(sersic_b(bulge_sersic)) * bulge ** _column(1 / bulge_sersic))
        centre = bulge_fraction * sersic_centre(bulge_sersic, bulge_size) / bulge_axis_ratio
        radius = _elliptic_radius(disc_axis_ratio, angle)
        disc = np.exp(-radius - np.maximum(radius - _column(truncation), 0))
        disc_centre = (1 - bulge_fraction) / (2 * np.pi * disc_axis_ratio)
        profile += _column(centre) * bulge + _column(disc_centre) * disc
    profile /= len(_ANGLES)

    # On a logarithmic grid the flux in a ring is 2 pi r^2 I d(ln r).
    rings = 2 * np.pi * _RADII**2 * profile * np.log(_RADII[1] / _RADII[0])
    inside = np.cumsum(rings, axis=1) - 0.5 * rings + np.pi * _RADII[0] ** 2 * profile[:, :1]
    ratio = profile * np.pi * _RADII**2 / inside
    petrosian = _crossing(-ratio, np.full(len(ratio), -0.2, dtype=np.float32), start=10)
    flux = _at(inside, 2 * petrosian)
    return _crossing(inside, 0.5 * flux), _crossing(inside, 0.9 * flux)


def _column(values: np.ndarray | float) -> np.ndarray:
    return np.asarray(values, dtype=np.float32)[:, None]


def _elliptic_radius(axis_ratio: np.ndarray, angle: float) -> np.ndarray:
    """Return (N, radii): the semi-major axis of the ellipse through each radius at `angle`."""
    return _RADII * np.hypot(np.cos(angle), np.sin(angle) / _column(axis_ratio))


def _crossing(values: np.ndarray, level: np.ndarray, start: int = 0) -> np.ndarray:
    """Return the radius (N,) where rising `values` (N, radii) first reach `level` (N,)."""
    above = values[:, start:] >= level[:, None]
    after = np.clip(above.argmax(axis=1) + start, 1, None)
    rows = np.arange(len(values))
    low, high = values[rows, after - 1], values[rows, after]
    part = np.clip((level - low) / np.maximum(high - low, 1e-12), 0, 1)
    return _RADII[after - 1] * (_RADII[after] / _RADII[after - 1]) ** part


def _at(values: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Return `values` (N, radii) at each `radius` (N,)."""
    place = np.log(radius / _RADII[0]) / np.log(_RADII[1] / _RADII[0])
    before = np.clip(place.astype(int), 0, len(_RADII) - 2)
    part = np.clip(place - before, 0, 1)
    rows = np.arange(len(values))
    return values[rows, before] * (1 - part) + values[rows, before + 1] * part
