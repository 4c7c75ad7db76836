"""Figures of many small square images, each scaled by itself, in groups with a title above."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hubblefork.report.figures import chart_png
from hubblefork.report.style import GRID, INK, MUTED, styled

# Inches: sixteen images fill the width of a printed page, a channel of 60 pixels is clear.
_SIDE, _GAP, _HEAD, _ACROSS = 0.62, 0.05, 0.34, 16


@dataclass(frozen=True, eq=False)
class ImageGroup:
    """Images under one title: maps (H, W) of any values, or uint8 (H, W) and (H, W, 3).

    side: of an image, in inches.
    """

    title: str
    images: Sequence[np.ndarray]
    side: float = _SIDE

    @property
    def across(self) -> int:
        """Images in a row: as many as fill the width of a figure."""
        most = int(_ACROSS * (_SIDE + _GAP) / (self.side + _GAP))
        return min(len(self.images), most)

    @property
    def width(self) -> float:
        return self.across * (self.side + _GAP) + _GAP

    @property
    def height(self) -> float:
        rows = -(-len(self.images) // self.across)
        return _HEAD + rows * (self.side + _GAP) + _GAP


@dataclass(frozen=True, eq=False)
class ImageRows:
    """Groups of images for a file and for a page, where as many stand in a row as there is room.

    encode: makes a PNG file of their figure.
    """

    groups: Sequence[ImageGroup]
    encode: Callable[[Figure], bytes] = chart_png

    def png(self) -> bytes:
        """The bytes of a PNG file."""
        return self.encode(draw_groups(self.groups))


def shown(image: np.ndarray) -> np.ndarray | None:
    """An image or a map of a group as uint8; None for a constant map."""
    if image.dtype == np.uint8:
        return image
    low, high = float(image.min()), float(image.max())
    if low == high:
        return None
    return colormaps["viridis"]((image - low) / (high - low), bytes=True)[..., :3]


def draw_groups(groups: Sequence[ImageGroup]) -> Figure:
    """Draw groups of images below one another.

    Maps are drawn from their lowest to their highest value, uint8 as it is. A constant map is
    crossed out: it does not depend on the image.
    """
    # A narrow figure must still hold its titles.
    width = max(4.2, *(group.width for group in groups))
    height = sum(group.height for group in groups)
    with styled(()):
        figure = Figure(figsize=(width, height))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        top = 0.0
        for group in groups:
            _draw(axes, group, top)
            top += group.height
        axes.set(xlim=(0, width), ylim=(height, 0))
    return figure


def _draw(axes: Axes, group: ImageGroup, top: float) -> None:
    axes.text(_GAP, top + _HEAD / 2, group.title, va="center", fontsize=8.5, color=INK)
    step = group.side + _GAP
    for number, image in enumerate(group.images):
        row, column = divmod(number, group.across)
        left, upper = _GAP + column * step, top + _HEAD + row * step
        extent = (left, left + group.side, upper + group.side, upper)
        if image.dtype == np.uint8:
            axes.imshow(image, "gray", vmin=0, vmax=255, extent=extent, aspect="auto")
        elif image.min() < image.max():
            axes.imshow(image, "viridis", extent=extent, aspect="auto")
        else:
            axes.fill_between(extent[:2], *extent[2:], color=GRID, linewidth=0)
            axes.plot(extent[:2], extent[2:], color=MUTED, linewidth=0.8)
            axes.plot(extent[:2], extent[:1:-1], color=MUTED, linewidth=0.8)
