"""From telescope counts to bytes: arcsinh scaling between percentiles, and Lupton's colours.

FITS files and arrays of floats contain counts of any unit and range. The defaults were chosen with
SDSS images of galaxies: faint arms are visible, the sky is nearly black, and an image of empty sky
stays dark.
"""

from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from hubblefork.core.errors import RequestError

# Median absolute deviation of a normal distribution, as a fraction of its standard deviation.
_MAD = 0.6745


@dataclass(frozen=True)
class Stretch:
    """Parameters of the conversion from counts to bytes.

    low, high: percentiles, 0 to 100, of the finite counts of an image. The lower becomes black,
        for each band separately, because the sky differs between bands. The higher becomes white.
    noise: white is at least this many times the noise of a pixel above black, so that an empty
        sky stays dark; 0: white is the percentile alone.
    softening: the larger, the brighter faint structures become (Lupton's Q); above 0.
    lupton: whether three bands are combined to a colour image by the method of Lupton et al.;
        otherwise each band is scaled separately.
    bands: the bands that are used, counted from 0, in this order; for colour red, green, blue.
        None: all bands, and three bands of FITS files in reverse order.
    balance: factors for the red, green and blue counts of a colour image.
    limits: the counts that become black and white in every image, instead of percentiles and
        noise, so that the brightness of different images can be compared.

    Raises RequestError for a value out of its range.

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
    """The requested bands of (H, W, bands) counts, in the requested order.

    blue_first: whether the bands are in order of increasing wavelength, as those of a survey are
        (g, r, i); three of them then become red, green, blue, unless another order is requested.

    Raises ValueError, with a reason for people, for a band that does not exist.

    >>> choose_bands(np.array([[[4.0, 5.0, 6.0]]]), Stretch(), blue_first=True)
    array([[[6., 5., 4.]]])
    """
    found = counts.shape[2]
    if stretch.bands is None:
        return counts[..., ::-1] if blue_first and found == 3 else counts
    if max(stretch.bands) >= found:
        raise ValueError(f"it has {found} bands, but band {max(stretch.bands)} is requested")
    return counts[..., list(stretch.bands)]


def to_bytes(counts: np.ndarray, stretch: Stretch) -> np.ndarray:
    """Scale the counts (H, W, bands) of one image to bytes of the same shape.

    Three bands, in the order red, green, blue, become a colour image by the method of Lupton et
    al. 2004, PASP 116, 133: arcsinh is applied to the brightness, and the ratios of the bands are
    preserved. Any other number of bands are scaled separately, because they often come from
    different instruments, in different units. Where a count is not finite, the byte is 0.

    >>> to_bytes(np.linspace(-1, 5000, 64).reshape(8, 8, 1), Stretch()).ravel()[[0, 9, 25, 63]]
    array([  0,   0, 103, 255], dtype=uint8)
    """
    # The bands are the first axis, so that operations are on contiguous rows of one band.
    light = np.array(np.moveaxis(counts, 2, 0), np.float32, order="C")
    known = np.isfinite(light)
    # The differences of extreme counts can be larger than the largest float.
    with np.errstate(over="ignore", invalid="ignore"):
        if len(light) == 3 and stretch.lupton:
            light *= np.array(stretch.balance, np.float32)[:, None, None]
            _subtract_black(light, known, stretch)
            _join(light, known, stretch)
        else:
            _subtract_black(light, known, stretch)
            for band, inside in zip(light, known, strict=True):
                band /= _white(band, inside, stretch)
                band[:] = _arcsinh(band.clip(0, 1), stretch)
    light[~known] = 0
    scaled = np.nan_to_num(light * 255).round().astype(np.uint8)
    return np.ascontiguousarray(np.moveaxis(scaled, 0, 2))


def _subtract_black(light: np.ndarray, known: np.ndarray, stretch: Stretch) -> None:
    """Subtract black from each band (bands, H, W), in place; unknown counts become black."""
    for band, inside in zip(light, known, strict=True):
        if stretch.limits is not None:
            band -= stretch.limits[0]
        elif inside.any():
            band -= np.percentile(band[inside], stretch.low)
        band[~inside] = 0


def _white(light: np.ndarray, known: np.ndarray, stretch: Stretch) -> float:
    """Return the count above black, of one band or of the brightness (H, W), that is white.

    Infinity where no count is above black: counts have any unit, so that there is no default.
    """
    if stretch.limits is not None:
        return stretch.limits[1] - stretch.limits[0]
    if not known.any():
        return np.inf
    white = float(np.percentile(light[known], stretch.high))
    # The second difference of neighbouring pixels is mostly noise. For independent noise its
    # standard deviation is that of the noise times the square root of 6.
    second = np.diff(light, n=2, axis=1)[known[:, 2:] & known[:, 1:-1] & known[:, :-2]]
    if second.size:
        noise = float(np.median(np.abs(second))) / _MAD / np.sqrt(6)
        white = max(white, stretch.noise * noise)
    if white > 0:
        return white
    # All light is in the few pixels above the percentile, and there is no noise.
    brightest = float(light[known].max())
    return brightest if brightest > 0 else np.inf


def _join(light: np.ndarray, known: np.ndarray, stretch: Stretch) -> None:
    """Apply arcsinh to the mean of red, green and blue above black (3, H, W), in place."""
    brightness = light.mean(axis=0)
    # An unknown band counts as 0 in the brightness, and does not change the other bands.
    fraction = brightness / _white(brightness, np.logical_or.reduce(known), stretch)
    scale = np.zeros_like(brightness)
    np.divide(_arcsinh(fraction, stretch), brightness, out=scale, where=brightness > 0)
    light *= scale
    light.clip(0, None, out=light)
    # Where one colour is above white, all are reduced, so that the hue is preserved.
    light /= np.maximum(light.max(axis=0), 1)


def _arcsinh(fraction: np.ndarray, stretch: Stretch) -> np.ndarray:
    """Return the scaled arcsinh of a fraction of white; 0 stays 0 and 1 stays 1."""
    return np.arcsinh(stretch.softening * fraction) / np.arcsinh(stretch.softening)
