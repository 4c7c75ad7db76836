"""Whether a map tells the truth about a network: what happens when its places are taken away.

The deletion curve of Petsiuk, Das and Saenko 2018 (RISE): places are blurred, those of the highest
values first, and the probability of the answer is watched. Of a map that points at the evidence it
falls early, so the area below the curve is small; places in random order are what it is held
against.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn import functional as F

from hubblefork.core.errors import RequestError
from hubblefork.explanation.attribution import METHODS, Saliency, saliency
from hubblefork.explanation.inputs import answers, blurred, network_inputs
from hubblefork.explanation.tiles import save_sheet
from hubblefork.models.predictor import Predictor
from hubblefork.report.style import GRID, MUTED, PART_COLOURS, styled

# Points of a curve: steps of a twentieth of the image.
_STEPS = 20

# Squares on a side that are taken away as one: as fine as the maps of most late layers.
_PLACES = 16

# Random orders that are averaged.
_ORDERS = 5


@dataclass(frozen=True, eq=False)
class DeletionCurve:
    """How the probability of an answer falls as the image is taken away.

    shares: (S,) of the image that is blurred, from 0 to 1.
    probabilities: (S,) of the answer, places of the highest saliency first; of votes, its fraction.
    random: (S,) the same for places in random order, the mean of several.
    quantity: what is watched, `probability` or `fraction`.
    """

    shares: np.ndarray
    probabilities: np.ndarray
    random: np.ndarray
    quantity: str

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
            axes.set_xlabel("Share of the image that is blurred")
            axes.set_ylabel(f"{self.quantity.capitalize()} of the answer")
            axes.grid(axis="y", color=GRID)
            axes.legend()
        return figure

    def save(self, path: str | Path) -> None:
        """Write the figure as a PNG file."""
        save_sheet(self.figure(), path)


def deletion_curve(
    predictor: Predictor,
    image: np.ndarray,
    found: Saliency,
    seed: int = 0,
    random: np.ndarray | None = None,
) -> DeletionCurve:
    """Take an image away by the places of its saliency map, and watch the answer.

    Parameters
    ----------
    predictor, image
        As `saliency` was given them.
    found
        What it gave.
    seed
        Of the random orders.
    random
        The curve of random places, where it is known from another map of the same image for the
        same answer.

    >>> predictor = Predictor.load(run.path)  # run = hubblefork.train(galaxies, "lenet5")
    >>> image = np.random.default_rng(0).integers(0, 255, (24, 24, 3), np.uint8)
    >>> curve = deletion_curve(predictor, image, saliency(predictor, image))
    >>> len(curve.shares), 0 < curve.area < 1
    (21, True)
    >>> curve.save(folder / "deletion.png")
    """
    inputs = network_inputs(predictor, image[None])
    target = predictor.names.index(found.target)
    places = F.adaptive_avg_pool2d(torch.tensor(found.map)[None, None], _PLACES).flatten()
    generator = np.random.default_rng(seed)
    orders = [torch.tensor(generator.permutation(len(places))) for _ in range(_ORDERS)]
    # Places of the same value come in random order too, not row by row.
    by_value = orders[0][places[orders[0]].argsort(descending=True, stable=True)]
    shares = np.linspace(0, 1, _STEPS + 1)
    fall = _fall(predictor, inputs, by_value, shares, target)
    if random is None:
        random = np.mean([_fall(predictor, inputs, o, shares, target) for o in orders], axis=0)
    return DeletionCurve(shares, fall, random, predictor.task.words.quantity)


@dataclass(frozen=True, eq=False)
class Faithfulness:
    """The mean deletion curve of each method over the same images.

    curves: by the name of the method.
    number: of images.
    """

    curves: dict[str, DeletionCurve]
    number: int

    @property
    def table(self) -> pd.DataFrame:
        """One row a method, the most faithful first: method, images, area, random_area."""
        rows = [
            (method, self.number, curve.area, curve.random_area)
            for method, curve in self.curves.items()
        ]
        table = pd.DataFrame(rows, columns=["method", "images", "area", "random_area"])
        return table.sort_values("area", kind="stable").reset_index(drop=True)

    def figure(self) -> Figure:
        """All curves, and that of random places."""
        with styled(()):
            figure = Figure(figsize=(5.6, 3.4), layout="constrained")
            axes = figure.subplots()
            first = next(iter(self.curves.values()))
            axes.plot(first.shares, first.random, color=MUTED, linestyle=(0, (4, 1.5)),
                      label=f"random places ({first.random_area:.2f})")  # fmt: skip
            for colour, (method, curve) in zip(
                PART_COLOURS.values(), self.curves.items(), strict=False
            ):
                label = f"{method} ({curve.area:.2f})"
                axes.plot(curve.shares, curve.probabilities, color=colour, label=label)
            axes.set(xlim=(0, 1), ylim=(0, 1))
            axes.set_xlabel("Share of the image that is blurred")
            axes.set_ylabel(f"Mean {first.quantity} of the answer")
            axes.grid(axis="y", color=GRID)
            axes.legend()
        return figure

    def save(self, path: str | Path) -> None:
        """Write the figure as a PNG file."""
        save_sheet(self.figure(), path)


def faithfulness(
    predictor: Predictor,
    images: np.ndarray,
    methods: Sequence[str] = METHODS,
    layer: str | None = None,
    done: Callable[[int], None] | None = None,
) -> Faithfulness:
    """Hold methods of saliency against each other, and against random places.

    A method that this network has no maps for is left out.

    Parameters
    ----------
    predictor
        A trained network.
    images
        (N, H, W, C) uint8, framed as `predictor.framing` says; ten are enough to tell methods
        apart.
    methods, layer
        As `saliency` takes them.
    done
        Is called with 1 after each image.

    Raises RequestError where no method is left.

    >>> predictor = Predictor.load(run.path)  # run = hubblefork.train(galaxies, "lenet5")
    >>> found = faithfulness(predictor, np.zeros((1, 24, 24, 3), np.uint8),
    ...                      ["grad-cam", "integrated-gradients"])
    >>> sorted(found.table["method"])
    ['grad-cam', 'integrated-gradients']
    """
    falls: dict[str, list[DeletionCurve]] = {method: [] for method in methods}
    refused = None
    for image in images:
        random = None  # the same for all methods
        for method in list(falls):
            chosen = layer if method == "grad-cam" else None
            try:
                found = saliency(predictor, image, method, layer=chosen)
            except RequestError as error:
                refused = error
                del falls[method]
                continue
            curve = deletion_curve(predictor, image, found, random=random)
            falls[method].append(curve)
            random = curve.random
        if done:
            done(1)
    if not falls and refused:
        raise refused
    return Faithfulness({method: _mean(curves) for method, curves in falls.items()}, len(images))


def _mean(curves: Sequence[DeletionCurve]) -> DeletionCurve:
    return DeletionCurve(
        curves[0].shares,
        np.mean([curve.probabilities for curve in curves], axis=0),
        np.mean([curve.random for curve in curves], axis=0),
        curves[0].quantity,
    )


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
