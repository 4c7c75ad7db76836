"""Runs compared on the same test images: what `hubblefork.compare` returns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Group
from rich.text import Text

from hubblefork.core.text import several
from hubblefork.evaluation.comparison import Difference, McNemar
from hubblefork.report.terminal import as_html, numbers_table
from hubblefork.sky.links import Positions
from hubblefork.tasks.task import Task

# The metrics that have room on a terminal of 80 columns.
_MOST_METRICS = 3


@dataclass(frozen=True)
class ComparedRun:
    """One of the runs that are compared.

    metrics: of the images that all have in common. history: empty where it is not known.
    parameters, epochs, seconds of training: None where they are not known. known_images: how many
    of its `own_images` the model was trained on, or None.
    """

    name: str
    metrics: Mapping[str, Any]
    history: pd.DataFrame
    parameters: int | None
    epochs: int | None
    seconds: float | None
    own_images: int
    known_images: int | None = 0


@dataclass(frozen=True)
class Pair:
    """How the second of two runs differs from the first; the test is of classes alone."""

    first: str
    second: str
    differences: Mapping[str, Difference]
    test: McNemar | None


@dataclass(frozen=True)
class Disputed:
    """An image on which the runs differ, and rows of name and value that say how."""

    id: str
    facts: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two or more runs, measured on the test images that they have in common.

    page: the HTML page that was written.
    task: what the answers mean.
    source: what the images come from. number: images in common.
    runs: their metrics and costs. differences: between each two of them.
    disagreements: images to which not all runs give the same leading answer.
    disputed: the images on which the runs differ most, the largest difference first.
    baseline: the first metric of predicting the same for all images.
    positions: of the images, by their ids, as far as they are known.
    images: gives an image by its id, as (H, W) or (H, W, 3) uint8; None where there is none.
    """

    page: Path
    task: Task
    source: str
    number: int
    runs: tuple[ComparedRun, ...]
    differences: tuple[Pair, ...]
    baseline: float
    disagreements: int
    disputed: Sequence[Disputed] = field(repr=False)
    positions: Positions = field(repr=False)
    images: Callable[[str], np.ndarray | None] = field(repr=False)

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a run: its metrics with the ends of their 95 % intervals, and its costs."""
        rows = []
        for run in self.runs:
            row: dict[str, Any] = {"run": run.name, "n": self.number}
            for metric in self.task.metrics:
                low, high = run.metrics["intervals"][metric.name]
                name = metric.name
                row |= {name: run.metrics[name], f"{name}_low": low, f"{name}_high": high}
            rows.append(row | {"parameters": run.parameters, "seconds": run.seconds})
        return pd.DataFrame(rows)

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """One row for each two runs: the second's metrics minus the first's, with intervals."""
        rows = []
        for pair in self.differences:
            row: dict[str, Any] = {"first": pair.first, "second": pair.second}
            for name, gap in pair.differences.items():
                row |= {name: gap.value, f"{name}_low": gap.low, f"{name}_high": gap.high}
            if pair.test:
                row |= vars(pair.test)
            rows.append(row)
        return pd.DataFrame(rows)

    def best(self) -> ComparedRun:
        """The run with the best first metric."""
        metric = self.task.metrics[0]
        choose = min if metric.lower_is_better else max
        return choose(self.runs, key=lambda run: run.metrics[metric.name])

    def __rich__(self) -> Group:
        """One screen for the terminal."""
        own = self.task.own_metrics
        registered = self.task.metrics[len(own) :][: _MOST_METRICS - 1]
        metrics = own[: _MOST_METRICS - len(registered)] + registered
        titles = [metric.title for metric in metrics]
        runs = numbers_table(f"on {several(self.number, 'image')}", *titles)
        for run in self.runs:
            intervals = run.metrics["intervals"]
            values = [
                f"{metric.written(run.metrics[metric.name])}\n"
                f"{metric.between(intervals[metric.name])}"
                for metric in metrics
            ]
            runs.add_row(Text(run.name), *values)
        tested = any(pair.test for pair in self.differences)
        what = "second minus first" + (",\npercentage points" if metrics[0].percent else "")
        differences = numbers_table(what, *titles, *(["p-value"] * tested))
        for pair in self.differences:
            cells = []
            for metric in metrics:
                gap = pair.differences[metric.name]
                value, low, high = map(metric.difference, (gap.value, gap.low, gap.high))
                cells.append(f"{value}\n{low} to {high}")
            cells += [p_value(pair.test.p_value)] if pair.test else []
            differences.add_row(Text(f"{pair.second}\nminus {pair.first}"), *cells)
        return Group("", runs, "", differences)

    def _repr_html_(self) -> str:
        return as_html(self)


def p_value(value: float) -> str:
    """A p-value in two digits.

    >>> p_value(0.25), p_value(1e-7)
    ('0.25', '< 0.0001')
    """
    return f"{value:.2g}" if value >= 1e-4 else "< 0.0001"
