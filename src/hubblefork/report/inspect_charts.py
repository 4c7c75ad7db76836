"""The charts of a source: its classes, light, and what the volunteers said."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hubblefork.core.text import percent
from hubblefork.data.inspection import Inspection
from hubblefork.report.charts import count_bars, pie
from hubblefork.report.style import GRID, INK, MUTED, PART_COLOURS, WEDGES, styled, wrapped
from hubblefork.sky.decision_tree import GALAXY_ZOO_2

_RGB = (("red", "#c0392b", "o"), ("green", "#1e8449", "s"), ("blue", "#2471a3", "D"))


def class_bars(inspection: Inspection) -> Figure:
    """How many images each class has, in each part of the split where there is one."""
    return count_bars(inspection.names, inspection.parts or {"images": inspection.counts})


def light(inspection: Inspection) -> Figure:
    """How bright the images of each class are, and the mean of each of their channels."""
    table, names = inspection.light, inspection.names
    sets = [table[inspection.codes == code] for code in range(len(names))] if names else [table]
    height = 0.38 if len(sets) <= 25 else 0.24
    with styled(names) as labels:
        figure = Figure(figsize=(9.6, height * len(sets) + 1.3), layout="constrained")
        figure.get_layout_engine().set(wspace=0.04)
        brightness, channels = figure.subplots(1, 2, sharey=True)
        for place, found in enumerate(sets):
            if len(found):
                _spread(brightness, place, found["brightness"].to_numpy())
        number = inspection.dataset.images.shape[3]
        kinds = _RGB if number == 3 else [(f"band {n}", WEDGES[n % 7], "o") for n in range(number)]
        for channel, (name, colour, marker) in enumerate(kinds):
            means = [found[str(channel)].mean() if len(found) else np.nan for found in sets]
            channels.plot(means, range(len(sets)), marker, color=colour, markersize=5, label=name)
        brightness.set_title("Mean brightness of an image")
        channels.set_title("Mean of each channel" if number > 1 else "Mean")
        if number > 1:
            channels.legend(loc="best", fontsize=8, handletextpad=0.2)
        rows = [wrapped(labels[name], 34, 1) for name in names] or ["all images"]
        brightness.set_yticks(range(len(sets)), rows)
        brightness.set_ylim(len(sets) - 0.4, -0.6)
        for axes in (brightness, channels):
            axes.tick_params(axis="y", length=0, labelcolor=INK)
            axes.grid(axis="x", color=GRID)
            axes.spines["left"].set_visible(False)
            axes.set_xlim(left=0)
            axes.set_xlabel("from black, 0, to white, 255", fontsize=8.5)
        return figure


def _spread(axes: Axes, place: int, values: np.ndarray) -> None:
    """Mark the middle nine tenths, the middle half and the median."""
    low, quarter, half, three, high = np.percentile(values, [5, 25, 50, 75, 95])
    colour = PART_COLOURS["train"]
    axes.plot([low, high], [place, place], color=colour, linewidth=1.2, solid_capstyle="butt")
    axes.plot([quarter, three], [place, place], color=colour, linewidth=7, solid_capstyle="butt")
    axes.plot(half, place, "|", color="white", markersize=8, markeredgewidth=1.8)


def first_answers(inspection: Inspection) -> Figure:
    """How the fraction of each answer to the first question is spread over the galaxies."""
    with styled(()):
        figure = Figure(figsize=(9.6, 2.7), layout="constrained")
        every = figure.subplots(1, len(inspection.names))
        for answer, axes in enumerate(every):
            fractions = inspection.votes.first[:, answer]
            axes.hist(fractions, np.linspace(0, 1, 21), color=PART_COLOURS["train"], rwidth=0.92)
            axes.axvline(fractions.mean(), color=INK, linewidth=1, linestyle=(0, (3, 2)))
            axes.set_title(inspection.names[answer])
            axes.set_xlabel(f"fraction of volunteers (mean {fractions.mean():.2f})", fontsize=8.5)
            axes.grid(axis="y")
        every[0].set_ylabel("Galaxies")
        return figure


def reached(inspection: Inspection) -> Figure:
    """The mean share of volunteers who came to each question, and for how many galaxies half."""
    found = inspection.votes.reached
    with styled(()):
        figure = Figure(figsize=(9.6, 0.4 * len(found) + 0.9), layout="constrained")
        axes = figure.subplots()
        axes.barh(
            range(len(found)), [share for share, _ in found], 0.62, color=PART_COLOURS["train"]
        )
        for place, (share, number) in enumerate(found):
            axes.annotate(
                f"{percent(share, 0)}  ·  {number:,} galaxies", (share, place), xytext=(5, 0),
                textcoords="offset points", va="center", fontsize=8.5, color=MUTED,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
            )  # fmt: skip
        names = [wrapped(f"{q.number}  {q.text}", 44, 2) for q in GALAXY_ZOO_2.questions]
        axes.set_yticks(range(len(found)), names)
        axes.tick_params(axis="y", length=0, labelcolor=INK, labelsize=8.5)
        axes.set_ylim(len(found) - 0.4, -0.6)
        axes.set_xlim(0, 1.24)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0 %", "25 %", "50 %", "75 %", "100 %"])
        axes.grid(axis="x", color=GRID)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("Mean share of the volunteers who came to the question")
        return figure


def draw(inspection: Inspection) -> dict[str, Figure]:
    """All charts that these labels allow, by name."""
    charts = {"light": light(inspection)}
    if inspection.codes is not None:
        charts |= {
            "classes": class_bars(inspection),
            "pie": pie(inspection.names, inspection.counts),
        }
    if inspection.votes is not None:
        charts |= {"first": first_answers(inspection), "reached": reached(inspection)}
    return charts
