"""Maps drawn over the images that they belong to."""

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from scipy.ndimage import binary_erosion

from hubblefork.report.style import INK, styled

# Inches of an image's side and of what is around it.
_SIDE, _GAP, _HEAD = 1.9, 0.08, 0.34

# How much of an image a map hides where it is strongest: what lies below must still be seen.
_OPAQUE = 0.65

# Pixels of the side of a covered image: small ones are enlarged, so that the map is smooth.
_PIXELS = 256


def draw_overlays(rows: Sequence[tuple[np.ndarray, np.ndarray, str]]) -> Figure:
    """Draw each image (H, W) or (H, W, 3), and beside it the same below its map, with a title.

    The maps (H, W) go from 0, clear, to 1, bright. An outline holds the places above one half.
    """
    height = len(rows) * (_SIDE + _HEAD + _GAP) + _GAP
    width = 2 * (_SIDE + _GAP) + _GAP
    with styled(()):
        figure = Figure(figsize=(width, height))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        for place, (image, map_, title) in enumerate(rows):
            top = place * (_SIDE + _HEAD + _GAP)
            axes.text(_GAP, top + _HEAD / 2, title, va="center", fontsize=8.5, color=INK)
            for column in range(2):
                left = _GAP + column * (_SIDE + _GAP)
                extent = (left, left + _SIDE, top + _HEAD + _SIDE, top + _HEAD)
                axes.imshow(image, "gray", vmin=0, vmax=255, extent=extent, interpolation="lanczos")
            _cover(axes, map_, extent)
        axes.set(xlim=(0, width), ylim=(height, 0), aspect="auto")
    return figure


def covered(image: np.ndarray, map_: np.ndarray) -> np.ndarray:
    """The image below its map, as bytes (256, 256, 3) for a page.

    Takes what `draw_overlays` takes, and shows the same.

    >>> covered(np.zeros((32, 32), np.uint8), np.zeros((32, 32))).max()
    np.uint8(0)
    """
    size = (_PIXELS, _PIXELS)
    below = Image.fromarray(image).convert("RGB").resize(size, Image.Resampling.LANCZOS)
    wide = Image.fromarray(map_.astype(np.float32)).resize(size, Image.Resampling.BILINEAR)
    values = np.clip(wide, 0, 1)
    weight = _OPAQUE * values[..., None]
    mixed = (1 - weight) * np.asarray(below) + weight * 255 * colormaps["inferno"](values)[..., :3]
    inside = values > 0.5
    mixed[inside & ~binary_erosion(inside, iterations=2)] = 255
    return mixed.round().astype(np.uint8)


def _cover(axes: Axes, map_: np.ndarray, extent: tuple[float, float, float, float]) -> None:
    axes.imshow(
        map_, "inferno", vmin=0, vmax=1, alpha=_OPAQUE * map_, extent=extent,
        interpolation="bilinear",
    )  # fmt: skip
    if map_.max() > 0.5:
        left, right, bottom, top = extent
        height, width = map_.shape
        across = left + (np.arange(width) + 0.5) / width * (right - left)
        down = top + (np.arange(height) + 0.5) / height * (bottom - top)
        axes.contour(across, down, map_, [0.5], colors="white", linewidths=0.9)
