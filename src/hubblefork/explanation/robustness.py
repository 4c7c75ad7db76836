"""Robustness: scores for images that are rotated, shifted, noisy, blurred or of lower resolution.

robustness(predictor, dataset.images, rows, labels).save("robustness.csv")

The packed images are changed, not the inputs of the network, so that rotation and shift bring in
sky from outside its view; beyond the packed image, it is reflected.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from hubblefork.core.errors import RequestError
from hubblefork.explanation.changed_images import score_changes
from hubblefork.explanation.inputs import blurred, preprocessed
from hubblefork.explanation.saving import TableResult
from hubblefork.models.predictor import Predictor


@dataclass(frozen=True)
class Perturbation:
    """One way to change images.

    kind: `rotation` (amount in degrees), `shift` (fraction of the view's side, in a random
    direction for each image), `noise` (standard deviation, in grey levels of 255), `blur` (standard
    deviation of a Gaussian, in pixels of the packed image) or `resolution` (fraction of the pixels
    along a side that are kept).
    """

    kind: str
    amount: float

    def __str__(self) -> str:
        words = {
            "rotation": f"rotated by {self.amount:g}°",
            "shift": f"shifted by {100 * self.amount:g}\u00a0%",
            "noise": f"noise of {self.amount:g} grey levels",
            "blur": f"blurred by {self.amount:g} pixel{'s' * (self.amount != 1)}",
            "resolution": f"at 1/{1 / self.amount:g} of the resolution",
        }
        return words[self.kind]


PERTURBATIONS = (
    Perturbation("rotation", 45),
    Perturbation("rotation", 90),
    Perturbation("shift", 0.05),
    Perturbation("shift", 0.10),
    Perturbation("noise", 5),
    Perturbation("noise", 10),
    Perturbation("noise", 20),
    Perturbation("blur", 1),
    Perturbation("blur", 2),
    Perturbation("resolution", 1 / 2),
    Perturbation("resolution", 1 / 4),
)


@dataclass(frozen=True, eq=False)
class Robustness(TableResult):
    """Scores of the answers to the same images under each perturbation.

    table: one row a perturbation, the first `unchanged`: perturbation, kind, amount, n, the score
    (accuracy or rmse), low and high (its 95 % interval) and changed_fraction (of the leading
    answers that became others).
    measure: the name of the score. lower_is_better: whether a lower score is the better one.
    """

    table: pd.DataFrame
    measure: str
    lower_is_better: bool

    @property
    def worst(self) -> pd.Series:
        """The row of the worst score."""
        scores = self.table[self.measure]
        return self.table.loc[scores.idxmax() if self.lower_is_better else scores.idxmin()]


def robustness(
    predictor: Predictor,
    images: np.ndarray,
    rows: np.ndarray,
    labels: np.ndarray,
    perturbations: Sequence[Perturbation] = PERTURBATIONS,
    seed: int = 0,
    done: Callable[[int], None] | None = None,
) -> Robustness:
    """Measure a network on unchanged images, and under each perturbation.

    Takes what `score_changes` takes. perturbations, seed: what is done to the images; random seed
    of the directions and of the noise.

    Raises RequestError for no images.

    >>> predictor = Predictor.load(run.path)  # run = hubblefork.train(galaxies, "lenet5")
    >>> black = np.zeros((3, 24, 24, 3), np.uint8)
    >>> found = robustness(predictor, black, np.arange(3), np.zeros(3, int))
    >>> found.table.loc[1, "perturbation"], float(found.table.loc[1, "changed_fraction"])
    ('rotated by 45°', 0.0)
    """
    generator = torch.Generator().manual_seed(seed)
    field_of_view = predictor.card.view.field_of_view

    def change(perturbation: Perturbation, raw: Tensor) -> Tensor:
        changed = perturbed(raw, perturbation, field_of_view, generator)
        return preprocessed(predictor, changed)

    changes = [partial(preprocessed, predictor), *(partial(change, p) for p in perturbations)]
    scores, changed = score_changes(predictor, images, rows, labels, changes, done)
    metric = predictor.task.training_metric
    table = pd.DataFrame(
        {
            "perturbation": ["unchanged", *map(str, perturbations)],
            "kind": ["", *(each.kind for each in perturbations)],
            "amount": [0.0, *(each.amount for each in perturbations)],
            "n": len(rows),
            metric.name: [score.value for score in scores],
            "low": [score.low for score in scores],
            "high": [score.high for score in scores],
            "changed_fraction": changed,
        }
    )
    return Robustness(table, metric.name, metric.lower_is_better)


def perturbed(
    images: Tensor, perturbation: Perturbation, field_of_view: float, generator: torch.Generator
) -> Tensor:
    """Change images (N, H, W, C) uint8, of which a view shows `field_of_view` of the side."""
    maps = images.permute(0, 3, 1, 2).float()
    amount = perturbation.amount
    match perturbation.kind:
        case "rotation":
            maps = _moved(maps, math.radians(amount), torch.zeros(len(maps), 2))
        case "shift":
            angle = 2 * math.pi * torch.rand(len(maps), generator=generator)
            # An image is 2 units wide in these coordinates.
            direction = torch.stack([angle.cos(), angle.sin()], dim=1)
            maps = _moved(maps, 0.0, 2 * field_of_view * amount * direction)
        case "noise":
            maps = maps + amount * torch.randn(maps.shape, generator=generator)
        case "blur":
            maps = blurred(maps, amount)
        case "resolution":
            size = maps.shape[-2:]
            smaller = [max(1, round(side * amount)) for side in size]
            maps = F.interpolate(maps, smaller, mode="bilinear", antialias=True)
            maps = F.interpolate(maps, size, mode="bilinear")
        case _:
            raise RequestError(
                f"no perturbation is called {perturbation.kind!r}; known: rotation, shift, noise, "
                "blur, resolution"
            )
    return maps.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def _moved(maps: Tensor, angle: float, by: Tensor) -> Tensor:
    """Maps (N, C, H, W) rotated by an angle in radians, each shifted by (N, 2) in [-1, 1]."""
    cos, sin = math.cos(angle), math.sin(angle)
    rotation = torch.tensor([[cos, -sin], [sin, cos]]).expand(len(maps), 2, 2)
    grid = F.affine_grid(
        torch.cat([rotation, by[:, :, None]], dim=2), list(maps.shape), align_corners=False
    )
    return F.grid_sample(maps, grid, padding_mode="reflection", align_corners=False)
