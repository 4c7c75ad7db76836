"""Runs side by side, as plain data, and how their figures are written."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hubblefork.core.text import percent
from hubblefork.evaluation.comparison import Difference, McNemar
from hubblefork.tasks.task import Task

# Those that are shares, shown in percent.
SHARES = {"accuracy", "balanced_accuracy", "macro_f1", "expected_calibration_error"}


@dataclass(frozen=True)
class Contestant:
    """One of the runs that are compared.

    metrics: of the images that all have in common. history: empty where it is not known.
    parameters, epochs, seconds of training: None where they are not known. learnt: of its own
    images, how many the model was trained on, or None.
    """

    name: str
    metrics: Mapping[str, Any]
    history: pd.DataFrame
    parameters: int | None
    epochs: int | None
    seconds: float | None
    own_images: int
    learnt: int | None = 0


@dataclass(frozen=True)
class Pair:
    """How the second of two runs differs from the first; the test is of classes alone."""

    first: str
    second: str
    differences: Mapping[str, Difference]
    test: McNemar | None


@dataclass(frozen=True)
class DisputedClass:
    """An image to which not all runs give the same class.

    answers: of each run, the class it predicts and its probability.
    """

    id: str
    true: str
    answers: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class DisputedVotes:
    """A galaxy on which the fractions of two runs are far apart.

    apart: the RMSE between their answers, of the two that are furthest apart. errors: the RMSE of
    each run against the volunteers. answer: the one on which the runs differ most. true: its
    fraction by the volunteers. fractions: by each run.
    """

    id: str
    apart: float
    errors: tuple[float, ...]
    answer: str
    true: float
    fractions: tuple[float, ...]


@dataclass(frozen=True)
class Contest:
    """Runs side by side.

    task: what the answers mean.
    source: what the images come from.
    number: images in common.
    disagreements: images to which not all runs give the same leading answer.
    disputed: the images on which the runs differ most, the widest difference first.
    images: gives an image by its id, as (H, W) or (H, W, 3) uint8; None where there is none.
    """

    task: Task
    source: str
    number: int
    runs: tuple[Contestant, ...]
    pairs: tuple[Pair, ...]
    disagreements: int
    disputed: Sequence[DisputedClass] | Sequence[DisputedVotes]
    images: Callable[[str], np.ndarray | None]
    made: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        return self.task.names if self.task.exclusive else ()

    @property
    def metrics(self) -> tuple[tuple[str, str, bool], ...]:
        return tuple((each.name, each.title, each.lower_is_better) for each in self.task.metrics)

    def table(self) -> pd.DataFrame:
        """One row a run: its metrics with the ends of their intervals, and what it cost."""
        rows = []
        for run in self.runs:
            row: dict[str, Any] = {"run": run.name, "n": self.number}
            for key, _, _ in self.metrics:
                low, high = run.metrics["intervals"][key]
                row |= {key: run.metrics[key], f"{key}_low": low, f"{key}_high": high}
            rows.append(row | {"parameters": run.parameters, "seconds": run.seconds})
        return pd.DataFrame(rows)

    def best(self) -> Contestant:
        """The run with the best first metric."""
        key, _, less = self.metrics[0]
        return (min if less else max)(self.runs, key=lambda run: run.metrics[key])


def shown(key: str, value: float) -> str:
    """A metric as the page shows it.

    >>> shown("accuracy", 0.9512), shown("rmse", 0.08123)
    ('95.1\\xa0%', '0.0812')
    """
    return percent(value) if key in SHARES else f"{value:.4f}"


def signed(key: str, value: float) -> str:
    """A difference of a metric; of shares, in points of percent.

    >>> signed("accuracy", 0.0123), signed("rmse", -0.001)
    ('+1.2', '-0.0010')
    """
    return f"{100 * value:+.1f}" if key in SHARES else f"{value:+.4f}"


def chance(p_value: float) -> str:
    """A p value, in two digits.

    >>> chance(0.25), chance(1e-7)
    ('0.25', '< 0.0001')
    """
    return f"{p_value:.2g}" if p_value >= 1e-4 else "< 0.0001"
