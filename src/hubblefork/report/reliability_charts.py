"""The figures of how sure a classifier is: reliability, accuracy of the surest, sets of classes."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hubblefork.core.text import percent
from hubblefork.evaluation.calibration import Calibration
from hubblefork.evaluation.reliability import (
    Reliability,
    RiskCoverage,
    reliability,
    risk_coverage,
)
from hubblefork.report.run_data import Material
from hubblefork.report.style import INK, MUTED, PART_COLOURS, WRONG, styled, wrapped

# The accuracy of fewer images than these jumps with each of them.
_FEWEST = 10

# The shares of the surest images that are named on the curve.
_KEPT = (0.25, 0.5, 0.8)


def reliability_diagram(material: Material) -> Figure:
    """Share of right answers against confidence, before and after calibration, with counts.

    Without a calibration there is one panel, of the probabilities as they are.
    """
    true, probabilities = material.classified()
    told = material.metrics.get("calibration")
    panels = {"After calibration" if told else "As the network says": probabilities}
    if told:
        made = Calibration(told["temperature"], told["exponent"])
        before = made.inverse.applied(probabilities)
        panels = {"Before calibration": before, **panels}
    return draw_reliability({title: reliability(true, given) for title, given in panels.items()})


def draw_reliability(panels: Mapping[str, Reliability]) -> Figure:
    """Share of right answers against confidence, with counts, side by side under their titles.

    >>> found = reliability(np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]]))
    >>> len(draw_reliability({"two images": found}).axes)
    2
    """
    with styled(()):
        figure = Figure(figsize=(1.2 + 3.2 * len(panels), 4.3), layout="constrained")
        figure.get_layout_engine().set(wspace=0.06)
        grid = figure.subplots(
            2, len(panels), squeeze=False, sharex=True, sharey="row", height_ratios=(4, 1)
        )
        for (upper, lower), (title, found) in zip(grid.T, panels.items(), strict=True):
            _reliability(upper, lower, found)
            upper.set_title(title)
            upper.text(
                0.04, 0.95, f"calibration error {percent(found.calibration_error)}"
                f"\nBrier score {found.brier:.3f}", va="top", linespacing=1.4,
            )  # fmt: skip
        grid[0, 0].set_ylabel("Share of right answers")
        grid[1, 0].set_ylabel("Images")
        return figure


def _reliability(upper: Axes, lower: Axes, found: Reliability) -> None:
    filled = found.counts > 0
    confidence, accuracy = found.confidence[filled], found.accuracy[filled]
    upper.plot((0, 1), (0, 1), color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    upper.vlines(confidence, found.low[filled], found.high[filled], color=PART_COLOURS["train"],
                 alpha=0.45, linewidth=3)  # fmt: skip
    upper.plot(confidence, accuracy, "o-", color=PART_COLOURS["train"], markersize=5, linewidth=1.2)
    upper.set(xlim=(0, 1), ylim=(0, 1.01))
    upper.grid(axis="y")
    upper.set_xticks((0, 0.25, 0.5, 0.75, 1))
    upper.yaxis.set_major_formatter(_in_percent)
    lower.bar(found.edges[:-1], found.counts, np.diff(found.edges), align="edge", color="#8fbbdc",
              edgecolor="white", linewidth=0.8)  # fmt: skip
    lower.set_yscale("log")
    lower.set_ylim(0.7, 1.5 * found.counts.max())
    lower.yaxis.set_major_formatter(lambda count, _: f"{count:,.0f}")
    lower.minorticks_off()
    lower.set_xlabel("Confidence")
    lower.xaxis.set_major_formatter(_in_percent)


def surest(material: Material) -> Figure:
    """The accuracy of the surest test images of a run."""
    return draw_risk_coverage(risk_coverage(*material.classified()))


def draw_risk_coverage(curve: RiskCoverage) -> Figure:
    """The accuracy of the surest images, against the share of images that are answered.

    >>> curve = risk_coverage(np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]]))
    >>> draw_risk_coverage(curve).axes[0].get_ylabel()
    'Share of right answers'
    """
    with styled(()):
        figure = Figure(figsize=(6.4, 3.3), layout="constrained")
        axes = figure.subplots()
        start = min(_FEWEST, len(curve.kept)) - 1
        shown = curve.accuracy[start:]
        axes.axhline(curve.accuracy_at(1), color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
        axes.plot(curve.kept[start:], shown, color=PART_COLOURS["train"], linewidth=1.8)
        room = max(0.02, 1 - float(shown.min()))
        axes.set(xlim=(0, 1.01), ylim=(1 - 1.25 * room, 1 + 0.04 * room))
        for kept in _KEPT:
            accuracy = curve.accuracy_at(kept)
            axes.plot(kept, accuracy, "o", color=PART_COLOURS["train"], markersize=5)
            axes.annotate(
                f"{percent(accuracy)} of the\nsurest {percent(kept, 0)}", (kept, accuracy),
                xytext=(4, 5), textcoords="offset points", va="bottom", fontsize=8.5,
                bbox={"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 0.5},
            )  # fmt: skip
        axes.annotate(
            f"all: {percent(curve.accuracy_at(1))}", (0, curve.accuracy_at(1)), xytext=(4, -3),
            textcoords="offset points", va="top", fontsize=8.5, color=MUTED,
        )  # fmt: skip
        axes.grid(axis="y")
        axes.set_xlabel("Share of images answered, the surest first")
        axes.set_ylabel("Share of right answers")
        axes.xaxis.set_major_formatter(_in_percent)
        axes.yaxis.set_major_formatter(_in_percent)
        return figure


def set_coverage(material: Material) -> Figure:
    """How often the sets of classes hold the true one, for each class and each coverage asked."""
    measured = material.metrics["prediction_sets"]
    names = [name for name in material.names if material.metrics["per_class"][name]["support"]]
    height = 0.3 if len(names) <= 25 else 0.22
    with styled(material.names) as labels:
        figure = Figure(figsize=(9.6, height * len(names) + 1.2), layout="constrained")
        figure.get_layout_engine().set(wspace=0.06)
        rows = figure.subplots(1, len(measured), squeeze=False, sharey=True, sharex=True)[0]
        for axes, (asked, values) in zip(rows, measured.items(), strict=True):
            target = float(asked)
            for place, name in enumerate(names):
                low, high = values["per_class"][name]["interval"]
                held = values["per_class"][name]["coverage"]
                # Told by form and colour alike: a cross where even the interval is below.
                colour, mark = (WRONG, "X") if high < target else (PART_COLOURS["train"], "o")
                axes.hlines(place, low, high, color=colour, alpha=0.5, linewidth=3)
                axes.plot(held, place, mark, color=colour, markersize=5.5, clip_on=False)
            axes.axvline(target, color=INK, linewidth=1)
            axes.set_title(
                f"{percent(target, 0)} asked, {percent(values['coverage'])} held\n"
                f"{values['mean_size']:.2f} classes a set", fontsize=9.5,
            )  # fmt: skip
            axes.set_xlabel("Share of the class held by its sets")
            axes.xaxis.set_major_formatter(_in_percent)
            axes.grid(axis="x")
            axes.tick_params(axis="y", length=0, labelcolor=INK)
        rows[0].set_yticks(range(len(names)), [wrapped(labels[name], 34, 1) for name in names])
        rows[0].set_ylim(len(names) - 0.4, -0.6)
        rows[0].set_xlim(right=1)
        return figure


def _in_percent(share: float, _: int) -> str:
    return f"{100 * share:.3g} %"
