"""Results on the terminal, one screen each, and the same as HTML for notebooks."""

import io
from collections.abc import Iterator, Mapping
from textwrap import shorten
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from hubblefork.core.text import between, percent, several
from hubblefork.evaluation.class_metrics import class_intervals
from hubblefork.tasks.metric import Metric
from hubblefork.tasks.predictions import Predictions
from hubblefork.tasks.registry import task_from_json
from hubblefork.tasks.task import Task

# Rows that leave room for the rest on a screen of 40 lines.
MOST_ROWS, _MOST_PREDICTIONS = 20, 30

# Of a question, so that it has one line of a terminal of 80 columns.
_MOST_LETTERS = 44

# Shown on the terminal after the metrics of a task.
_FURTHER = (
    Metric("matthews", "Matthews correlation"),
    Metric("brier", "Brier score", lower_is_better=True),
)

# Columns of a terminal on which every table fits.
_ANY = 10_000

# Of the names in a first column, at least so many characters stand in a line.
_NAME = 12

# Columns of a notebook's output.
_WIDTH = 100


class _FittingTable(Table):
    """Leaves out its last columns on a terminal that is too narrow: numbers are never cut."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        columns, room = self.columns, options.max_width
        for place, column in enumerate(columns):
            cells = [
                Measurement.get(console, options.update(max_width=_ANY), each)
                for each in (column.header, *column.cells)
            ]
            # The first column breaks lines, between words or in long ones, and no other does.
            least = min(_NAME, max(each.minimum for each in cells))
            room -= (max(each.maximum for each in cells) if place else least) + 2
            if place > 1 and room < -2:
                self.columns = columns[:place]
                break
        yield from super().__rich_console__(console, options)
        self.columns = columns


def numbers_table(first: str, *others: str) -> Table:
    """An empty table without lines, whose further columns are numbers."""
    table = _FittingTable(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column(Text(first))
    for title in others:
        table.add_column(Text(title), justify="right", no_wrap=True)
    return table


def as_html(shown: RenderableType) -> str:
    """What the terminal shows, as HTML."""
    console = Console(record=True, file=io.StringIO(), width=_WIDTH, highlight=False, markup=False)
    console.print(shown)
    pre = '<pre style="line-height: normal; white-space: pre; overflow-x: auto">{code}</pre>'
    return console.export_html(inline_styles=True, code_format=pre)


def metrics_screen(metrics: Mapping[str, Any]) -> Group:
    """The metrics of a run with 95 % intervals, and those of each class or question.

    metrics: as `metrics.json` holds them.
    """
    task = task_from_json(metrics["task"])
    return Group("", _summary(metrics, task), "", *_DETAILS[task.kind](metrics, task))


def predictions_screen(predictions: Predictions) -> Group:
    """What the model says of each image, of the first thirty if there are more."""
    summary = predictions.take(slice(_MOST_PREDICTIONS)).summary()
    table = numbers_table(*summary.columns)
    table.columns[0].overflow = "fold"  # the end of a path tells images apart
    for row in summary.itertuples(index=False):
        typicality = [f"{each:.2g}" if pd.notna(each) else "–" for each in row[2:]]
        table.add_row(Text(str(row.id)), Text(row.answer), *typicality)
    more = len(predictions) - len(summary)
    return Group(table, *([f"and {more:,} more: --out FILE writes all"] if more > 0 else []))


def _summary(metrics: Mapping[str, Any], task: Task) -> Table:
    tested = several(metrics["n"], task.example, task.examples)
    table = numbers_table(f"tested on {tested}", "", "95\u00a0% interval")
    for metric in (*task.metrics, *_FURTHER):
        if metric.name in metrics:
            value, interval = metrics[metric.name], metrics["intervals"][metric.name]
            table.add_row(metric.title, metric.written(value), metric.between(interval))
    return table


def _classes(metrics: Mapping[str, Any], task: Task) -> Iterator[Table]:
    intervals = class_intervals(np.array(metrics["confusion_matrix"]))
    rows = list(zip(task.words.names, metrics["per_class"].values(), intervals, strict=True))
    table = numbers_table("class", "precision", "recall", "F1", "95\u00a0% interval", "images")
    if len(rows) > MOST_ROWS:
        # A class without an F1 did not occur in the test set.
        rows = sorted((row for row in rows if row[1]["f1"] is not None), key=lambda r: r[1]["f1"])
        table.columns[0].header = f"{MOST_ROWS} of {task.outputs}, lowest F1"
    for name, values, ends in rows[:MOST_ROWS]:
        fractions = (percent(values[key]) for key in ("precision", "recall", "f1"))
        interval = between(ends["f1"]) if ends["f1"] else "–"
        # Text, not a string, so that brackets in a name are no markup.
        table.add_row(Text(name), *fractions, interval, f"{values['support']:,}")
    yield table


def _questions(metrics: Mapping[str, Any], task: Task) -> Iterator[Table]:
    metric = task.own_metrics[0]
    table = numbers_table("question", metric.title, "95\u00a0% interval")
    for number, values in metrics["per_question"].items():
        text = f"{number:>2}  " + shorten(values["text"], _MOST_LETTERS, placeholder="…")
        interval = metric.between(values["interval"])
        table.add_row(Text(text), metric.written(values[metric.name]), interval)
    yield table


_DETAILS = {"classes": _classes, "votes": _questions}
