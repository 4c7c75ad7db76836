"""The figure of an embedding: a point for each image, and the same in thumbnails."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hubblefork.explanation.embedding import CELLS, METHODS, Embedding
from hubblefork.report.figures import Chart, sheet_png
from hubblefork.report.style import (
    INK,
    MUTED,
    NARROW,
    SMALL,
    WEDGES,
    is_narrow,
    styled,
    wrapped,
)

# Inches.
_SIDE = 5.2

# With the colours, these tell 28 classes apart.
_MARKERS = "osD^"


@dataclass(frozen=True, eq=False)
class EmbeddingChart(Chart):
    """The points for a page, which has thumbnails of its own; both for a file."""

    found: Embedding
    images: Mapping[int, np.ndarray]

    def png(self) -> bytes:
        return sheet_png(draw_embedding(self.found, self.images))


def cells(found: Embedding, images: Mapping[int, np.ndarray]) -> list[np.ndarray | None]:
    """The image of each cell, row by row from the top; images: as `draw_embedding` takes them."""
    grid: list[np.ndarray | None] = [None] * CELLS**2
    for index in found.representatives():
        x, y = np.minimum((found.positions[index] * CELLS).astype(int), CELLS - 1)
        grid[(CELLS - 1 - y) * CELLS + x] = images[int(found.rows[index])]
    return grid


# More points than this would make a page large; drawn as an image, they have one set of colours.
_MOST_SHAPES = 500


def draw_embedding(found: Embedding, images: Mapping[int, np.ndarray] | None = None) -> Figure:
    """The points by class and, with images, one thumbnail in each occupied cell.

    images: (H, W) or (H, W, 3) uint8 by the numbers `rows[representatives()]`.
    """
    panels = 2 if images else 1
    with styled(found.names) as labels:
        side = NARROW if is_narrow() else _SIDE
        legend = 0.2 * len(found.names) / (1 if is_narrow() else 2 * panels) + 0.5
        figure = Figure(figsize=(panels * (side + 0.1), side + legend), layout="constrained")
        axes = figure.subplots(1, panels, squeeze=False)[0]
        _points(axes[0], found, labels)
        if images:
            _thumbnails(axes[1], found, images)
        across = 1 if is_narrow() else 2 * panels
        figure.legend(loc="outside lower center", ncols=across, fontsize=SMALL)
    return figure


def _points(axes: Axes, found: Embedding, labels: Mapping[str, str]) -> None:
    # The most common class first, so that rare ones lie on top; those beyond the markers are grey.
    order = np.argsort(-np.bincount(found.labels, minlength=len(found.names)), kind="stable")
    most = len(WEDGES) * len(_MARKERS)
    size = np.clip(8_000 / len(found.positions), 9, 36)  # fewer points can be larger
    for rank, label in enumerate(order):
        points = found.positions[found.labels == label]
        if len(points):
            rare = rank >= most - 1 and len(order) > most
            axes.scatter(
                points[:, 0], points[:, 1], s=size, linewidths=0, alpha=0.8,
                rasterized=len(found.positions) > _MOST_SHAPES,
                marker="o" if rare else _MARKERS[rank // len(WEDGES) % len(_MARKERS)],
                color=MUTED if rare else WEDGES[rank % len(WEDGES)],
                label="" if rare else wrapped(labels[found.names[label]], 30, 1),
            )  # fmt: skip
    _frame(axes, f"{METHODS[found.method]}: each point an image")


def _thumbnails(axes: Axes, found: Embedding, images: Mapping[int, np.ndarray]) -> None:
    half = 0.48 / CELLS
    for index in found.representatives():
        x, y = (np.floor(found.positions[index] * CELLS).clip(0, CELLS - 1) + 0.5) / CELLS
        axes.imshow(
            images[int(found.rows[index])], "gray", vmin=0, vmax=255, aspect="auto",
            extent=(x - half, x + half, y - half, y + half), interpolation="antialiased",
        )  # fmt: skip
    _frame(axes, "one image in each cell")


def _frame(axes: Axes, title: str) -> None:
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xticks=[], yticks=[])
    axes.set_title(title, fontsize=9.5, color=INK, pad=5)
    axes.set_aspect("equal")
