"""Does a network look at the object, or at what is around it?

The whole test set is measured three times: as it is, with the middle of every image blurred,
and with everything but the middle blurred. A network that has learnt the object loses its accuracy
with the middle and keeps it without the surroundings; one that has learnt how images were taken,
or where dragonflies like to sit, does not. Fractions of votes are measured by their RMSE instead.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from torch import Tensor

from hubblefork.core.errors import RequestError
from hubblefork.evaluation.scores import Score
from hubblefork.explanation.inputs import answers, blurred, network_inputs
from hubblefork.explanation.tiles import save_sheet
from hubblefork.models.predictor import Predictor
from hubblefork.report.ranking_charts import draw_scores

_BATCH = 128

# The middle and its surroundings fade into one another over this share of the side: a hard edge
# would be a thing to see.
_FADE = 0.05


@dataclass(frozen=True)
class Surroundings:
    """How good the answers to the same images are, whole and with a part of each blurred.

    radius: of the middle, as a share of the image's side.
    """

    number: int
    radius: float
    whole: Score
    without_middle: Score
    without_surroundings: Score

    @property
    def measure(self) -> str:
        """What is measured: `accuracy`, or `rmse` of votes."""
        return self.whole.measure

    @property
    def table(self) -> pd.DataFrame:
        """Three rows: images, n, accuracy or rmse, low and high (its 95 % interval)."""
        shown = {
            "as they are": self.whole,
            "middle blurred": self.without_middle,
            "surroundings blurred": self.without_surroundings,
        }
        rows = [
            (kind, self.number, score.value, score.low, score.high) for kind, score in shown.items()
        ]
        return pd.DataFrame(rows, columns=["images", "n", self.measure, "low", "high"])

    @property
    def looks_at_the_object(self) -> bool:
        """Whether the middle matters more than all around it."""
        return self.without_surroundings.beats(self.without_middle)

    def figure(self) -> Figure:
        """The three scores with their intervals."""
        return draw_scores(self.table, self.measure)

    def save(self, path: str | Path) -> None:
        """Write the figure as a PNG file."""
        save_sheet(self.figure(), path)


def surroundings(
    predictor: Predictor,
    images: np.ndarray,
    rows: np.ndarray,
    labels: np.ndarray,
    radius: float = 0.3,
    done: Callable[[int], None] | None = None,
) -> Surroundings:
    """Measure a network with the middle, and with the surroundings, of its images blurred.

    Parameters
    ----------
    predictor
        A trained network.
    images, rows
        Packed images (N, H, W, C) uint8, and which of them.
    labels
        True classes of these rows, by the model's numbering; or their fractions of votes (n, 37).
    radius
        Of the middle, as a share of the image's side, in (0, 0.5].
    done
        Is called with the number of images of each batch that has been measured.

    Raises RequestError for a radius out of its range, and for no images.

    >>> predictor = Predictor.load(run.path)  # run = hubblefork.train(galaxies, "lenet5")
    >>> black = np.zeros((3, 24, 24, 3), np.uint8)
    >>> found = surroundings(predictor, black, np.arange(3), np.zeros(3, int))
    >>> found.table["images"].tolist(), found.looks_at_the_object
    (['as they are', 'middle blurred', 'surroundings blurred'], False)
    >>> found.save(folder / "surroundings.png")
    """
    if not 0 < radius <= 0.5:
        raise RequestError(f"radius {radius}: expected a share of the side above 0, up to 0.5")
    if not len(rows):
        raise RequestError("no images to test the surroundings on")
    task = predictor.task
    tallies: tuple[list[np.ndarray], ...] = ([], [], [])
    for start in range(0, len(rows), _BATCH):
        batch = rows[start : start + _BATCH]
        inputs = network_inputs(predictor, images[batch])
        plain, middle = blurred(inputs), _middle(inputs, radius)
        shown = (inputs, inputs + middle * (plain - inputs), plain + middle * (inputs - plain))
        true = labels[start : start + _BATCH]
        for tally, each in zip(tallies, shown, strict=True):
            tally.append(task.tally(true, answers(predictor, each)))
        if done:
            done(len(batch))
    scores = (task.score(np.concatenate(tally)) for tally in tallies)
    return Surroundings(len(rows), radius, *scores)


def _middle(inputs: Tensor, radius: float) -> Tensor:
    """(H, W) weights: 1 within the radius, 0 outside it, fading between."""
    side = inputs.shape[-1]
    places = (torch.arange(side, device=inputs.device) + 0.5) / side - 0.5
    distance = torch.hypot(places[:, None], places[None, :])
    return torch.sigmoid((radius - distance) / (_FADE / 4))
