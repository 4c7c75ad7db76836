"""The figures of a run with votes: predicted against true fractions, and errors by question."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm, to_rgba
from matplotlib.figure import Figure

from hubblefork.report.run_data import RunData
from hubblefork.report.style import (
    INK,
    MUTED,
    NARROW,
    ORANGE,
    SET_COLOURS,
    SMALL,
    beside,
    is_narrow,
    named_rows,
    panel_axes,
    styled,
    wrapped,
)
from hubblefork.sky.decision_tree import Question

# Fractions are counted in steps of a twentieth: a panel of an inch has room for no more.
_STEPS = 20

# From clear to a blue that is neither dark nor light, for any paper.
_DENSITY = LinearSegmentedColormap.from_list(
    "density", [to_rgba("#2f8fce", 0.4), to_rgba("#2f8fce")]
)

# The figure of answers is one pair of axes with squares of side 1 in rows of seven, which is drawn
# ten times as fast as 37 pairs of axes.
_ACROSS, _NARROW_ACROSS = 7, 3
_PITCH = np.array([1.22, -1.5])


def answer_densities(run: RunData) -> Figure:
    """For each answer, how many galaxies have which predicted and true fraction."""
    true, predicted, columns = run.predictions.labels, run.predictions.values, run.task.names
    number = len(columns)
    edges = np.linspace(0, 1, _STEPS + 1)
    across = _NARROW_ACROSS if is_narrow() else _ACROSS
    corners = np.stack(np.divmod(np.arange(number), across)[::-1], axis=1) * _PITCH
    down = -(-number // across)
    with styled(()):
        figure = Figure(figsize=(NARROW if is_narrow() else 9.6, 1.6 * down + 0.3))
        left = 0.12 if is_narrow() else 0.05
        axes = figure.add_axes((left, 0.4 / (1.6 * down), 1 - left, 1 - 0.5 / (1.6 * down)))
        axes.set_axis_off()
        axes.set(xlim=(-0.2, across * _PITCH[0]), ylim=(corners[-1, 1] - 0.3, 1.35))
        frame = np.array([[0, 1], [0, 0], [1, 0], [np.nan, np.nan], [0, 0], [1, 1]])
        frames = (corners[:, None] + np.vstack([frame, frame[3]])).reshape(-1, 2)
        axes.plot(*frames.T, color=MUTED, linewidth=0.7, zorder=1)
        most = LogNorm(0.5, max(2, len(true)))
        for place, (column, (left, bottom)) in enumerate(zip(columns, corners, strict=True)):
            # A head without sums may give fractions beyond 1, which stand in the last step.
            both = predicted[:, place].clip(0, 1), true[:, place].clip(0, 1)
            counts, _, _ = np.histogram2d(*both, _STEPS, ((0, 1), (0, 1)))
            axes.pcolormesh(
                left + edges,
                bottom + edges,
                np.ma.masked_equal(counts, 0),
                cmap=_DENSITY,
                norm=most,
                rasterized=True,
            )
            name = f"{column.removeprefix('Class')} {run.task.words.names[place]}"
            error = run.metrics["per_answer"][column]["rmse"]
            _label(axes, name, left, bottom, error)
            for mark, value in (("0", 0), ("½", 0.5), ("1", 1)):
                style: dict[str, Any] = {"fontsize": SMALL, "color": MUTED}
                if place % across == 0:
                    axes.text(left - 0.05, bottom + value, mark, ha="right", va="center", **style)
                if place + across >= number:
                    axes.text(left + value, bottom - 0.05, mark, ha="center", va="top", **style)
        figure.text(0.5, 0.1 / (1.6 * down), "True fraction", ha="center", color=MUTED)
        figure.text(
            0.035 if is_narrow() else 0.015,
            0.5,
            "Predicted fraction",
            va="center",
            rotation=90,
            color=MUTED,
        )
        return figure


def _label(axes: Axes, name: str, left: float, bottom: float, error: float) -> None:
    """Name the answer above its square, and write its error in the corner."""
    axes.text(left, bottom + 1.06, wrapped(name, 15 if is_narrow() else 18, 2), va="bottom",
              fontsize=SMALL, fontweight="bold", linespacing=1.1)  # fmt: skip
    axes.text(left + 0.04, bottom + 0.97, f"{error:.4f}", va="top", fontsize=SMALL, color=MUTED)


def questions(run: RunData) -> Figure:
    """The error on each question, beside that of always predicting the mean of the galaxies."""
    asked = run.task.tree.questions
    errors = [question_error(run, question) for question in asked]
    of_mean = [mean_error(run, question) for question in asked]
    with styled(()):
        figure, (axes,) = panel_axes(1, 9.6, 0.42 * len(asked) + 1.0)
        places = range(len(asked))
        axes.barh(places, errors, height=0.6, color=SET_COLOURS["test"],
                  label="this network, with its RMSE")  # fmt: skip
        lows, highs = np.transpose([question_interval(run, question) for question in asked])
        axes.hlines(places, lows, highs, color=INK, linewidth=1.2, label="95\u00a0% interval")
        axes.plot(
            of_mean, places, "|", markersize=15, markeredgewidth=2.2, color=ORANGE,
            label="always the mean of the galaxies",
        )  # fmt: skip
        for place, (error, *ends) in enumerate(zip(errors, highs, of_mean, strict=True)):
            beside(axes, f"{error:.4f}", max(error, *ends), place, fontsize=SMALL)
        texts = [each.short if is_narrow() else each.text for each in asked]
        names = [f"{each.number}  {text}" for each, text in zip(asked, texts, strict=True)]
        named_rows(axes, names, 42, 2)
        axes.set_xlim(0, 1.14 * max(*highs, *of_mean, 0.01))
        axes.set_xlabel("RMSE over the answers")
        interval, mean, network = axes.get_legend_handles_labels()[0]
        figure.legend(handles=[network, interval, mean], loc="outside upper left",
                      ncols=1 if is_narrow() else 3, handlelength=1.4)  # fmt: skip
        return figure


def question_error(run: RunData, question: Question) -> float:
    """The RMSE over the answers to a question."""
    return run.metrics["per_question"][str(question.number)]["rmse"]


def question_interval(run: RunData, question: Question) -> tuple[float, float]:
    """Its 95 % interval; of an older run, which has none, the RMSE twice."""
    found = run.metrics["per_question"][str(question.number)]
    low, high = found.get("interval") or (found["rmse"], found["rmse"])
    return low, high


def mean_error(run: RunData, question: Question) -> float:
    """The RMSE of always predicting the mean over the test galaxies.

    Nobody knows that mean before the test, so a network has to be well below it.
    """
    return float(np.sqrt(run.predictions.labels[:, question.columns].var(axis=0).mean()))
