"""The figures of a run with votes: predicted against true fractions, errors, and examples."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from hubblefork.core.text import percent
from hubblefork.report.run_data import Material
from hubblefork.report.sheets import TILE, corner, sheet, show
from hubblefork.report.style import GRID, INK, MUTED, PART_COLOURS, SHADES, WRONG, styled, wrapped
from hubblefork.report.votes import answer_rows, example_rows, fractions
from hubblefork.sky.decision_tree import GALAXY_ZOO_2

# Fractions are counted in steps of a twentieth: a panel of an inch has room for no more.
_STEPS = 20

# The figure of answers is one pair of axes with 37 squares of side 1 in rows of seven, which is
# drawn ten times as fast as 37 pairs of axes.
_ACROSS = 7
_PITCH = np.array([1.22, -1.5])


def answers(material: Material) -> Figure:
    """For each of the 37 answers, how many galaxies have which predicted and true fraction."""
    true, predicted = fractions(material)
    number = len(GALAXY_ZOO_2.columns)
    edges = np.linspace(0, 1, _STEPS + 1)
    corners = np.stack(np.divmod(np.arange(number), _ACROSS)[::-1], axis=1) * _PITCH
    with styled(()):
        figure = Figure(figsize=(9.6, 9.9))
        axes = figure.add_axes((0.05, 0.04, 0.95, 0.95))
        axes.set_axis_off()
        axes.set(xlim=(-0.2, _ACROSS * _PITCH[0]), ylim=(corners[-1, 1] - 0.3, 1.35))
        frame = np.array([[0, 1], [0, 0], [1, 0], [np.nan, np.nan], [0, 0], [1, 1]])
        frames = (corners[:, None] + np.vstack([frame, frame[3]])).reshape(-1, 2)
        axes.plot(*frames.T, color=MUTED, linewidth=0.7, zorder=1)
        most = LogNorm(0.5, max(2, len(true)))
        for given, told, (left, bottom) in zip(predicted.T, true.T, corners, strict=True):
            # A head without sums may give fractions beyond 1, which stand in the last step.
            counts, _, _ = np.histogram2d(
                given.clip(0, 1), told.clip(0, 1), _STEPS, ((0, 1), (0, 1))
            )
            axes.pcolormesh(
                left + edges, bottom + edges, np.ma.masked_equal(counts, 0), cmap=SHADES, norm=most
            )
        for place, (column, (left, bottom)) in enumerate(
            zip(GALAXY_ZOO_2.columns, corners, strict=True)
        ):
            _label(axes, column, left, bottom, material.metrics["per_answer"][column]["rmse"])
            for mark, value in (("0", 0), ("½", 0.5), ("1", 1)):
                if place % _ACROSS == 0:
                    axes.text(left - 0.05, bottom + value, mark, ha="right", va="center",
                              fontsize=7, color=MUTED)  # fmt: skip
                if place + _ACROSS >= number:
                    axes.text(left + value, bottom - 0.05, mark, ha="center", va="top",
                              fontsize=7, color=MUTED)  # fmt: skip
        figure.text(0.5, 0.01, "Fraction of the volunteers", ha="center", color=MUTED)
        figure.text(0.015, 0.5, "Predicted fraction", va="center", rotation=90, color=MUTED)
        return figure


def _label(axes: Axes, column: str, left: float, bottom: float, error: float) -> None:
    """Name the answer above its square, and write its error in the corner."""
    number = column.removeprefix("Class")
    name = f"{number} {GALAXY_ZOO_2.answer_name(column)}"
    axes.text(left, bottom + 1.06, wrapped(name, 19, 2), va="bottom", fontsize=7.5,
              fontweight="bold", linespacing=1.1)  # fmt: skip
    axes.text(left + 0.04, bottom + 0.97, f"{error:.3f}", va="top", fontsize=7, color=MUTED)


def questions(material: Material) -> Figure:
    """The error on each question, beside that of always giving the mean of the galaxies."""
    rows = answer_rows(material)
    errors = [material.metrics["per_question"][str(row["number"])]["rmse"] for row in rows]
    of_mean = [np.sqrt(np.mean([each["of_mean"] ** 2 for each in row["answers"]])) for row in rows]
    with styled(()):
        figure = Figure(figsize=(9.6, 0.42 * len(rows) + 1.0), layout="constrained")
        axes = figure.subplots()
        places = range(len(rows))
        axes.barh(places, errors, height=0.6, color=PART_COLOURS["test"], label="this network")
        axes.plot(
            of_mean, places, "|", markersize=15, markeredgewidth=2.2, color=WRONG,
            label="always the mean of the galaxies",
        )  # fmt: skip
        for place, error in zip(places, errors, strict=True):
            axes.annotate(
                f"{error:.3f}", (0, place), xytext=(4, 0), textcoords="offset points",
                va="center", fontsize=8, color="white", fontweight="bold",
            )  # fmt: skip
        names = [wrapped(f"{row['number']}  {row['text']}", 42, 2) for row in rows]
        axes.set_yticks(places, names)
        axes.tick_params(axis="y", length=0, labelcolor=INK, labelsize=8.5)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlim(0, 1.08 * max(*errors, *of_mean, 0.01))
        axes.grid(axis="x", color=GRID)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("RMSE over the answers of the question")
        figure.legend(loc="outside upper left", ncols=2, handlelength=1.4)
        return figure


def examples(material: Material) -> Figure:
    """Ten test galaxies with the answers that most volunteers gave, and what was predicted."""
    rows = example_rows(material)
    line = 0.125
    caption = 0.3 + line * max(len(row["path"]) for row in rows)
    with styled(()):
        figure, axes = sheet(len(rows), caption)
        for place, row in enumerate(rows):
            left, top = corner(place, caption)
            show(axes, material.image(row["id"]), left, top)
            below = top + TILE + 0.06
            kind = ", large" if row["worst"] else ""
            axes.text(left, below, f"RMSE {row['rmse']:.3f}{kind}", va="top", fontsize=7.5,
                      fontweight="bold", color=WRONG if row["worst"] else INK)  # fmt: skip
            for number, step in enumerate(row["path"], start=1):
                level = below + 0.05 + number * line
                shares = f"{percent(step['predicted'], 0)} ({percent(step['true'], 0)})"
                axes.text(left, level, wrapped(step["text"], 22, 1), va="top", fontsize=6.8)
                axes.text(left + TILE, level, shares, va="top", ha="right", fontsize=6.8,
                          color=MUTED)  # fmt: skip
        return figure
