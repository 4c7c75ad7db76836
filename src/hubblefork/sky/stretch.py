"""Telescope counts become bytes: arcsinh scaling between percentiles, and Lupton's colours.

FITS files and arrays of floats hold counts of any unit and range. The defaults were chosen by
looking at galaxies as the Sloan survey takes them: faint arms are seen, the sky is nearly black,
and an image with nothing but sky stays dark.
"""

from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from hubblefork.core.errors import RequestError

# The median absolute deviation of normal numbers is this part of their standard deviation.
_MAD = 0.6745


@dataclass(frozen=True)
class Stretch:
    """How the counts of an image become bytes.

    low, high: percentiles, 0 to 100, of the finite counts of an image. The lower becomes black,
        in each band by itself, since the sky differs from band to band. The higher becomes white.
    noise: white is at least this many times the noise of a pixel above black, so that an empty
        sky stays dark; 0 leaves white to the percentile.
    softening: how much faint light is raised over bright light (Lupton's Q); above 0.
    lupton: whether three bands are joined to one colour image; otherwise each band is scaled by
        itself.
    bands: which bands are kept, in which order, counted from 0; for colour red, green, blue. None
        keeps all, and three bands of FITS files as the last, the middle and the first.
    balance: what the red, green and blue counts of a colour image are multiplied by.
    limits: the counts that become black and white in every image, in the place of percentiles
        and noise; the brightness of one image can then be compared with that of another.

    Raises RequestError where a value is out of its range.

    >>> Stretch(bands=[2, 1, 0]).bands
    (2, 1, 0)
    """

    low: float = 30.0
    high: float = 99.8
    noise: float = 80.0
    softening: float = 12.0
    lupton: bool = True
    bands: tuple[int, ...] | None = None
    balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    limits: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        for name in ("bands", "balance", "limits"):  # JSON and TOML know lists only
            if isinstance(getattr(self, name), list):
                object.__setattr__(self, name, tuple(getattr(self, name)))
        bands, balance, limits = self.bands, self.balance, self.limits
        if not 0 <= self.low < self.high <= 100:
            _refuse(f"low {self.low:g}, high {self.high:g}", "0 <= low < high <= 100")
        if not 0 <= self.noise < np.inf:
            _refuse(f"noise {self.noise:g}", "0 or more")
        if not 0 < self.softening < np.inf:
            _refuse(f"softening {self.softening:g}", "a number above 0")
        if bands is not None and not (bands and min(bands) >= 0):
            _refuse(f"bands {list(bands)}", "one band or more, counted from 0")
        if len(balance) != 3 or not all(0 < each < np.inf for each in balance):
            _refuse(f"balance {list(balance)}", "three numbers above 0: of red, green and blue")
        if limits is not None and not (
            len(limits) == 2 and -np.inf < limits[0] < limits[1] < np.inf
        ):
            _refuse(f"limits {list(limits)}", "two counts: of black and, above it, of white")


def _refuse(given: str, expected: str) -> NoReturn:
    raise RequestError(f"stretch: {given} was given; expected {expected}")


def choose_bands(counts: np.ndarray, stretch: Stretch, blue_first: bool) -> np.ndarray:
    """Keep the bands of (H, W, bands) counts that are asked for, in that order.

    blue_first: whether bands come by increasing wavelength, as those of a survey do (g, r, i);
        three of them then become red, green, blue, unless an order is asked for.

    Raises ValueError, with a reason in plain words, for a band that is not there.

    >>> choose_bands(np.array([[[4.0, 5.0, 6.0]]]), Stretch(), blue_first=True)
    array([[[6., 5., 4.]]])
    """
    found = counts.shape[2]
    if stretch.bands is None:
        return counts[..., ::-1] if blue_first and found == 3 else counts
    if max(stretch.bands) >= found:
        raise ValueError(f"it has {found} bands, and band {max(stretch.bands)} is asked for")
    return counts[..., list(stretch.bands)]


def to_bytes(counts: np.ndarray, stretch: Stretch) -> np.ndarray:
    """Scale the counts (H, W, bands) of one image to bytes of the same shape.

    Three bands stand in the order red, green, blue, and become one image by the method of
    Lupton et al. 2004, PASP 116, 133: brightness goes through arcsinh, the ratios of the bands
    are kept. Bands of another number are each scaled by themselves, since they often come from
    different instruments and in different units. Where a count is not finite, the byte is 0.

    >>> to_bytes(np.linspace(-1, 5000, 64).reshape(8, 8, 1), Stretch()).ravel()[[0, 9, 25, 63]]
    array([  0,   0, 103, 255], dtype=uint8)
    """
    # With the bands in front, work goes along whole rows of one band.
    light = np.array(np.moveaxis(counts, 2, 0), np.float32, order="C")
    known = np.isfinite(light)
    # A hostile file has counts whose differences are beyond the largest float.
    with np.errstate(over="ignore", invalid="ignore"):
        if len(light) == 3 and stretch.lupton:
            light *= np.array(stretch.balance, np.float32)[:, None, None]
            _subtract_black(light, known, stretch)
            _join(light, known, stretch)
        else:
            _subtract_black(light, known, stretch)
            for band, inside in zip(light, known, strict=True):
                band /= _white(band, inside, stretch)
                band[:] = _raised(band.clip(0, 1), stretch)
    light[~known] = 0
    scaled = np.nan_to_num(light * 255).round().astype(np.uint8)
    return np.ascontiguousarray(np.moveaxis(scaled, 0, 2))


def _subtract_black(light: np.ndarray, known: np.ndarray, stretch: Stretch) -> None:
    """Let each band (bands, H, W) begin at black, in place; what is not known becomes black."""
    for band, inside in zip(light, known, strict=True):
        if stretch.limits is not None:
            band -= stretch.limits[0]
        elif inside.any():
            band -= np.percentile(band[inside], stretch.low)
        band[~inside] = 0


def _white(light: np.ndarray, known: np.ndarray, stretch: Stretch) -> float:
    """Return the count above black, of one band or of the brightness (H, W), that is white.

    Infinity where no count is above black: counts have any unit, so that no number can stand in.
    """
    if stretch.limits is not None:
        return stretch.limits[1] - stretch.limits[0]
    if not known.any():
        return np.inf
    white = float(np.percentile(light[known], stretch.high))
    # Light hardly bends within three pixels, so that what bends is mostly noise. Of independent
    # noise this difference has the square root of 6 times the deviation.
    bends = np.diff(light, n=2, axis=1)[known[:, 2:] & known[:, 1:-1] & known[:, :-2]]
    if bends.size:
        noise = float(np.median(np.abs(bends))) / _MAD / np.sqrt(6)
        white = max(white, stretch.noise * noise)
    if white > 0:
        return white
    # All light is in fewer pixels than the percentile leaves out, and there is no noise.
    brightest = float(light[known].max())
    return brightest if brightest > 0 else np.inf


def _join(light: np.ndarray, known: np.ndarray, stretch: Stretch) -> None:
    """Scale red, green and blue above black (3, H, W) by what arcsinh makes of their mean."""
    brightness = light.mean(axis=0)
    # A band that is not known adds nothing to the light, and takes nothing from the others.
    share = brightness / _white(brightness, np.logical_or.reduce(known), stretch)
    scale = np.zeros_like(brightness)
    np.divide(_raised(share, stretch), brightness, out=scale, where=brightness > 0)
    light *= scale
    light.clip(0, None, out=light)
    # Where one colour is beyond white all are lowered, so that the hue stays.
    light /= np.maximum(light.max(axis=0), 1)


def _raised(share: np.ndarray, stretch: Stretch) -> np.ndarray:
    """Return the arcsinh of a share of white; 0 stays 0 and 1 stays 1."""
    return np.arcsinh(stretch.softening * share) / np.arcsinh(stretch.softening)
