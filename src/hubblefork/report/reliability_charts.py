"""Figures of a classifier's confidence: reliability, selective accuracy, prediction sets."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from hubblefork.core.text import percent
from hubblefork.evaluation.calibration import Calibration
from hubblefork.evaluation.reliability import Reliability, RiskCoverage, reliability, risk_coverage
from hubblefork.report.charts import DASHED
from hubblefork.report.run_data import RunData
from hubblefork.report.style import (
    BLUE,
    INK,
    MUTED,
    NARROW,
    ORANGE,
    PAPER,
    in_percent,
    is_narrow,
    named_rows,
    panel_axes,
    styled,
)

# The accuracy of fewer images than these jumps with each of them.
_FEWEST = 10

# The fractions of images, those with the highest confidence, that are named on the curve.
_KEPT = (0.25, 0.5, 0.8)


def reliability_diagram(run: RunData) -> Figure:
    """Accuracy against confidence, before and after calibration, with counts.

    Without a calibration there is one panel, of the probabilities as they are.
    """
    true, probabilities = run.classified()
    told = run.metrics.get("calibration")
    panels = {"After calibration" if told else "Without calibration": probabilities}
    if told:
        made = Calibration(told["temperature"], told["exponent"])
        before = made.inverse.applied(probabilities)
        panels = {"Before calibration": before, **panels}
    return draw_reliability({title: reliability(true, given) for title, given in panels.items()})


def draw_reliability(panels: Mapping[str, Reliability]) -> Figure:
    """Accuracy against confidence, with counts, side by side under their titles.

    >>> found = reliability(np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]]))
    >>> len(draw_reliability({"two images": found}).axes)
    2
    """
    with styled(()):
        number, slim = len(panels), is_narrow()
        figure = Figure(
            figsize=(NARROW, 3.9 * number) if slim else (1.2 + 3.2 * number, 4.3),
            layout=ConstrainedLayoutEngine(wspace=0.06),
        )
        rows, across = (2 * number, 1) if slim else (2, number)
        grid = figure.subplots(
            rows, across, squeeze=False, sharex=True, height_ratios=(4, 1) * (rows // 2)
        )
        pairs = grid.reshape(-1, 2) if slim else grid.T
        for (upper, lower), (title, found) in zip(pairs, panels.items(), strict=True):
            _reliability(upper, lower, found)
            # Above the axes: points may be anywhere in them.
            upper.set_title(title, pad=32)
            upper.text(
                0, 1.03, f"calibration error {percent(found.calibration_error)}"
                f"\nBrier score {found.brier:.4f}", va="bottom", linespacing=1.4,
            )  # fmt: skip
            lower.tick_params(labelbottom=True)
            if slim or upper is grid[0, 0]:
                upper.set_ylabel("Accuracy")
                lower.set_ylabel("Images")
        most = max(int(found.counts.max()) for found in panels.values())
        for _, lower in pairs:
            lower.set_ylim(0.7, 1.5 * most)
        return figure


def _reliability(upper: Axes, lower: Axes, found: Reliability) -> None:
    filled = found.counts > 0
    confidence, accuracy = found.confidence[filled], found.accuracy[filled]
    upper.plot((0, 1), (0, 1), color=MUTED, linewidth=1, linestyle=DASHED)
    upper.vlines(confidence, found.low[filled], found.high[filled], color=BLUE, alpha=0.45,
                 linewidth=3)  # fmt: skip
    upper.plot(confidence, accuracy, "o-", color=BLUE, markersize=5, linewidth=1.2)
    upper.set(xlim=(0, 1), ylim=(0, 1.01))
    upper.grid(axis="y")
    upper.set_xticks((0, 0.25, 0.5, 0.75, 1))
    lower.bar(found.edges[:-1], found.counts, np.diff(found.edges), align="edge", color=BLUE,
              alpha=0.5, edgecolor=PAPER, linewidth=0.8)  # fmt: skip
    lower.set_yscale("log")
    lower.yaxis.set_major_formatter(lambda count, _: f"{count:,.0f}")
    lower.minorticks_off()
    lower.set_xlabel("Confidence")
    for axis in (upper.yaxis, lower.xaxis):
        in_percent(axis)


def selective_accuracy(run: RunData) -> Figure:
    """The accuracy of the test images with the highest confidence."""
    return draw_risk_coverage(risk_coverage(*run.classified()))


def draw_risk_coverage(curve: RiskCoverage) -> Figure:
    """The accuracy against the fraction of images kept, those with the highest confidence.

    >>> curve = risk_coverage(np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]]))
    >>> draw_risk_coverage(curve).axes[0].get_ylabel()
    'Accuracy'
    """
    with styled(()):
        figure, (axes,) = panel_axes(1, 6.4, 3.3)
        start = min(_FEWEST, len(curve.coverage)) - 1
        shown = curve.accuracy[start:]
        axes.axhline(curve.accuracy_at(1), color=MUTED, linewidth=1, linestyle=DASHED)
        axes.plot(curve.coverage[start:], shown, color=BLUE, linewidth=1.8)
        room = max(0.02, 1 - float(shown.min()))
        axes.set(xlim=(0, 1.01), ylim=(1 - 1.25 * room, 1 + 0.04 * room))
        for kept in _KEPT[::2] if is_narrow() else _KEPT:
            accuracy = curve.accuracy_at(kept)
            axes.plot(kept, accuracy, "o", color=BLUE, markersize=5)
            axes.annotate(
                f"{percent(accuracy)} of\nthe first {percent(kept, 0)}", (kept, accuracy),
                xytext=(4, 5), textcoords="offset points", va="bottom", fontsize=8.5,
                bbox={"facecolor": PAPER, "alpha": 0.8, "edgecolor": "none", "pad": 0.5},
            )  # fmt: skip
        axes.annotate(
            f"all: {percent(curve.accuracy_at(1))}", (0, curve.accuracy_at(1)), xytext=(4, -3),
            textcoords="offset points", va="top", fontsize=8.5, color=MUTED,
        )  # fmt: skip
        axes.grid(axis="y")
        axes.set_xlabel("Fraction of images kept, highest confidence first")
        axes.set_ylabel("Accuracy")
        for axis in (axes.xaxis, axes.yaxis):
            in_percent(axis)
        return figure


def set_coverage(run: RunData) -> Figure:
    """How often the prediction sets contain the true class, by class and requested coverage."""
    measured = run.metrics["prediction_sets"]
    per_class = run.metrics["per_class"]
    names = {raw: shown for raw, shown in zip(run.task.names, run.task.words.names, strict=True)
             if per_class[raw]["support"]}  # fmt: skip
    height = 0.36 if is_narrow() else 0.3 if len(names) <= 25 else 0.22
    with styled(run.task.words.names) as labels:
        figure, rows = panel_axes(
            len(measured), 9.6, height * len(names) + 1.2, sharey=True, sharex=True
        )
        for axes, (asked, values) in zip(rows, measured.items(), strict=True):
            target = float(asked)
            for place, name in enumerate(names):
                low, high = values["per_class"][name]["interval"]
                covered = values["per_class"][name]["coverage"]
                # Told by form and colour alike: a cross where even the interval is below.
                colour, mark = (ORANGE, "X") if high < target else (BLUE, "o")
                axes.hlines(place, low, high, color=colour, alpha=0.5, linewidth=3)
                axes.plot(covered, place, mark, color=colour, markersize=5.5, clip_on=False)
            axes.axvline(target, color=INK, linewidth=1)
            axes.set_title(
                f"{percent(target, 0)} requested, {percent(values['coverage'])} measured\n"
                f"{values['mean_size']:.2f} classes per set", fontsize=9.5,
            )  # fmt: skip
            axes.set_xlabel("Coverage of the class")
            in_percent(axes.xaxis)
            named_rows(axes, [labels[name] for name in names.values()])
        rows[0].set_xlim(right=1)
        return figure
