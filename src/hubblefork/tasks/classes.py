"""The task of telling classes apart: each image belongs to exactly one."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from hubblefork.core.errors import RequestError, first_few
from hubblefork.core.names import normalised
from hubblefork.core.text import percent, several, shortened
from hubblefork.evaluation import scores
from hubblefork.evaluation.class_metrics import measure_classes
from hubblefork.evaluation.comparison import Difference, compare_classes
from hubblefork.evaluation.scores import Score
from hubblefork.sky.class_rules import DISPLAY_NAMES
from hubblefork.tasks.metric import ACCURACY, Metric
from hubblefork.tasks.task import Strata, Task
from hubblefork.tasks.words import AnswerWords

# A class name is shown on pages and heads a column; species and cultivars have up to 60 letters.
LONGEST_NAME = 500

# Classes of the table of probabilities: with more, the rest is below a hundredth or so each.
_CLASSES = 10


@dataclass(frozen=True)
class Classes(Task):
    """Each image belongs to exactly one of `names`; a table's `label` column holds its index.

    Labels are (N,) int64; answers are probabilities (N, K) that sum to 1. Raises RequestError for
    a name that is too long to be read.

    >>> Classes(("elliptical", "spiral")).outputs
    2
    """

    names: tuple[str, ...]

    kind = "classes"
    labels_are = "classes"
    default_head = "softmax"
    heads = ("softmax",)
    default_loss = "cross-entropy"
    losses = ("cross-entropy",)
    training_metric = ACCURACY
    own_metrics = (
        ACCURACY,
        Metric("balanced_accuracy", "Balanced accuracy", percent=True),
        Metric("macro_f1", "Macro F1", percent=True),
        Metric("log_loss", "Log loss", lower_is_better=True),
        Metric("expected_calibration_error", "Calibration error", True, percent=True),
    )
    exclusive = True
    label_columns = ("label",)

    def __post_init__(self) -> None:
        if longest := [name for name in self.names if len(name) > LONGEST_NAME]:
            raise RequestError(
                f"the class {shortened(longest[0], 60)!r} has a name of {len(longest[0]):,} "
                f"letters; expected at most {LONGEST_NAME}"
            )

    @cached_property
    def words(self) -> "ClassWords":
        return ClassWords(self.names)

    @property
    def summary(self) -> str:
        return f"in {several(self.outputs, 'class', 'classes')}"

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "names": list(self.names)}

    def labels(self, table: pd.DataFrame) -> np.ndarray:
        return table["label"].to_numpy(np.int64)

    def strata(self, table: pd.DataFrame) -> Strata:
        return Strata(self.labels(table), self.names, complete=True, rule="class")

    def class_counts(self, labels: np.ndarray) -> dict[str, int]:
        counts = np.bincount(labels, minlength=self.outputs).tolist()
        return dict(zip(self.names, counts, strict=True))

    def aligned(self, other: Task, source: str) -> Callable[[np.ndarray], np.ndarray]:
        if not isinstance(other, Classes):
            hint = "; --classes makes classes of them" if other.heads else ""
            raise RequestError(
                f"{source} has {other.labels_are}, and the model gives classes{hint}"
            )
        number = {normalised(name): index for index, name in enumerate(self.names)}
        names = list(map(normalised, other.names))
        unknown = [repr(name) for name in names if name not in number]
        if unknown:
            raise RequestError(
                f"{source} has classes that the model does not know: {first_few(unknown)}; "
                f"it knows {first_few(map(repr, self.names), 10)}"
            )
        numbers = np.array([number[name] for name in names])
        return lambda labels: numbers[labels]

    def require_classes(self, purpose: str) -> None:
        """There are classes."""

    def measure(self, true: np.ndarray, values: np.ndarray) -> dict[str, Any]:
        return measure_classes(true, values, self.names)

    def compare(
        self, true: np.ndarray, first: np.ndarray, second: np.ndarray
    ) -> dict[str, Difference]:
        return compare_classes(true, first, second, self.names)

    def leading(self, values: np.ndarray) -> np.ndarray:
        return values.argmax(axis=1)

    def truth(self, true: np.ndarray) -> np.ndarray:
        return true

    def tally(self, true: np.ndarray, values: np.ndarray) -> np.ndarray:
        return values.argmax(axis=1) == true

    def score(self, tally: np.ndarray) -> Score:
        return scores.accuracy(tally)

    def baseline(self, true: np.ndarray) -> float:
        return float(np.bincount(true).max() / len(true))

    def pooled(self, true: np.ndarray) -> np.ndarray:
        counts = np.zeros((len(true), self.outputs))
        np.add.at(counts, (np.arange(len(true))[:, None], true), 1 / true.shape[1])
        return counts

    def worst(self, true: np.ndarray, values: np.ndarray) -> np.ndarray:
        places = np.flatnonzero(values.argmax(axis=1) != true)
        return places[np.argsort(-values[places].max(axis=1, initial=0), kind="stable")]

    def kinds(self, true: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
        return true, self.words.names

    def targets(self, values: np.ndarray) -> list[int]:
        return _order(values)[:2]

    def row(self, values: np.ndarray) -> dict[str, Any]:
        best, second = _order(values)[:2]
        return {
            "predicted": self.names[best],
            "probability": values[best],
            "runner_up": self.names[second],
            "p_runner_up": values[second],
        }


class ClassWords(AnswerWords):
    """Words for probabilities of classes that exclude one another.

    names: as people write them.
    """

    quantity = "probability"
    baseline = "Majority-class baseline"
    constant = "Always predicting the most common class"
    changed = "Changed answers"
    agreed = "correctly classified images"
    maps = (
        "Bright where the evidence for a class is, with a contour at one half: for the predicted "
        "class and for the second most probable one."
    )
    compared = (
        "The misclassified images with the highest confidence, each followed by its nearest "
        "training images in the features of the network. If these have the wrong class too, the "
        "features do not distinguish the classes, or the label of a training image is wrong."
    )

    def __init__(self, names: tuple[str, ...]):
        self.names = tuple(map(display_name, names))
        self._names = np.array(self.names, dtype=object)

    def labels(self, true: np.ndarray) -> np.ndarray:
        return self._names[true]

    def answers(self, values: np.ndarray) -> np.ndarray:
        return self._names[values.argmax(axis=1)]

    def beside(self, label: str) -> str:
        return f"true class: {label}"

    def summary(self, values: np.ndarray) -> str:
        return self.told(values, int(values.argmax()))

    def sentence(self, values: np.ndarray) -> str:
        best, second = _order(values)[:2]
        return (
            f"‘{self.names[best]}’ with {percent(values[best])}; the second is "
            f"‘{self.names[second]}’ with {percent(values[second])}."
        )

    def table(self, values: np.ndarray) -> pd.DataFrame:
        rows = _order(values)[:_CLASSES]
        return pd.DataFrame(
            {
                "Class": [self.names[each] for each in rows],
                "Probability": [percent(values[each]) for each in rows],
            }
        )

    def alike(self, agree: int, number: int) -> str:
        return (
            "The nearest training images in the features of the network, with their labels; "
            f"{agree} of {number} have the predicted class."
        )

    def pooled_score(self, k: int, value: str) -> str:
        return (
            f"The most common label of the {k} nearest training images is the true one for {value}."
        )


def check_names(names: Sequence[Any]) -> None:
    """RequestError unless these can be the names of classes: two or more, each text of its own.

    >>> check_names(["disc", "disc"])
    Traceback (most recent call last):
    hubblefork.core.errors.RequestError: two classes are called 'disc'
    """
    if len(names) < 2:
        raise RequestError(f"{len(names)} classes; expected two or more")
    for name in names:
        if not isinstance(name, str) or not name.strip():
            raise RequestError(f"{name!r} cannot be the name of a class; expected text")
    if len(set(names)) < len(names):
        twice = next(name for name, number in Counter(names).items() if number > 1)
        raise RequestError(f"two classes are called {twice!r}")


def display_name(name: str) -> str:
    """A class name as people write it, if it was written for a computer.

    >>> display_name("completely_round_smooth"), display_name("lens_or_arc"), display_name("bar")
    ('Completely round, smooth', 'Lens or arc', 'bar')
    """
    if name in DISPLAY_NAMES:
        return DISPLAY_NAMES[name]
    words = " ".join(name.split("_")).strip()
    if "_" not in name or " " in name or not words:
        return name
    return words[0].upper() + words[1:]


def _order(values: np.ndarray) -> list[int]:
    """The classes by probability, the highest first."""
    return np.argsort(-values, kind="stable").tolist()
