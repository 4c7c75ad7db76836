"""Metrics that users and installed packages register by name, in addition to the built-in ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Literal, get_args

import numpy as np

from hubblefork.core.errors import RequestError, nearest
from hubblefork.core.registry import F, Registry
from hubblefork.evaluation.metrics_format import ClassMetrics, VoteMetrics

# The kinds of tasks that are measured, as `Task.kind` names them.
Kind = Literal["classes", "votes"]

_registry = Registry("metric")
_metrics: dict[str, "RegisteredMetric"] = {}


@dataclass(frozen=True)
class RegisteredMetric:
    """A function that measures predictions, and the arguments of `register_metric`."""

    name: str
    function: Callable[[np.ndarray, np.ndarray], float]
    lower_is_better: bool
    percent: bool
    task: Kind

    @property
    def about(self) -> str:
        """The first line of the function's docstring."""
        return (self.function.__doc__ or "registered by its name").strip().split("\n")[0]

    @property
    def title(self) -> str:
        """The name, as it is displayed."""
        return self.name[0].upper() + self.name[1:].replace("_", " ")

    def __call__(self, true: np.ndarray, values: np.ndarray) -> float:
        """The value of the metric; RequestError unless it is a finite number."""
        try:
            value = float(self.function(true, values))
        except Exception as error:  # of any kind: it is somebody else's code
            raise RequestError(
                f"the metric {self.name!r} failed ({type(error).__name__}: {error}); it is called "
                "with random samples of the test set, where a class can be missing"
            ) from error
        if not isfinite(value):
            raise RequestError(
                f"the metric {self.name!r} returned {value}; expected a finite number, also for "
                "random samples of the test set, where a class can be missing"
            )
        return value


def register_metric(
    name: str, *, lower_is_better: bool = False, percent: bool = False, task: Kind = "classes"
) -> Callable[[F], F]:
    """Decorate a function that measures predictions: evaluations, reports and comparisons show it.

    It is called as `function(true, values)` and returns a finite number. For classes, `true` (N,)
    are their numbers and `values` (N, K) the predicted probabilities; for votes, both are fractions
    (N, answers). A bootstrap over the images, which calls it a thousand times, gives the interval;
    where all draws give the same, it is what four further images, all wrong or all right, would
    change (Agresti & Coull 1998).

    Parameters
    ----------
    name
        Its key in `metrics.json`.
    lower_is_better
        Whether it is an error or a loss.
    percent
        Whether it is a fraction, to be shown in percent.
    task
        `classes` or `votes`: the predictions that it measures.

    A package announces the decorated function in its pyproject.toml::

        [project.entry-points."hubblefork.metrics"]
        top-2-accuracy = "my_package.metrics:top_2_accuracy"

    Raises RequestError for a name that is taken or cannot be one, and for another task.

    >>> @register_metric("top-2-accuracy", percent=True)
    ... def top_2_accuracy(true, values):
    ...     return (values.argsort(axis=1)[:, -2:] == true[:, None]).any(axis=1).mean()
    >>> from hubblefork.evaluation.class_metrics import measure_classes
    >>> metrics = measure_classes([0, 1, 2], np.eye(3), ["spiral", "elliptical", "irregular"])
    >>> metrics["top-2-accuracy"], metrics["intervals"]["top-2-accuracy"]
    (1.0, [0.428..., 1.0])
    """
    if task not in get_args(Kind):
        raise RequestError(
            f"metric {name!r}: unknown task {task!r}; {nearest(task, get_args(Kind))}"
        )
    register = _registry.register(name)
    if name in ClassMetrics.model_fields | VoteMetrics.model_fields:
        raise RequestError(f"metrics.json has a key {name!r} already; choose another name")

    def add(function: F) -> F:
        register(function)
        _metrics[name] = RegisteredMetric(name, function, lower_is_better, percent, task)
        return function

    return add


def registered_metrics(task: str) -> list[RegisteredMetric]:
    """The registered metrics of a kind of task, by name.

    Raises RequestError where a package announces one that cannot be imported or is not decorated.
    """
    for name in _registry.names():
        if _registry.find(name) and name not in _metrics:
            raise RequestError(
                f"the metric {name!r} of an installed package is not decorated with "
                f'@hubblefork.register_metric("{name}")'
            )
    return [_metrics[name] for name in _registry.names() if _metrics[name].task == task]


def registered_scores(
    task: Kind, true: np.ndarray, values: np.ndarray
) -> Callable[[np.ndarray], dict[str, float]]:
    """A function from indices of images (n,), which may repeat, to their registered metrics."""
    metrics = registered_metrics(task)
    return lambda picks: {each.name: each(true[picks], values[picks]) for each in metrics}


# About the square of the normal deviate, as Agresti & Coull 1998 add such images to a proportion.
_FURTHER = 4


def further_scores(
    task: Kind, true: np.ndarray, values: np.ndarray, ends: Sequence[np.ndarray]
) -> dict[str, np.ndarray]:
    """The registered metrics with four further images, (2, 1) each, for `intervals.widened`.

    ends: other true labels for the same values (N, ...), of which all are wrong, and right.
    """
    picks = np.resize(np.arange(len(true)), _FURTHER)
    both = np.concatenate([values, values[picks]])
    found = [
        registered_scores(task, np.concatenate([true, end[picks]]), both)(np.arange(len(both)))
        for end in ends
    ]
    return {name: np.array([[end[name]] for end in found]) for name in found[0]}
