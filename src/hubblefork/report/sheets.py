"""The figures that show images: examples of every class, and predictions right and wrong."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from hubblefork.core.text import percent
from hubblefork.report.example_selection import example_rows, prediction_rows
from hubblefork.report.run_data import Material
from hubblefork.report.style import INK, MUTED, RIGHT, SHEET_DPI, WRONG, styled, wrapped

# Inches: a tile is large enough to judge a galaxy, five across fill a printed page.
TILE = 1.55
_GAP = 0.16
_ACROSS = 5


def examples(material: Material) -> Figure:
    """Twenty-five test images with the names of their classes."""
    rows = example_rows(material)
    with styled(material.names) as labels:
        figure, axes = sheet(len(rows), caption=0.36)
        for place, row in enumerate(rows.to_dict("records")):
            left, top = corner(place, caption=0.36)
            show(axes, material.image(row["id"]), left, top)
            axes.text(left, top + TILE + 0.05, wrapped(labels[row["true"]], 24, 2), va="top",
                      fontsize=8.5, linespacing=1.15)  # fmt: skip
        return figure


def predictions(material: Material) -> Figure:
    """Ten test images, each with its actual and its predicted class.

    A right one has a thin solid frame and a tick, a wrong one a thick dashed frame and a cross.
    """
    rows = prediction_rows(material)
    caption = 0.98
    with styled(material.names) as labels:
        figure, axes = sheet(len(rows), caption)
        for place, row in enumerate(rows.to_dict("records")):
            left, top = corner(place, caption)
            right = row["true"] == row["predicted"]
            show(axes, material.image(row["id"]), left, top)
            axes.add_patch(
                Rectangle(
                    (left, top),
                    TILE,
                    TILE,
                    fill=False,
                    edgecolor=RIGHT if right else WRONG,
                    linewidth=1.6 if right else 3,
                    linestyle="-" if right else (0, (3, 1.5)),
                )
            )
            below = top + TILE
            mark = f"{'✓' if right else '✗'} {percent(row['probability'], 0)} sure"
            axes.text(left, below + 0.07, mark, va="top", fontsize=9, fontweight="bold",
                      color=RIGHT if right else WRONG)  # fmt: skip
            for offset, title, name in (
                (0.26, "predicted", row["predicted"]),
                (0.62, "actual", row["true"]),
            ):
                axes.text(left, below + offset, title, va="top", fontsize=6.5, color=MUTED)
                axes.text(left, below + offset + 0.1, wrapped(labels[name], 24, 2), va="top",
                          fontsize=8, color=INK, linespacing=1.05)  # fmt: skip
        return figure


def sheet(number: int, caption: float) -> tuple[Figure, Axes]:
    """An empty sheet whose axes are measured in inches from its upper left corner."""
    across, down = min(number, _ACROSS), -(-number // _ACROSS)
    width = across * (TILE + _GAP) + _GAP
    height = down * (TILE + caption + _GAP) + _GAP
    figure = Figure(figsize=(width, height), dpi=SHEET_DPI)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    return figure, axes


def corner(place: int, caption: float) -> tuple[float, float]:
    """Left and top of a tile, in inches."""
    down, across = divmod(place, _ACROSS)
    return _GAP + across * (TILE + _GAP), _GAP + down * (TILE + caption + _GAP)


def show(axes: Axes, image: np.ndarray, left: float, top: float) -> None:
    """Draw an image in the middle of its tile, whole and in proportion."""
    high, wide = image.shape[:2]
    height, width = TILE * high / max(high, wide), TILE * wide / max(high, wide)
    left, top = left + (TILE - width) / 2, top + (TILE - height) / 2
    # Lanczos enlarges without blocks; a larger image is averaged down by the default.
    enlarged = max(high, wide) < TILE * SHEET_DPI
    axes.imshow(
        image, cmap="gray", vmin=0, vmax=255, aspect="auto",
        extent=(left, left + width, top + height, top),
        interpolation="lanczos" if enlarged else "auto",
    )  # fmt: skip
    # Each image would otherwise set the limits to its own.
    axes.set(xlim=(0, axes.figure.get_figwidth()), ylim=(axes.figure.get_figheight(), 0))
