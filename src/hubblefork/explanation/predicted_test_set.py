"""A test set that a network has predicted, with all that explanations need of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from hubblefork.evaluation.scores import Score
from hubblefork.explanation.attribution import Attribution, attribution
from hubblefork.explanation.neighbours import Neighbours, ReferenceImages
from hubblefork.models.predictor import Predictor
from hubblefork.tasks.predictions import Predictions
from hubblefork.tasks.task import Task


@dataclass(frozen=True, eq=False)
class TestSet:
    """N labelled images that a network has predicted.

    images: packed, (M, H, W, C) uint8; rows: (N,) which of them these are.
    predictions: of these N images, with their labels. features: (N, F).
    reference: the training images; neighbours: the nearest of these.
    method, layer: of attribution; layer may be None. validation: rows of the validation set.
    """

    predictor: Predictor
    images: np.ndarray
    rows: np.ndarray
    predictions: Predictions
    features: np.ndarray
    reference: ReferenceImages
    neighbours: Neighbours
    method: str
    layer: str | None = None
    validation: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def task(self) -> Task:
        """What labels and values mean."""
        return self.predictor.task

    @cached_property
    def score(self) -> Score:
        """How good the answers are."""
        task, found = self.task, self.predictions
        return task.score(task.tally(found.labels, found.values))

    @cached_property
    def baseline(self) -> float:
        """The score of always giving the same answer, the best that there is for these labels."""
        return self.task.baseline(self.predictions.labels)

    @cached_property
    def label_words(self) -> np.ndarray:
        """(N,) the labels in words."""
        return self.task.words.labels(self.predictions.labels)

    @cached_property
    def answer_words(self) -> np.ndarray:
        """(N,) the answers in words like those of a label."""
        return self.task.words.answers(self.predictions.values)

    def image(self, index: int) -> np.ndarray:
        """One of the N images, (H, W, C) uint8."""
        return self.images[self.rows[index]]

    def example(self, index: int, targets: Iterable[int]) -> "Example":
        """One of the N images with the evidence for answers, as indices of the task's names."""
        layer = self.layer if self.method == "grad-cam" else None
        found = (
            attribution(
                self.predictor, self.image(index), self.method, self.task.names[each], layer
            )
            for each in targets
        )
        return Example(int(index), tuple(found))


@dataclass(frozen=True, eq=False)
class Example:
    """One image of a test set, with the evidence for some answers.

    index: from 0 to N.
    """

    index: int
    attributions: tuple[Attribution, ...]
