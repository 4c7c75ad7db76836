"""The figures that are drawn from numbers: curves, confusion matrix, counts and shares."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hubblefork.core.text import percent, whole_percent
from hubblefork.report.run_data import Material
from hubblefork.report.style import (
    GRID,
    INK,
    MUTED,
    PART_COLOURS,
    PART_NAMES,
    SHADES,
    WEDGES,
    styled,
    wrapped,
)

# The wedge of all classes beyond those that have a colour of their own.
_OTHERS = "#9aa5b1"

# A wedge below this share has no room for its percentage.
_ROOM = 0.06

# Above so many classes a cell of the confusion matrix has no room for its numbers.
_MOST_WITH_NUMBERS = 40

# Up to so many, the names of the columns have room for two lines, aslant.
_MOST_ASLANT = 12


def curves(material: Material) -> Figure:
    """Loss, and accuracy or RMSE, of each epoch in training and, where it is, validation."""
    with styled(material.names):
        figure = Figure(figsize=(9.6, 3.5), layout="constrained")
        figure.get_layout_engine().set(wspace=0.06, w_pad=0.08)
        loss, other = figure.subplots(1, 2)
        _curve(loss, material.history, "loss", "{:.3f}".format)
        if material.of_votes:
            _curve(other, material.history, "rmse", "{:.4f}".format)
            other.set_title("RMSE")
        else:
            _curve(other, material.history, "accuracy", percent)
            other.yaxis.set_major_formatter(lambda share, _: f"{100 * share:g} %")
            # One epoch, or epochs that are all alike, would be given room below 0 and above 100 %.
            low, high = other.get_ylim()
            other.set_ylim(max(low, -0.02), min(high, 1.02))
        for axes in (loss, other):
            # Between title and axes stands which epoch is marked.
            axes.set_title(axes.get_title(loc="left"), pad=17)
        return figure


def _curve(axes: Axes, history: pd.DataFrame, quantity: str, shown: Callable[[float], str]) -> None:
    """Draw `quantity` and val_`quantity`, each named with its last value at its end."""
    epochs = history["epoch"].to_numpy()
    lines = {"train": history[quantity], "val": history[f"val_{quantity}"]}
    drawn = {part: line.to_numpy(float) for part, line in lines.items() if line.notna().any()}
    few = len(epochs) <= 30
    for part, values in drawn.items():
        axes.plot(
            epochs,
            values,
            color=PART_COLOURS[part],
            linewidth=1.8,
            linestyle=(0, (4, 1.5)) if part == "train" and "val" in drawn else "-",
            marker=("o" if part == "val" else "s") if few else None,
            markersize=3.2,
        )
    axes.set_title(quantity.capitalize())
    axes.set_xlabel("Epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, min_n_ticks=1))
    axes.grid(axis="y")
    axes.margins(x=0.03, y=0.08)
    if len(epochs) == 1:
        axes.set_xlim(epochs[0] - 1, epochs[0] + 1)
    if quantity == "loss" and _spans_decades(drawn):
        axes.set_yscale("log")
        axes.set_title("Loss (logarithmic scale)")
    if "val" in drawn:
        _mark_lowest_loss(axes, history, drawn["val"])
    _name_ends(axes, drawn, shown)


def _spans_decades(lines: dict[str, np.ndarray]) -> bool:
    values = np.concatenate([line[np.isfinite(line)] for line in lines.values()])
    return values.min() > 0 and values.max() / values.min() > 30


def _mark_lowest_loss(axes: Axes, history: pd.DataFrame, values: np.ndarray) -> None:
    """Ring the epoch whose validation loss is the lowest: after it, a network over-fits."""
    best = int(history["val_loss"].to_numpy(float).argsort()[0])
    epoch = history["epoch"].iloc[best]
    axes.axvline(epoch, color=MUTED, linewidth=0.8, linestyle=(0, (1, 2)), zorder=1)
    axes.plot(
        epoch, values[best], "o", markersize=8, markerfacecolor="none",
        markeredgecolor=PART_COLOURS["val"], markeredgewidth=1.4,
    )  # fmt: skip
    axes.annotate(
        f"lowest validation loss: epoch {epoch:.0f}", (epoch, 1),
        xycoords=("data", "axes fraction"), xytext=(0, 3), textcoords="offset points",
        fontsize=7.5, color=MUTED,
        ha="right" if best >= len(history) / 2 else "left",
    )  # fmt: skip


def _name_ends(axes: Axes, lines: dict[str, np.ndarray], shown: Callable[[float], str]) -> None:
    """Write each line's name and last value to the right of its end, never over one another."""
    axes.autoscale_view()
    places = {}
    for part, values in lines.items():
        last = values[np.isfinite(values)][-1]
        _, height = axes.transAxes.inverted().transform(axes.transData.transform((0, last)))
        places[part] = (last, height)
    if len(places) == 2:
        low, high = sorted(places, key=lambda part: places[part][1])
        # Two lines of text are a seventh of the height of the axes.
        push = max(0.0, 0.15 - (places[high][1] - places[low][1])) / 2
        places[low] = (places[low][0], places[low][1] - push)
        places[high] = (places[high][0], places[high][1] + push)
    for part, (last, height) in places.items():
        axes.annotate(
            f"{PART_NAMES[part]}\n{shown(last)}", (1.02, height), xycoords="axes fraction",
            va="center", fontsize=9, color=PART_COLOURS[part], fontweight="bold",
        )  # fmt: skip


def confusion(material: Material) -> Figure:
    """Which class is taken for which: counts, shaded by their share of the true class."""
    matrix = np.array(material.metrics["confusion_matrix"])
    classes = len(matrix)
    totals = matrix.sum(axis=1)
    shares = matrix / np.maximum(totals, 1)[:, None]
    cell = _cell_size(classes)
    side = cell * classes
    with styled(material.names) as labels:
        figure = Figure(figsize=(side + 3, side + 2))
        # Inches, so that a cell is as large as its letters need; the rest is for the names.
        axes = figure.add_axes(
            (2 / (side + 3), 1.9 / (side + 2), side / (side + 3), side / (side + 2))
        )
        image = axes.imshow(shares, cmap=SHADES, vmin=0, vmax=1)
        if classes <= _MOST_ASLANT:
            names = [wrapped(labels[name], 20, 2) for name in material.names]
            axes.set_xticks(range(classes), names, rotation=40, ha="right", rotation_mode="anchor")
        else:
            names = [wrapped(labels[name], 28, 1) for name in material.names]
            axes.set_xticks(range(classes), names, rotation=90)
        axes.set_yticks(range(classes), names)
        axes.tick_params(length=0, labelsize=min(9.5, max(4, 20 * cell)), labelcolor=INK, pad=4)
        axes.set_xlabel("Predicted class")
        axes.set_ylabel("True class")
        axes.spines[:].set_visible(False)
        if classes <= _MOST_WITH_NUMBERS:
            _fill_cells(axes, matrix, shares, cell)
        tall = min(1, 2.4 / side)
        bar = figure.colorbar(
            image, cax=axes.inset_axes((1 + 0.15 / side, 1 - tall, 0.14 / side, tall))
        )
        bar.ax.yaxis.set_major_formatter(lambda share, _: f"{100 * share:g} %")
        bar.set_ticks([0, 0.25, 0.5, 0.75, 1])
        bar.set_label("Share of the true class", fontsize=8)
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


def _fill_cells(axes: Axes, matrix: np.ndarray, shares: np.ndarray, cell: float) -> None:
    """Write share and count into each cell that is not empty, and lines between cells."""
    edges = np.arange(len(matrix) + 1) - 0.5
    axes.set_xticks(edges, minor=True)
    axes.set_yticks(edges, minor=True)
    axes.grid(which="minor", color="white", linewidth=min(1.5, 2.5 * cell))
    axes.tick_params(which="minor", length=0)
    large, small = min(11, 14 * cell), min(9, 11.5 * cell)
    # Text that lies within the matrix (in_layout=False) need not be measured to find the margins.
    for row in np.flatnonzero(matrix.sum(axis=1) == 0):
        axes.text(
            -0.4, row, "none in the test set", va="center", fontsize=small, color=MUTED,
            style="italic",
        )  # fmt: skip
    for row, column in np.argwhere(matrix):
        share, count = shares[row, column], matrix[row, column]
        colour = "white" if share > 0.5 else INK
        axes.text(
            column, row - 0.02, whole_percent(share), ha="center", va="bottom", fontsize=large,
            fontweight="bold", color=colour, in_layout=False,
        )  # fmt: skip
        axes.text(
            column, row + 0.08, f"{count:,}", ha="center", va="top", fontsize=small,
            color=colour, in_layout=False,
        )  # fmt: skip


def class_counts(material: Material) -> Figure:
    """How many images each class has, in each part of the split."""
    counts = {
        part: np.array([material.counts[part].get(name, 0) for name in material.names])
        for part in material.parts()
    }
    return count_bars(material.names, counts)


def shares(material: Material) -> Figure:
    """The share of each class among all images of the split."""
    counts = np.array(
        [sum(part.get(name, 0) for part in material.counts.values()) for name in material.names]
    )
    return pie(material.names, counts)


def count_bars(names: tuple[str, ...], parts: Mapping[str, np.ndarray]) -> Figure:
    """How many images (K,) each of the K classes has in each of the parts, or in all."""
    counts = np.column_stack(list(parts.values()))
    totals = counts.sum(axis=1)
    height = 0.38 if len(names) <= 25 else 0.24
    with styled(names) as labels:
        figure = Figure(figsize=(9.6, height * len(names) + 1.0), layout="constrained")
        axes = figure.subplots()
        start = np.zeros(len(names))
        for part, column in zip(parts, counts.T, strict=True):
            # A white seam between the parts, but not where it would hide a few images.
            seams = np.where(column > 0.004 * totals.max(), 0.6, 0)
            colour = PART_COLOURS.get(part, PART_COLOURS["train"])
            axes.barh(
                range(len(names)), column, left=start, height=0.66, color=colour,
                edgecolor="white", linewidth=seams,
                label=f"{PART_NAMES.get(part, part)} ({column.sum():,})",
            )  # fmt: skip
            start += column
        for row, total in enumerate(totals):
            axes.annotate(
                f"{total:,}  ·  {percent(total / totals.sum())}", (total, row), xytext=(5, 0),
                textcoords="offset points", va="center", fontsize=8.5 if height > 0.3 else 7,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
            )  # fmt: skip
        axes.set_yticks(range(len(names)), [wrapped(labels[name], 34, 1) for name in names])
        axes.tick_params(axis="y", length=0, labelcolor=INK, labelsize=9.5 if height > 0.3 else 7)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set_xlim(0, totals.max() * 1.16)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7))
        axes.grid(axis="x", color=GRID)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("Images")
        figure.legend(loc="outside upper left", ncols=len(parts), handlelength=1, handleheight=1)
        return figure


def pie(names: Sequence[str], counts: np.ndarray) -> Figure:
    """The share of each class; beyond seven, the rarest are one wedge."""
    order = np.argsort(-counts, kind="stable")
    shown = order if len(order) <= len(WEDGES) else order[: len(WEDGES) - 1]
    numbers = counts[shown].tolist()
    with styled(tuple(names)) as labels:
        names = [wrapped(labels[names[each]], 26, 2) for each in shown]
        if len(shown) < len(order):
            numbers.append(int(counts.sum() - sum(numbers)))
            names.append(f"{len(order) - len(shown)} others")
        shares = np.array(numbers) / sum(numbers)
        figure = Figure(figsize=(5.8, 2.7))
        axes = figure.add_axes((0.02, 0.02, 0.44, 0.96))
        colours = [*WEDGES[: len(shown)], _OTHERS][: len(numbers)]
        wedges, _ = axes.pie(
            shares, colors=colours, startangle=90, counterclock=False,
            wedgeprops={"edgecolor": "white", "linewidth": 1.5},
        )  # fmt: skip
        for wedge, share in zip(wedges, shares, strict=True):
            if share >= _ROOM:
                angle = np.radians((wedge.theta1 + wedge.theta2) / 2)
                axes.text(
                    0.68 * np.cos(angle), 0.68 * np.sin(angle), percent(share, 0), ha="center",
                    va="center", fontsize=10, fontweight="bold",
                    color="white" if wedge.get_facecolor()[1] < 0.5 else INK,
                )  # fmt: skip
        entries = [
            f"{name}  ·  {percent(share)}" for name, share in zip(names, shares, strict=True)
        ]
        figure.legend(
            wedges, entries, loc="center left", bbox_to_anchor=(0.49, 0.5), fontsize=10,
            labelspacing=0.75, handlelength=1, handleheight=1,
        )  # fmt: skip
        return figure
