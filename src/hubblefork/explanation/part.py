"""A test part under explanation: what is known of its pictures, and how they are shown.

Each section of the page is a `Finding`: what the page shows, what files hold of it, and figures.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from hubblefork.explanation.neighbours import Neighbours
from hubblefork.explanation.overlay import covered
from hubblefork.explanation.picture import Known
from hubblefork.explanation.saliency import saliency
from hubblefork.prediction.predictor import Predictor
from hubblefork.report.explain import Section, Tile
from hubblefork.report.material import displayable
from hubblefork.report.words import percent


@dataclass(frozen=True, eq=False)
class Finding:
    """One section, with tables by the name of their file, and figures for `explanation.json`."""

    section: Section
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Part:
    """N labelled pictures that a classifier has answered to.

    pictures: packed, (M, H, W, C) uint8; rows: (N,) which of them these are.
    ids: (N,) text; labels: (N,) true classes; probabilities: (N, K); features: (N, F).
    known: the training pictures; neighbours: the nearest of these. method, layer: of the maps;
    layer may be None.
    """

    predictor: Predictor
    pictures: np.ndarray
    rows: np.ndarray
    ids: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
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

    @property
    def predicted(self) -> np.ndarray:
        """(N,) the most probable class."""
        return self.probabilities.argmax(axis=1)

    def answer(self, place: int) -> str:
        """The predicted class and its probability, in words."""
        best = self.predicted[place]
        return f"{self.names[best]}, {percent(self.probabilities[place, best], 0)}"

    def tile(self, place: int, text: str = "", **facts: str) -> Tile:
        """The picture at a place, with its true class unless another text is given."""
        true = self.names[self.labels[place]]
        return Tile(
            displayable(self.pictures[self.rows[place]]),
            f"Picture {self.ids[place]}: predicted {self.answer(place)}; in truth {true}",
            text or true,
            facts,
        )

    def map_tile(self, place: int, target: int) -> Tile:
        """The picture below the map of the evidence for a class."""
        found = saliency(
            self.predictor,
            self.pictures[self.rows[place]],
            self.method,
            self.names[target],
            self.layer if self.method == "grad-cam" else None,
        )
        name = self.names[target]
        share = percent(self.probabilities[place, target], 0)
        text = f"for {name}, {share}" if found.map.max() > 0 else f"nothing speaks for {name}"
        alt = f"Map of the evidence for {name} in picture {self.ids[place]}"
        return Tile(covered(found.seen, found.map), alt, text)
