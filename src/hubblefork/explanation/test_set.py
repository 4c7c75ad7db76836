"""A test set under explanation: what is known of its images, and how they are shown.

Each section of the page is a `Finding`: what the page shows, what files hold of it, and figures.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from hubblefork.evaluation.scores import Score
from hubblefork.explanation.attribution import saliency
from hubblefork.explanation.neighbours import Neighbours
from hubblefork.explanation.overlay import covered
from hubblefork.explanation.single_image import Known
from hubblefork.models.predictor import Predictor
from hubblefork.report.explain import Section, Tile
from hubblefork.report.run_data import displayable
from hubblefork.tasks.task import Task


@dataclass(frozen=True, eq=False)
class Finding:
    """One section, with tables by the name of their file, and figures for `explanation.json`."""

    section: Section
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Part:
    """N labelled images that a network has answered to.

    images: packed, (M, H, W, C) uint8; rows: (N,) which of them these are.
    ids: (N,) text; labels: (N,) true classes, or (N, 37) fractions of votes; values: (N, K)
    probabilities, or fractions; features: (N, F).
    known: the training images; neighbours: the nearest of these. method, layer: of the maps;
    layer may be None.
    """

    predictor: Predictor
    images: np.ndarray
    rows: np.ndarray
    ids: np.ndarray
    labels: np.ndarray
    values: np.ndarray
    features: np.ndarray
    known: Known
    neighbours: Neighbours
    method: str
    layer: str | None = None

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def names(self) -> tuple[str, ...]:
        return self.predictor.names

    @cached_property
    def task(self) -> Task:
        """What labels and values mean."""
        return self.predictor.task

    @cached_property
    def predicted(self) -> np.ndarray:
        """(N,) the most probable class; of votes, the commonest answer to the first question."""
        return self.task.leading(self.values)

    @cached_property
    def right(self) -> np.ndarray:
        """(N,) whether that is what the label says."""
        return self.task.truth(self.labels) == self.predicted

    @cached_property
    def score(self) -> Score:
        """How good the answers are."""
        return self.task.score(self.task.tally(self.labels, self.values))

    @cached_property
    def baseline(self) -> float:
        """How good they would be if the network knew nothing but the labels' mean."""
        return self.task.baseline(self.labels)

    @cached_property
    def true_words(self) -> np.ndarray:
        """(N,) the labels in words."""
        return self.task.words.labels(self.labels)

    @cached_property
    def said_words(self) -> np.ndarray:
        """(N,) the answers in such words."""
        return self.task.words.answers(self.values)

    def answer(self, place: int) -> str:
        """What was answered to the image at a place, in words."""
        return self.task.words.summary(self.values[place])

    def held(self, place: int) -> str:
        """What its label says, as it stands beside the answer."""
        return self.task.words.beside(self.true_words[place])

    def tile(self, place: int, text: str = "", **facts: str) -> Tile:
        """The image at a place, with its label unless another text is given."""
        return Tile(
            displayable(self.images[self.rows[place]]),
            f"Image {self.ids[place]}: predicted {self.answer(place)}; {self.held(place)}",
            text or self.true_words[place],
            facts,
        )

    def map_tile(self, place: int, target: int) -> Tile:
        """The image below the map of the evidence for an answer."""
        found = saliency(
            self.predictor,
            self.images[self.rows[place]],
            self.method,
            self.names[target],
            self.layer if self.method == "grad-cam" else None,
        )
        name = self.task.words.name(target)
        told = self.task.words.told(self.values[place], target)
        text = f"for {told}" if found.map.max() > 0 else f"nothing speaks for {name}"
        alt = f"Map of the evidence for {name} in image {self.ids[place]}"
        return Tile(covered(found.seen, found.map), alt, text)

    def map_tiles(self, place: int, most: int = 2) -> list[Tile]:
        """The maps of the first answers that are worth one."""
        targets = self.task.targets(self.values[place])[:most]
        return [self.map_tile(place, each) for each in targets]
