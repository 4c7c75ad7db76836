"""Faithfulness: whether an answer depends on the pixels that its map shows.

The deletion curve of Petsiuk, Das and Saenko 2018 (RISE): squares of the image are blurred, those
with the strongest evidence first, while the probability of the answer is measured. For a faithful
map it decreases early, so that the area under the curve is small; squares in random order are the
baseline.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from scipy.special import stdtrit
from torch import Tensor
from torch.nn import functional as F

from hubblefork.core.errors import RequestError
from hubblefork.explanation.attribution import METHODS, Attribution, attribution
from hubblefork.explanation.inputs import answers, blurred, network_inputs
from hubblefork.explanation.saving import TableResult
from hubblefork.models.predictor import Predictor

# Steps of a curve, each a twentieth of the image.
_STEPS = 20

# Squares along a side: as fine as the maps of most late layers.
_SQUARES = 16

# Random orders that are averaged for the baseline.
_ORDERS = 5

# Of fewer images nothing is claimed.
_FEWEST = 5


@dataclass(frozen=True, eq=False)
class DeletionCurve(TableResult):
    """The probability of an answer while the image is blurred square by square.

    fractions: (S,) of the image that are blurred, from 0 to 1.
    values: (S,) probability of the answer, or its fraction of votes, where squares with the
    strongest evidence are blurred first.
    orders: (R, S) the same for squares in R random orders.
    """

    fractions: np.ndarray
    values: np.ndarray
    orders: np.ndarray

    @property
    def random(self) -> np.ndarray:
        """(S,) the mean of the random orders."""
        return self.orders.mean(axis=0)

    @property
    def area(self) -> float:
        """Area under the curve, from 0 to 1; lower is better."""
        return float(np.trapezoid(self.values, self.fractions))

    @property
    def random_area(self) -> float:
        """The same for squares in random order."""
        return float(np.trapezoid(self.random, self.fractions))

    @property
    def faithful(self) -> bool:
        """Whether the map is better than random order by more than random orders differ.

        Its area has to be below the one-sided 95 % prediction interval of a further random order,
        by Student's t.
        """
        areas = np.trapezoid(self.orders, self.fractions)
        number = len(areas)
        if number < 2:
            return False
        noise = areas.std(ddof=1) * np.sqrt(1 + 1 / number) * stdtrit(number - 1, 0.95)
        return bool(self.area < areas.mean() - noise)

    @property
    def table(self) -> pd.DataFrame:
        """One row a step: fraction, value, random."""
        return pd.DataFrame(
            {"fraction": self.fractions, "value": self.values, "random": self.random}
        )


def deletion_curve(
    predictor: Predictor, image: np.ndarray, found: Attribution, random: np.ndarray | None = None
) -> DeletionCurve:
    """Blur an image in the order of its map, and measure the probability of the answer.

    Parameters
    ----------
    predictor, image
        The arguments of `attribution`.
    found
        Its result.
    random
        `orders` of the curve of another map of the same image and answer, if there is one.

    >>> predictor = Predictor.load(run.path)  # run = hubblefork.train(galaxies, "lenet5")
    >>> image = np.random.default_rng(0).integers(0, 255, (24, 24, 3), np.uint8)
    >>> curve = deletion_curve(predictor, image, attribution(predictor, image))
    >>> len(curve.fractions), 0 < curve.area < 1
    (21, True)
    >>> curve.save(folder / "deletion.csv")
    """
    inputs = network_inputs(predictor, image[None])
    target = predictor.names.index(found.target)
    evidence = F.adaptive_avg_pool2d(torch.tensor(found.map)[None, None], _SQUARES).flatten()
    generator = np.random.default_rng(0)
    orders = [torch.tensor(generator.permutation(len(evidence))) for _ in range(_ORDERS)]
    # Squares of equal evidence come in random order too, not row by row.
    by_evidence = orders[0][evidence[orders[0]].argsort(descending=True, stable=True)]
    fractions = np.linspace(0, 1, _STEPS + 1)
    values = _values(predictor, inputs, by_evidence, fractions, target)
    if random is None:
        curves = [_values(predictor, inputs, order, fractions, target) for order in orders]
        random = np.stack(curves)
    return DeletionCurve(fractions, values, random)


@dataclass(frozen=True, eq=False)
class Faithfulness(TableResult):
    """The mean deletion curve of each method over the same N images.

    curves: by the name of the method. gains: (N,) for each method, by how much the area of an
    image's map is below that of random order. validation: whether the images are of the
    validation set, not of the test set.
    """

    curves: dict[str, DeletionCurve]
    gains: dict[str, np.ndarray]
    validation: bool = False

    @property
    def number(self) -> int:
        """How many images were measured."""
        return len(next(iter(self.gains.values())))

    @property
    def best(self) -> str:
        """The method with the smallest mean area."""
        return min(self.curves, key=lambda method: self.curves[method].area)

    @property
    def table(self) -> pd.DataFrame:
        """One row a method, the most faithful first.

        Columns: method, images, area, random_area, gain (their difference) and the ends of its 95 %
        interval, gain_low and gain_high.
        """
        rows = [
            (method, self.number, curve.area, curve.random_area, *self.gain(method))
            for method, curve in self.curves.items()
        ]
        columns = ["method", "images", "area", "random_area", "gain", "gain_low", "gain_high"]
        table = pd.DataFrame(rows, columns=columns)
        return table.sort_values("area", kind="stable").reset_index(drop=True)

    def gain(self, method: str) -> tuple[float, float, float]:
        """The mean gain of a method, and the ends of its 95 % interval by Student's t."""
        gains = self.gains[method]
        mean = float(gains.mean())
        if len(gains) < 2:
            return mean, -1.0, 1.0
        half = gains.std(ddof=1) / np.sqrt(len(gains)) * stdtrit(len(gains) - 1, 0.975)
        return mean, mean - float(half), mean + float(half)

    def faithful(self, method: str) -> bool:
        """Whether its maps are better than random order by more than noise, over enough images."""
        return self.number >= _FEWEST and self.gain(method)[1] > 0

    @property
    def most_faithful(self) -> str | None:
        """The method with the best maps; None where these are no better than chance."""
        return self.best if self.faithful(self.best) else None


def faithfulness(
    predictor: Predictor,
    images: np.ndarray,
    methods: Sequence[str] = METHODS,
    layer: str | None = None,
    done: Callable[[int], None] | None = None,
) -> Faithfulness:
    """Compare methods of attribution with each other, and with random order.

    A method that does not work for this network is left out.

    Parameters
    ----------
    predictor
        A trained network.
    images
        (N, H, W, C) uint8, framed by `predictor.framing`; ten are enough to compare methods.
    methods, layer
        As for `attribution`.
    done
        Called with 1 after each image.

    Raises RequestError where no method is left.

    >>> predictor = Predictor.load(run.path)  # run = hubblefork.train(galaxies, "lenet5")
    >>> found = faithfulness(predictor, np.zeros((1, 24, 24, 3), np.uint8),
    ...                      ["grad-cam", "integrated-gradients"])
    >>> sorted(found.table["method"])
    ['grad-cam', 'integrated-gradients']
    """
    curves: dict[str, list[DeletionCurve]] = {method: [] for method in methods}
    refused = None
    for image in images:
        random = None  # the same for all methods
        for method in list(curves):
            chosen = layer if method == "grad-cam" else None
            try:
                found = attribution(predictor, image, method, layer=chosen)
            except RequestError as error:
                refused = error
                del curves[method]
                continue
            curve = deletion_curve(predictor, image, found, random=random)
            curves[method].append(curve)
            random = curve.orders
        if done:
            done(1)
    if not curves and refused:
        raise refused
    return Faithfulness(
        {method: _mean(each) for method, each in curves.items()},
        {
            method: np.array([curve.random_area - curve.area for curve in each])
            for method, each in curves.items()
        },
    )


def _mean(curves: Sequence[DeletionCurve]) -> DeletionCurve:
    return DeletionCurve(
        curves[0].fractions,
        np.mean([curve.values for curve in curves], axis=0),
        np.mean([curve.orders for curve in curves], axis=0),
    )


def _values(
    predictor: Predictor, inputs: Tensor, order: Tensor, fractions: np.ndarray, target: int
) -> np.ndarray:
    """(S,) values of the target with fractions (S,) of the squares blurred, in this order."""
    rank = torch.empty(len(order))
    rank[order] = torch.arange(len(order), dtype=torch.float32)
    gone = rank[None] < torch.tensor(fractions, dtype=torch.float32)[:, None] * len(order)
    masks = gone.float().view(-1, 1, _SQUARES, _SQUARES).to(inputs.device)
    masks = F.interpolate(masks, inputs.shape[-2:], mode="nearest")
    mixed = inputs * (1 - masks) + blurred(inputs) * masks
    return answers(predictor, mixed)[:, target]
