"""Two runs on the test images that they have in common: what the second corrects and breaks."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hubblefork.evaluation.comparison import McNemar, discordant, mcnemar
from hubblefork.report.disputed import DISPUTES
from hubblefork.tasks.predictions import Predictions


@dataclass(frozen=True, eq=False)
class RunPair:
    """The predictions of two runs for the same images, as `hubblefork compare` has them.

    names: of the two runs. answers: their predictions (n). rows: (n,) the rows of these images in
    the collection. With votes, right is who has the volunteers' first answer.
    """

    names: tuple[str, str]
    answers: tuple[Predictions, Predictions]
    rows: np.ndarray

    @classmethod
    def of(cls, named: Sequence[tuple[str, Predictions]], ids: Sequence[str]) -> "RunPair":
        """named: each run's name and predictions, of the same images. ids: of the collection."""
        (one, first), (two, second) = named
        place = {each: row for row, each in enumerate(ids)}
        # An image that is not there any more cannot be looked at.
        there = np.array([each in place for each in first.ids], bool)
        rows = np.array([place[each] for each in first.ids[there]], np.int64)
        return cls((one, two), (first.take(there), second.take(there)), rows)

    @cached_property
    def test(self) -> McNemar:
        """How many only the first, and only the second has right."""
        return mcnemar(*(each.correct for each in self.answers))

    @cached_property
    def differing(self) -> np.ndarray:
        """Rows of the images on which the two differ, the largest difference first."""
        return self.rows[self._order]

    @cached_property
    def broken(self) -> np.ndarray:
        """Of these, what only the first run has right."""
        return self.rows[self._order[np.isin(self._order, self._discordant[0])]]

    @cached_property
    def corrected(self) -> np.ndarray:
        """Of these, what only the second run has right."""
        return self.rows[self._order[np.isin(self._order, self._discordant[1])]]

    def values(self, row: int) -> np.ndarray | None:
        """(K,) the second run's prediction for a row; None where it is not in common."""
        places = np.flatnonzero(self.rows == row)
        return self.answers[1].values[places[0]] if len(places) else None

    def to_json(self) -> dict[str, Any]:
        """As the page takes it: names, and the numbers of images."""
        right = np.stack([each.correct for each in self.answers])
        return {
            "names": self.names,
            "images": len(self.rows),
            "both": int(right.all(axis=0).sum()),
            "neither": int((~right).all(axis=0).sum()),
            **vars(self.test),
        }

    @cached_property
    def _order(self) -> np.ndarray:
        return DISPUTES[self.answers[0].task.kind].order(self.answers)

    @cached_property
    def _discordant(self) -> tuple[np.ndarray, np.ndarray]:
        return discordant(*(each.correct for each in self.answers))
