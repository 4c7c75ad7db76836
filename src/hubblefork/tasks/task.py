"""What a label means, told by one object: nobody else asks whether labels are classes or votes.

`Classes` and `Votes` are the two kinds of labels; `Unlabelled` stands where there are none. A task
carries the names of its outputs, the heads and losses that fit it, how its labels are stratified
and measured, and the words for its answers.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn

import numpy as np
import pandas as pd

from hubblefork.core.errors import RequestError
from hubblefork.evaluation.comparison import Difference
from hubblefork.evaluation.registered import registered_metrics
from hubblefork.evaluation.scores import Score
from hubblefork.sky.decision_tree import DecisionTree
from hubblefork.tasks.metric import Metric
from hubblefork.tasks.words import AnswerWords

# The column of a table that says how many people looked at each galaxy, where that is known.
VOLUNTEERS = "volunteers"


@dataclass(frozen=True, eq=False)
class Strata:
    """Which stratum each of N rows belongs to, for splits that keep their fractions.

    codes: (N,) numbers from 0. names: of the strata, for readers. complete: whether each of them
    has to be in every subset of a split. rule: how they came about, in words.
    """

    codes: np.ndarray
    names: tuple[str, ...]
    complete: bool
    rule: str


class Task(ABC):
    """What the labels of images mean.

    Labels of N images are an array as `labels` gives it; answers of a model are (N, K), in the
    order of `names`.

    names: the K outputs, class names or the columns of the votes. kind: its name, in files.
    labels_are: what the labels are, in words. otherwise: what else can be made of them, as the
    end of a message. example, examples: what one and several images are called.
    default_head, heads, default_loss, losses: of networks that learn it, by name.
    training_metric: shown beside the loss while a network trains. own_metrics: the built-in ones
    that pages and comparisons show, the most telling first. exclusive: whether the answers are
    probabilities of classes that exclude one another, so that they can be calibrated and make
    prediction sets. words: for its answers.
    """

    names: tuple[str, ...]
    kind: ClassVar[str]
    labels_are: ClassVar[str]
    otherwise: ClassVar[str] = ""
    example: ClassVar[str] = "image"
    examples: ClassVar[str] = "images"
    default_head: ClassVar[str]
    heads: ClassVar[tuple[str, ...]]
    default_loss: ClassVar[str]
    losses: ClassVar[tuple[str, ...]]
    training_metric: ClassVar[Metric]
    own_metrics: ClassVar[tuple[Metric, ...]]
    exclusive: ClassVar[bool]

    @property
    @abstractmethod
    def words(self) -> AnswerWords:
        """Labels and predictions in words."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics that pages and comparisons show: `own_metrics`, then the registered ones."""
        registered = (
            Metric(each.name, each.title, each.lower_is_better, each.percent, each.about)
            for each in registered_metrics(self.kind)
        )
        return (*self.own_metrics, *registered)

    @property
    def tree(self) -> DecisionTree:
        """The questions that votes answer. Raises RequestError where the labels are no votes."""
        raise RequestError(f"{self.labels_are} have no decision tree; expected fractions of votes")

    @property
    def outputs(self) -> int:
        """The number of outputs of a network for one image."""
        return len(self.names)

    @property
    @abstractmethod
    def label_columns(self) -> tuple[str, ...]:
        """The columns of a packed table that hold the labels."""

    @property
    def summary(self) -> str:
        """What the labels are, after 'N images': 'in 5 classes', for example."""
        return f"with {self.labels_are}"

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The JSON that `task_from_json` reads."""

    @abstractmethod
    def labels(self, table: pd.DataFrame) -> np.ndarray:
        """The labels of a packed table's rows."""

    @abstractmethod
    def strata(self, table: pd.DataFrame) -> Strata:
        """The stratum of each of a packed table's rows."""

    def class_counts(self, labels: np.ndarray) -> dict[str, int]:
        """The number of images of each class; empty where labels are no classes."""
        return {}

    @abstractmethod
    def aligned(self, other: "Task", source: str) -> Callable[[np.ndarray], np.ndarray]:
        """A function from labels of another task to labels of this one.

        source: whose labels those are, for messages. Raises RequestError where they are of another
        kind, or have classes that this task does not know.
        """

    def fractions(self, table: pd.DataFrame, source: str) -> np.ndarray:
        """The vote fractions (N, answers) of a table's rows, for rules that make classes of them.

        Raises RequestError where the labels are no votes.
        """
        raise RequestError(
            f"{source} has {self.labels_are}; --classes makes classes from fractions of votes"
        )

    def require_classes(self, purpose: str) -> None:
        """RequestError, which begins with `purpose`, where labels are no classes."""
        raise RequestError(f"{purpose}, and there are {self.labels_are}")

    def refuse(self, what: str, expected: Sequence[str], settings: str) -> NoReturn:
        """RequestError for a part of a network or of its training that does not fit the labels."""
        raise RequestError(
            f"{what} does not fit these labels, which are {self.labels_are}; expected "
            f"{' or '.join(expected)}: --set {settings}{self.otherwise}"
        )

    @abstractmethod
    def measure(self, true: np.ndarray, values: np.ndarray) -> dict[str, Any]:
        """The metrics of predictions (N, K), ready for JSON, with 95 % intervals."""

    @abstractmethod
    def compare(
        self, true: np.ndarray, first: np.ndarray, second: np.ndarray
    ) -> dict[str, Difference]:
        """The metrics of the second predictions (N, K) minus those of the first."""

    @abstractmethod
    def leading(self, values: np.ndarray) -> np.ndarray:
        """(N,) the predicted class, or first answer, as an index."""

    @abstractmethod
    def truth(self, true: np.ndarray) -> np.ndarray:
        """(N,) the true value of `leading`."""

    @abstractmethod
    def tally(self, true: np.ndarray, values: np.ndarray) -> np.ndarray:
        """(N,) the contribution of each image to the score."""

    @abstractmethod
    def score(self, tally: np.ndarray) -> Score:
        """The score of the contributions of `tally`."""

    @abstractmethod
    def baseline(self, true: np.ndarray) -> float:
        """The best score of a constant prediction for these labels."""

    @abstractmethod
    def pooled(self, true: np.ndarray) -> np.ndarray:
        """Predictions (N, K) from several labels for each image, (N, k, ...): their mean."""

    @abstractmethod
    def worst(self, true: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Indices of the wrong predictions, in the order in which to look at them."""

    @abstractmethod
    def kinds(self, true: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
        """(N,) the kind of each label, and the names of the kinds, for the colours of a figure."""

    @abstractmethod
    def targets(self, values: np.ndarray) -> list[int]:
        """The indices of the outputs (K,) of one image to make maps of the evidence for."""

    @abstractmethod
    def row(self, values: np.ndarray) -> dict[str, Any]:
        """The prediction (K,) for one image as columns of a table, with `predicted`."""


class Unlabelled(Task):
    """Nothing is known of the images; they can be looked at and predicted.

    >>> Unlabelled().outputs
    0
    """

    kind = "unlabelled"
    labels_are = "no labels"
    heads = ()
    losses = ()
    own_metrics = ()
    exclusive = False
    names = ()
    label_columns = ()
    summary = "without labels"

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unlabelled)

    def __hash__(self) -> int:
        return hash(self.kind)

    def _none(self, *_: Any) -> NoReturn:
        raise RequestError("these images have no labels")

    words = tree = property(_none)
    labels = strata = aligned = measure = compare = _none  # type: ignore[assignment]  # takes anything
    leading = truth = tally = score = baseline = _none  # type: ignore[assignment]  # takes anything
    pooled = worst = kinds = targets = row = _none  # type: ignore[assignment]  # takes anything
