"""Whether a map tells the truth about a network: what happens when its places are taken away.

The deletion curve of Petsiuk, Das and Saenko 2018 (RISE): places are blurred, those of the highest
values first, and the probability of the answer is watched. Of a map that points at the evidence it
falls early, so the area below the curve is small; places in random order are what it is held
against.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn import functional as F

from hubblefork.explanation.inputs import answers, blurred, network_inputs
from hubblefork.explanation.saliency import Saliency
from hubblefork.explanation.tiles import save_sheet
from hubblefork.prediction.predictor import Predictor
from hubblefork.report.style import GRID, MUTED, PART_COLOURS, styled

# Points of a curve: steps of a twentieth of the picture.
_STEPS = 20

# Squares on a side that are taken away as one: as fine as the maps of most late layers.
_PLACES = 16

# Random orders that are averaged.
_ORDERS = 5


@dataclass(frozen=True, eq=False)
class DeletionCurve:
    """How the probability of an answer falls as the picture is taken away.

    shares: (S,) of the picture that is blurred, from 0 to 1.
    probabilities: (S,) of the answer, places of the highest saliency first.
    random: (S,) the same for places in random order, the mean of several.
    """

    shares: np.ndarray
    probabilities: np.ndarray
    random: np.ndarray

    @property
    def area(self) -> float:
        """Mean of the curve, from 0 to 1: the lower, the more faithful the map."""
        return float(np.trapezoid(self.probabilities, self.shares))

    @property
    def random_area(self) -> float:
        """The same of random places."""
        return float(np.trapezoid(self.random, self.shares))

    def figure(self) -> Figure:
        """Both curves."""
        with styled(()):
            figure = Figure(figsize=(4.6, 3.0), layout="constrained")
            axes = figure.subplots()
            axes.plot(self.shares, self.random, color=MUTED, linestyle=(0, (4, 1.5)),
                      label=f"random places ({self.random_area:.2f})")  # fmt: skip
            axes.plot(self.shares, self.probabilities, color=PART_COLOURS["train"],
                      label=f"highest first ({self.area:.2f})")  # fmt: skip
            axes.set(xlim=(0, 1), ylim=(0, 1))
            axes.set_xlabel("Share of the picture that is blurred")
            axes.set_ylabel("Probability of the answer")
            axes.grid(axis="y", color=GRID)
            axes.legend()
        return figure

    def save(self, path: str | Path) -> None:
        """Write the figure as a PNG file."""
        save_sheet(self.figure(), path)


def deletion_curve(
    predictor: Predictor, picture: np.ndarray, found: Saliency, seed: int = 0
) -> DeletionCurve:
    """Take a picture away by the places of its saliency map, and watch the answer.

    Parameters
    ----------
    predictor, picture
        As `saliency` was given them.
    found
        What it gave.
    seed
        Of the random orders.
    """
    inputs = network_inputs(predictor, picture[None])
    target = predictor.names.index(found.target)
    places = F.adaptive_avg_pool2d(torch.tensor(found.map)[None, None], _PLACES).flatten()
    random = np.random.default_rng(seed)
    orders = [torch.tensor(random.permutation(len(places))) for _ in range(_ORDERS)]
    # Places of the same value come in random order too, not row by row.
    by_value = orders[0][places[orders[0]].argsort(descending=True, stable=True)]
    shares = np.linspace(0, 1, _STEPS + 1)
    falls = [_fall(predictor, inputs, order, shares, target) for order in [by_value, *orders]]
    return DeletionCurve(shares, falls[0], np.mean(falls[1:], axis=0))


def _fall(
    predictor: Predictor, inputs: Tensor, order: Tensor, shares: np.ndarray, target: int
) -> np.ndarray:
    """(S,) the probability of the target with shares of the places, in this order, blurred."""
    rank = torch.empty(len(order))
    rank[order] = torch.arange(len(order), dtype=torch.float32)
    gone = rank[None] < torch.tensor(shares, dtype=torch.float32)[:, None] * len(order)
    masks = gone.float().view(-1, 1, _PLACES, _PLACES).to(inputs.device)
    masks = F.interpolate(masks, inputs.shape[-2:], mode="nearest")
    mixed = inputs * (1 - masks) + blurred(inputs) * masks
    return answers(predictor, mixed)[:, target]
