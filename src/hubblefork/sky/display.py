"""Counts as people want to look at them: stretched by astropy, in the bands that they choose.

It is for looking only: what a network gets is made by `hubblefork.sky.stretch`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hubblefork.core.errors import RequestError

SCALES = ("asinh", "linear")

# All but the faintest and the brightest counts, which are often no light of the object.
_PERCENTILES = 0.5, 99.5


@dataclass(frozen=True)
class Display:
    """How counts are shown.

    scale: `asinh`, or `linear`. limits: the counts that are black and white: `percentiles`, those
    of 0.5 and 99.5; `zscale`, by the algorithm of IRAF; or `LOW..HIGH`. bands: the one that is
    shown in grey, or three as red, green and blue, counted from 0.

    Raises RequestError for anything else.

    >>> Display(limits="0..high")
    Traceback (most recent call last):
    hubblefork.core.errors.RequestError: limits '0..high': expected zscale, percentiles, or ...
    """

    scale: str = "asinh"
    limits: str = "percentiles"
    bands: Sequence[int] = (0,)

    def __post_init__(self) -> None:
        if self.scale not in SCALES:
            raise RequestError(f"scale {self.scale!r}: expected one of {', '.join(SCALES)}")
        if len(self.bands) not in (1, 3) or min(self.bands) < 0:
            raise RequestError(f"bands {list(self.bands)}: expected one band or three, from 0")
        self.numbers()

    def numbers(self) -> tuple[float, float] | None:
        """The limits where they are numbers."""
        if self.limits in ("zscale", "percentiles"):
            return None
        try:
            low, high = map(float, self.limits.split("..", 1))
        except ValueError:
            low, high = 0.0, 0.0
        if not -np.inf < low < high < np.inf:
            raise RequestError(
                f"limits {self.limits!r}: expected zscale, percentiles, or two counts, of black "
                "and, above it, of white, such as 0..250"
            )
        return low, high


def displayed(counts: np.ndarray, display: Display) -> np.ndarray:
    """Counts (H, W, bands) as (H, W) grey or (H, W, 3) colour, uint8; what is unknown is black.

    Each band has limits of its own where they are not given. Raises RequestError for a band that
    is not there.

    >>> ramp = np.linspace(0, 100, 25).reshape(5, 5, 1)
    >>> displayed(ramp, Display("linear", "0..50"))[0].tolist()
    [0, 21, 42, 64, 85]
    """
    if max(display.bands) >= counts.shape[2]:
        raise RequestError(
            f"band {max(display.bands)} is not there; expected 0 to {counts.shape[2] - 1}"
        )
    shown = [_band(counts[..., band].astype(np.float32), display) for band in display.bands]
    return shown[0] if len(shown) == 1 else np.dstack(shown)


def limits_of(band: np.ndarray, display: Display) -> tuple[float, float]:
    """The counts of a band (H, W) that are black and white; 0 and 1 where none is known."""
    from astropy.visualization import AsymmetricPercentileInterval, ZScaleInterval

    if (given := display.numbers()) is not None:
        return given
    known = band[np.isfinite(band)]
    if not known.size:
        return 0.0, 1.0
    interval = (
        ZScaleInterval() if display.limits == "zscale"
        else AsymmetricPercentileInterval(*_PERCENTILES)
    )  # fmt: skip
    low, high = map(float, interval.get_limits(known))
    return low, high if high > low else low + 1


def _band(band: np.ndarray, display: Display) -> np.ndarray:
    # astropy takes half a second to import, and most sources have no FITS files.
    from astropy.visualization import AsinhStretch, LinearStretch, ManualInterval

    stretch = AsinhStretch() if display.scale == "asinh" else LinearStretch()
    bounded = ManualInterval(*limits_of(band, display))(np.nan_to_num(band, nan=-np.inf), clip=True)
    light = np.where(np.isfinite(band), stretch(bounded, clip=True), 0)
    return (255 * light).round().astype(np.uint8)
