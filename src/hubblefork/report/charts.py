"""Charts of several pages: learning curves, counts of classes, intervals."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hubblefork.core.text import percent
from hubblefork.report.run_data import RunData
from hubblefork.report.style import (
    BLUE,
    INK,
    MUTED,
    NARROW,
    PAPER,
    SET_COLOURS,
    SET_NAMES,
    SMALL,
    WEDGES,
    beside,
    in_percent,
    is_narrow,
    named_rows,
    panel_axes,
    styled,
    wrapped,
)
from hubblefork.tasks.metric import Metric

# The wedge of all classes beyond those that have a colour of their own.
_OTHERS = "#9aa5b1"

# A wedge below this fraction has no room for its percentage.
_ROOM = 0.06

DASHED = (0, (4, 1.5))

Draw = Callable[[RunData], Figure]


def curves(run: RunData) -> Figure:
    """Loss and training metric of each epoch, on the training and, if any, the validation set."""
    metric = run.task.training_metric
    with styled(()):
        figure, (loss, other) = curve_axes(metric)
        _curve(loss, run.history, "loss", "{:.4f}".format)
        _curve(other, run.history, metric.name, metric.written)
        for axes in (loss, other):
            # Between title and axes stands which epoch is marked.
            axes.set_title(axes.get_title(loc="left"), pad=17)
        if metric.percent:
            # One epoch, or epochs that are all alike, would be given room below 0 and above 100 %.
            low, high = other.get_ylim()
            other.set_ylim(max(low, -0.02), min(high, 1.02))
        return figure


def curve_axes(metric: Metric) -> tuple[Figure, Sequence[Axes]]:
    """A figure with axes for the loss and for a metric, against the epoch."""
    figure, both = panel_axes(2, 9.6, 3.5, 2.6)
    for axes, title in zip(both, ("Loss", metric.title), strict=True):
        axes.set_title(title)
        axes.set_xlabel("Epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, min_n_ticks=1))
        axes.grid(axis="y")
    if metric.percent:
        in_percent(both[1].yaxis)
    return figure, both


def _curve(
    axes: Axes, history: pd.DataFrame, quantity: str, written: Callable[[float], str]
) -> None:
    """Draw `quantity` and val_`quantity`, each named with its last value at its end."""
    epochs = history["epoch"].to_numpy()
    lines = {"train": history[quantity], "val": history[f"val_{quantity}"]}
    drawn = {part: line.to_numpy(float) for part, line in lines.items() if line.notna().any()}
    few = len(epochs) <= 30
    for part, values in drawn.items():
        axes.plot(
            epochs,
            values,
            color=SET_COLOURS[part],
            linewidth=1.8,
            linestyle=DASHED if part == "train" and "val" in drawn else "-",
            marker=("o" if part == "val" else "s") if few else None,
            markersize=3.2,
        )
    axes.margins(x=0.03, y=0.08)
    if len(epochs) == 1:
        axes.set_xlim(epochs[0] - 1, epochs[0] + 1)
        axes.set_xticks(epochs)
    if quantity == "loss" and _spans_decades(drawn):
        axes.set_yscale("log")
        axes.set_title("Loss (logarithmic scale)")
    if "val" in drawn:
        _mark_lowest_loss(axes, history, drawn["val"])
    _name_ends(axes, drawn, written)


def _spans_decades(lines: dict[str, np.ndarray]) -> bool:
    values = np.concatenate([line[np.isfinite(line)] for line in lines.values()])
    return values.min() > 0 and values.max() / values.min() > 30


def _mark_lowest_loss(axes: Axes, history: pd.DataFrame, values: np.ndarray) -> None:
    """Ring the epoch with the lowest validation loss: after it, a network over-fits."""
    best = int(history["val_loss"].to_numpy(float).argsort()[0])
    epoch = history["epoch"].iloc[best]
    axes.axvline(epoch, color=MUTED, linewidth=0.8, linestyle=(0, (1, 2)), zorder=1)
    axes.plot(
        epoch, values[best], "o", markersize=8, markerfacecolor="none",
        markeredgecolor=SET_COLOURS["val"], markeredgewidth=1.4,
    )  # fmt: skip
    axes.annotate(
        f"lowest validation loss: epoch {epoch:.0f}", (epoch, 1),
        xycoords=("data", "axes fraction"), xytext=(0, 3), textcoords="offset points",
        fontsize=SMALL, color=MUTED,
        ha="right" if best >= len(history) / 2 else "left",
    )  # fmt: skip


def _name_ends(axes: Axes, lines: dict[str, np.ndarray], written: Callable[[float], str]) -> None:
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
            f"{SET_NAMES[part].removesuffix(' set')}\n{written(last)}", (1.02, height),
            xycoords="axes fraction", va="center", fontsize=SMALL, color=SET_COLOURS[part],
            fontweight="bold",
        )  # fmt: skip


def whisker(
    axes: Axes,
    row: float,
    value: float,
    interval: Sequence[float],
    colour: str = BLUE,
    marker: str = "o",
    label: str | None = None,
) -> None:
    """A value of a row with its interval."""
    axes.plot(interval, [row, row], color=colour, linewidth=1.6, solid_capstyle="butt")
    axes.plot(value, row, marker, color=colour, markersize=5, label=label, clip_on=False)


def count_bars(names: Sequence[str], sets: Mapping[str, np.ndarray]) -> Figure:
    """How many images (K,) each of the K classes has in each set of a split, or in all."""
    counts = np.column_stack(list(sets.values()))
    totals = counts.sum(axis=1)
    height = 0.38 if len(names) <= 25 or is_narrow() else 0.24
    with styled(tuple(names)) as labels:
        figure, (axes,) = panel_axes(1, 9.6, height * len(names) + 1.0)
        start = np.zeros(len(names))
        for part, column in zip(sets, counts.T, strict=True):
            # A white seam between the sets, but not where it would hide a few images.
            seams = np.where(column > 0.004 * totals.max(), 0.6, 0)
            axes.barh(
                range(len(names)), column, left=start, height=0.66, edgecolor=PAPER,
                color=SET_COLOURS.get(part, BLUE), linewidth=seams,
                label=f"{SET_NAMES.get(part, part)} ({column.sum():,})",
            )  # fmt: skip
            start += column
        for row, total in enumerate(totals):
            part = "" if is_narrow() else f"  ·  {percent(total / totals.sum())}"
            beside(axes, f"{total:,}{part}", total, row, fontsize=SMALL)
        named_rows(axes, [labels[name] for name in names])
        axes.set_xlim(0, totals.max() * (1.3 if is_narrow() else 1.16))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=3 if is_narrow() else 7))
        axes.set_xlabel("Images")
        figure.legend(loc="outside upper left", ncols=1 if is_narrow() else len(sets),
                      handlelength=1, handleheight=1)  # fmt: skip
        return figure


def pie(names: Sequence[str], counts: np.ndarray) -> Figure:
    """The fraction of images in each class; beyond seven, the rarest are one wedge."""
    order = np.argsort(-counts, kind="stable")
    shown = order if len(order) <= len(WEDGES) else order[: len(WEDGES) - 1]
    numbers = counts[shown].tolist()
    with styled(tuple(names)) as labels:
        names = [wrapped(labels[names[each]], 26, 2) for each in shown]
        if len(shown) < len(order):
            numbers.append(int(counts.sum() - sum(numbers)))
            names.append(f"{len(order) - len(shown)} others")
        fractions = np.array(numbers) / sum(numbers)
        slim = is_narrow()
        figure = Figure(figsize=(NARROW, 4.6) if slim else (5.8, 2.7))
        axes = figure.add_axes((0.1, 0.5, 0.8, 0.48) if slim else (0.02, 0.02, 0.44, 0.96))
        colours = [*WEDGES[: len(shown)], _OTHERS][: len(numbers)]
        wedges, _ = axes.pie(
            fractions, colors=colours, startangle=90, counterclock=False,
            wedgeprops={"edgecolor": PAPER, "linewidth": 1.5},
        )  # fmt: skip
        for wedge, fraction in zip(wedges, fractions, strict=True):
            if fraction >= _ROOM:
                angle = np.radians((wedge.theta1 + wedge.theta2) / 2)
                axes.text(
                    0.68 * np.cos(angle), 0.68 * np.sin(angle), percent(fraction, 0), ha="center",
                    va="center", fontsize=10, fontweight="bold",
                    color=PAPER if wedge.get_facecolor()[1] < 0.5 else INK,
                )  # fmt: skip
        entries = [
            f"{name}  ·  {percent(fraction)}"
            for name, fraction in zip(names, fractions, strict=True)
        ]
        figure.legend(
            wedges, entries, loc="center left", fontsize=10,
            bbox_to_anchor=(0.02, 0.24) if slim else (0.49, 0.5),
            labelspacing=0.75, handlelength=1, handleheight=1,
        )  # fmt: skip
        return figure
