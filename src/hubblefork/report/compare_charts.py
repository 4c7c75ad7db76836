"""The charts of runs side by side."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hubblefork.evaluation.intervals import wilson_interval
from hubblefork.report.comparison_data import SHARES, Contest
from hubblefork.report.style import GRID, INK, WEDGES, styled, wrapped

_MARKERS = "osD^vP*"


def draw_charts(contest: Contest) -> dict[str, Figure]:
    """All charts that these runs allow, by name."""
    charts = {"metrics": metrics(contest)}
    if any(not run.history.empty for run in contest.runs):
        charts["curves"] = curves(contest)
    if contest.names:
        charts["recalls"] = recalls(contest)
    return charts


def metrics(contest: Contest) -> Figure:
    """Each metric of each run with its 95 % interval."""
    runs = contest.runs
    with styled(()):
        shown = contest.metrics
        figure = Figure(figsize=(9.6, 0.34 * len(runs) + 1.1), layout="constrained")
        every = figure.subplots(1, len(shown), sharey=True)
        for axes, (key, title, less) in zip(every, shown, strict=True):
            for place, run in enumerate(runs):
                low, high = run.metrics["intervals"][key]
                _whisker(axes, place, run.metrics[key], low, high, place)
            axes.set_title(title, fontsize=9.5)
            axes.set_xlabel("less is better" if less else "more is better", fontsize=8)
            axes.xaxis.set_major_locator(MaxNLocator(nbins=3))
            if key in SHARES:
                axes.xaxis.set_major_formatter(lambda share, _: f"{100 * share:g} %")
            _plain(axes, [wrapped(run.name, 26, 2) for run in runs])
        return figure


def recalls(contest: Contest) -> Figure:
    """The share of each class that each run finds, with Wilson's 95 % interval."""
    runs, names = contest.runs, contest.names
    step = 0.8 / len(runs)
    with styled(names) as labels:
        height = max(0.4, 0.17 * len(runs)) * len(names) + 1.1
        figure = Figure(figsize=(9.6, height), layout="constrained")
        axes = figure.subplots()
        for number, run in enumerate(runs):
            for place, name in enumerate(names):
                found = run.metrics["per_class"][name]
                if found["recall"] is None:
                    continue
                support = found["support"]
                low, high = wilson_interval(round(found["recall"] * support), support)
                offset = (number - (len(runs) - 1) / 2) * step
                first = run.name if not place else None
                _whisker(axes, place + offset, found["recall"], low, high, number, first)
        axes.xaxis.set_major_formatter(lambda share, _: f"{100 * share:g} %")
        axes.set_xlabel("Recall: share of the images of a class that are found")
        _plain(axes, [wrapped(labels[name], 34, 1) for name in names])
        figure.legend(loc="outside upper left", ncols=min(4, len(runs)), handlelength=1)
        return figure


def curves(contest: Contest) -> Figure:
    """Validation loss, and accuracy or RMSE, of each epoch; training's where there is none."""
    second = "accuracy" if contest.names else "rmse"
    with styled(()):
        figure = Figure(figsize=(9.6, 3.5), layout="constrained")
        for axes, quantity in zip(figure.subplots(1, 2), ("loss", second), strict=True):
            for number, run in enumerate(contest.runs):
                if run.history.empty:
                    continue
                watched = run.history[f"val_{quantity}"]
                validated = watched.notna().any()
                values = watched if validated else run.history[quantity]
                axes.plot(
                    run.history["epoch"], values, color=_colour(number), linewidth=1.8,
                    linestyle="-" if validated else (0, (4, 1.5)), marker=_marker(number),
                    markersize=3.2, label=run.name if quantity == "loss" else None,
                )  # fmt: skip
            axes.set_title("RMSE" if quantity == "rmse" else quantity.capitalize())
            axes.set_xlabel("Epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, min_n_ticks=1))
            axes.grid(axis="y", color=GRID)
        figure.legend(loc="outside upper left", ncols=min(4, len(contest.runs)))
        return figure


def _whisker(
    axes: Axes,
    place: float,
    value: float,
    low: float,
    high: float,
    number: int,
    label: str | None = None,
) -> None:
    colour = _colour(number)
    axes.plot([low, high], [place, place], color=colour, linewidth=1.6, solid_capstyle="butt")
    axes.plot(value, place, _marker(number), color=colour, markersize=5, label=label)


def _plain(axes: Axes, names: list[str]) -> None:
    axes.set_yticks(np.arange(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.grid(axis="x", color=GRID)
    axes.spines["left"].set_visible(False)


def _colour(number: int) -> str:
    return WEDGES[number % len(WEDGES)]


def _marker(number: int) -> str:
    return _MARKERS[number % len(_MARKERS)]
