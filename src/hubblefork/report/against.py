"""The score against columns of the catalogue: charts of a report, and a table of the terminal."""

import math
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from rich.table import Table
from rich.text import Text

from hubblefork.core.text import listed, several
from hubblefork.evaluation.against import ScoreAgainst
from hubblefork.report.charts import DASHED, Draw
from hubblefork.report.components import Panel, Section
from hubblefork.report.figures import Chart
from hubblefork.report.run_data import RunData
from hubblefork.report.style import BLUE, MUTED, in_percent, panel_axes, styled, wrapped
from hubblefork.report.terminal import numbers_table
from hubblefork.tasks.metric import Metric
from hubblefork.tasks.task import Task


def against_charts(run: RunData) -> dict[str, Draw]:
    """A chart for each column that `metrics.json` has a score against."""
    return {
        f"against-{number}": partial(_draw, found)
        for number, found in enumerate(_all(run.metrics), 1)
    }


def against_section(run: RunData, drawn: Mapping[str, Chart]) -> Iterator[Section]:
    """The section with these charts; none where there are none."""
    found, noun = _all(run.metrics), _metric(run.task).noun
    if not found:
        return
    unknown = [f"{each.column}: {several(each.unknown, 'image')}" for each in found if each.unknown]
    note = (
        f"The {noun} of test images in bins of a column of the catalogue, with equal numbers of "
        "images: vertical lines are 95\u00a0% intervals, horizontal ones the widths of the bins; "
        "the dashed line is that of all test images. "
        "`hubblefork evaluate RUN --against COLUMN` draws it for another column."
    )
    yield Section(
        f"{_metric(run.task).title} against {listed([each.column for each in found])}",
        [
            note,
            f"Not known, and left out: {'; '.join(unknown)}." if unknown else "",
            *(
                Panel(name, f"Chart of the {noun} against {each.column}", "", drawn[name])
                for name, each in zip(against_charts(run), found, strict=True)
            ),
        ],
        "Against columns",
    )


def against_table(metrics: Mapping[str, Any], task: Task) -> Iterator[Table]:
    """The same for the terminal, one table for each column."""
    metric = _metric(task)
    for found in _all(metrics):
        table = numbers_table(found.column, task.examples, metric.title, "95\u00a0% interval")
        # Four digits of the largest number, and as many decimals for all.
        largest = max(abs(end) for each in found.bins for end in (each.low, each.high))
        decimals = max(0, 3 - math.floor(math.log10(largest)))
        for each in found.bins:
            value, between = metric.written(each.value), metric.between(each.interval)
            table.add_row(
                Text(f"{each.low:.{decimals}f} to {each.high:.{decimals}f}"),
                f"{each.n:,}",
                value,
                between,
            )
        if found.unknown:
            table.add_row(Text("not known"), f"{found.unknown:,}", "", "")
        yield table


def _all(metrics: Mapping[str, Any]) -> list[ScoreAgainst]:
    return [ScoreAgainst.from_json(each) for each in metrics.get("against", [])]


def _metric(task: Task) -> Metric:
    """That of `Task.score`."""
    return task.training_metric


def _draw(found: ScoreAgainst, run: RunData) -> Figure:
    metric = _metric(run.task)
    with styled((found.column,)) as names:
        figure, [axes] = panel_axes(1, 5.6, 2.9)
        low, high = np.array([[each.low, each.high] for each in found.bins]).T
        value = np.array([each.value for each in found.bins])
        ends = np.array([each.interval for each in found.bins]).T
        overall = run.metrics[metric.name]
        axes.axhline(overall, color=MUTED, linewidth=0.9, linestyle=DASHED, zorder=1)
        axes.hlines(value, low, high, color=BLUE, linewidth=2.4)
        middle = (low + high) / 2
        axes.vlines(middle, *ends, color=BLUE, linewidth=1.4)
        axes.plot(middle, value, "o", color=BLUE, markersize=4)
        axes.set_xlabel(wrapped(names[found.column], 60, 1))
        axes.set_title(metric.title)
        if metric.percent:
            in_percent(axes.yaxis)
        axes.grid(axis="y")
        return figure
