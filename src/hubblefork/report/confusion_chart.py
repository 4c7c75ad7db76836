"""The confusion matrix as a figure."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hubblefork.core.text import whole_percent
from hubblefork.report.run_data import RunData
from hubblefork.report.style import INK, MUTED, SHADES, in_percent, styled, wrapped

# Above so many classes a cell has no room for its numbers.
_MOST_WITH_NUMBERS = 40

# Up to so many, the names of the columns have room for two lines, aslant.
_MOST_ASLANT = 12


def confusion(run: RunData) -> Figure:
    """Images of each true and predicted class, shaded by their fraction of the true class."""
    matrix = np.array(run.metrics["confusion_matrix"])
    classes = len(matrix)
    fractions = matrix / np.maximum(matrix.sum(axis=1), 1)[:, None]
    cell = _cell_size(classes)
    side = cell * classes
    with styled(run.task.words.names) as labels:
        figure = Figure(figsize=(side + 3, side + 2))
        # Inches, so that a cell is as large as its letters need; the rest is for the names.
        axes = figure.add_axes(
            (2 / (side + 3), 1.9 / (side + 2), side / (side + 3), side / (side + 2))
        )
        image = axes.imshow(fractions, cmap=SHADES, vmin=0, vmax=1)
        few = classes <= _MOST_ASLANT
        names = [wrapped(each, *((20, 2) if few else (28, 1))) for each in labels.values()]
        aslant = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}
        axes.set_xticks(range(classes), names, **aslant if few else {"rotation": 90})
        axes.set_yticks(range(classes), names)
        axes.tick_params(length=0, labelsize=min(9.5, max(4, 20 * cell)), labelcolor=INK, pad=4)
        axes.set_xlabel("Predicted class")
        axes.set_ylabel("True class")
        axes.spines[:].set_visible(False)
        if classes <= _MOST_WITH_NUMBERS:
            _fill_cells(axes, matrix, fractions, cell)
        tall = min(1, 2.4 / side)
        bar = figure.colorbar(
            image, cax=axes.inset_axes((1 + 0.15 / side, 1 - tall, 0.14 / side, tall))
        )
        in_percent(bar.ax.yaxis)
        bar.set_ticks([0, 0.25, 0.5, 0.75, 1])
        bar.set_label("Fraction of the true class", fontsize=8)
        bar.outline.set_visible(False)
        bar.ax.tick_params(length=0, labelsize=8)
        return figure


def _cell_size(classes: int) -> float:
    """Inches of a cell's side: room for its numbers, or a page for them all."""
    if classes <= _MOST_ASLANT:
        return max(0.68, 2.6 / classes)
    if classes <= 22:
        return 0.52
    return 0.4 if classes <= _MOST_WITH_NUMBERS else 12 / classes


def _fill_cells(axes: Axes, matrix: np.ndarray, fractions: np.ndarray, cell: float) -> None:
    """Write fraction and count into each cell that is not empty, and lines between cells."""
    edges = np.arange(len(matrix) + 1) - 0.5
    axes.set_xticks(edges, minor=True)
    axes.set_yticks(edges, minor=True)
    axes.grid(which="minor", color="white", linewidth=min(1.5, 2.5 * cell))
    axes.tick_params(which="minor", length=0)
    large, small = min(11, 14 * cell), min(9, 11.5 * cell)
    for row in np.flatnonzero(matrix.sum(axis=1) == 0).tolist():
        axes.text(-0.4, row, "none in the test set", va="center", fontsize=small, color=MUTED,
                  style="italic")  # fmt: skip
    for row, column in np.argwhere(matrix):
        fraction, count = fractions[row, column], matrix[row, column]
        # Text that lies within the matrix (in_layout=False) need not be measured for the margins.
        colour = "white" if fraction > 0.5 else INK
        style: dict[str, Any] = {"ha": "center", "color": colour, "in_layout": False}
        axes.text(column, row - 0.02, whole_percent(fraction), va="bottom", fontsize=large,
                  fontweight="bold", **style)  # fmt: skip
        axes.text(column, row + 0.08, f"{count:,}", va="top", fontsize=small, **style)
