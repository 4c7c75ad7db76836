"""How good answers stay when images are turned, moved, noisy, blurred or coarse.

stability(predictor, dataset.images, rows, labels).save("stability.png")

The packed images are changed, not what the network is given, so that sky from outside its view
comes in where an image is turned or moved; beyond the packed image, it is mirrored.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn import functional as F
from torchvision.transforms.v2.functional import gaussian_blur

from hubblefork.core.errors import RequestError
from hubblefork.core.text import percent
from hubblefork.evaluation.scores import Score
from hubblefork.explanation.inputs import answers
from hubblefork.explanation.tiles import save_sheet
from hubblefork.models.predictor import Predictor
from hubblefork.report.ranking_charts import draw_scores
from hubblefork.report.style import MUTED, styled

_BATCH = 128


@dataclass(frozen=True)
class Change:
    """One way to change images.

    kind: `rotation` (amount in degrees), `shift` (share of the view's side, in a direction drawn
    for each image), `noise` (standard deviation, in grey levels of 255), `blur` (standard
    deviation of a Gaussian, in pixels of the packed image) or `resolution` (share of the pixels
    along a side that are kept).
    """

    kind: str
    amount: float

    def __str__(self) -> str:
        words = {
            "rotation": f"turned by {self.amount:g}°",
            "shift": f"moved by {100 * self.amount:g}\u00a0%",
            "noise": f"noise of {self.amount:g} grey levels",
            "blur": f"blurred by {self.amount:g} pixel{'s' * (self.amount != 1)}",
            "resolution": f"at 1/{1 / self.amount:g} of the resolution",
        }
        return words[self.kind]


CHANGES = (
    Change("rotation", 45),
    Change("rotation", 90),
    Change("shift", 0.05),
    Change("shift", 0.10),
    Change("noise", 5),
    Change("noise", 10),
    Change("noise", 20),
    Change("blur", 1),
    Change("blur", 2),
    Change("resolution", 1 / 2),
    Change("resolution", 1 / 4),
)


@dataclass(frozen=True, eq=False)
class Stability:
    """What became of the same images under each change.

    measure: `accuracy`, or `rmse` of votes.
    table: one row a change, the first `as they are`: change, kind, amount, n, accuracy or rmse, low
    and high (its 95 % interval) and changed (the share of answers that became others; of votes, of
    commonest answers to the first question).
    """

    measure: str
    table: pd.DataFrame

    @property
    def worst(self) -> pd.Series:
        """The row of the lowest accuracy, or of the highest RMSE."""
        values = self.table[self.measure]
        return self.table.loc[values.idxmin() if self.measure == "accuracy" else values.idxmax()]

    def figure(self, baseline: float | None = None) -> Figure:
        """The score under each change, with its interval, and the share of changed answers.

        baseline: a score to mark, as `draw_scores` takes it.
        """
        figure = draw_scores(self.table, self.measure, baseline)
        (axes,) = figure.axes
        beside = {"transform": axes.get_yaxis_transform()}
        what = (
            "answers that\nchanged" if self.measure == "accuracy" else "first answers\nthat changed"
        )
        with styled(()):
            axes.text(1.02, -0.75, what, fontsize=8, color=MUTED, **beside)
            for place, share in enumerate(self.table["changed"][1:], start=1):
                axes.text(1.02, place, percent(share), va="center", fontsize=8.5, **beside)
        return figure

    def save(self, path: str | Path) -> None:
        """Write the figure as a PNG file."""
        save_sheet(self.figure(), path)


def stability(
    predictor: Predictor,
    images: np.ndarray,
    rows: np.ndarray,
    labels: np.ndarray,
    changes: Sequence[Change] = CHANGES,
    seed: int = 0,
    done: Callable[[int], None] | None = None,
) -> Stability:
    """Measure a network on images as they are, and under each change.

    Parameters
    ----------
    predictor
        A trained network.
    images, rows
        Packed images (N, H, W, C) uint8, and which of them.
    labels
        True classes of these rows, by the model's numbering; or their fractions of votes (n, 37).
    changes, seed
        What is done to them; the seed is that of directions and of noise.
    done
        Is called with the number of images that have been measured under all changes.

    Raises RequestError for no images.

    >>> predictor = Predictor.load(run.path)  # run = hubblefork.train(galaxies, "lenet5")
    >>> black = np.zeros((3, 24, 24, 3), np.uint8)
    >>> found = stability(predictor, black, np.arange(3), np.zeros(3, int))
    >>> found.table.loc[1, "change"], float(found.table.loc[1, "changed"])
    ('turned by 45°', 0.0)
    """
    if not len(rows):
        raise RequestError("no images to measure stability on")
    task = predictor.task
    generator = torch.Generator().manual_seed(seed)
    preprocess, field = predictor.module.preprocess, predictor.card.view.field_of_view
    tallies: list[list[np.ndarray]] = [[] for _ in range(1 + len(changes))]
    moved = np.zeros(1 + len(changes), dtype=np.int64)
    for start in range(0, len(rows), _BATCH):
        batch = rows[start : start + _BATCH]
        true = labels[start : start + _BATCH]
        raw = torch.from_numpy(images[batch])
        plain = answers(predictor, preprocess(raw.to(predictor.device)))
        tallies[0].append(task.tally(true, plain))
        for place, change in enumerate(changes, start=1):
            changed = changed_images(raw, change, field, generator)
            values = answers(predictor, preprocess(changed.to(predictor.device)))
            tallies[place].append(task.tally(true, values))
            moved[place] += (task.leading(values) != task.leading(plain)).sum()
        if done:
            done(len(batch))
    scores = [task.score(np.concatenate(tally)) for tally in tallies]
    return Stability(task.training_metric.name, _table(changes, scores, moved, len(rows)))


def changed_images(
    images: Tensor, change: Change, field: float, generator: torch.Generator
) -> Tensor:
    """Change images (N, H, W, C) uint8; `field` is the share of their side that a view shows."""
    maps = images.permute(0, 3, 1, 2).float()
    amount = change.amount
    match change.kind:
        case "rotation":
            maps = _moved(maps, math.radians(amount), torch.zeros(len(maps), 2))
        case "shift":
            angle = 2 * math.pi * torch.rand(len(maps), generator=generator)
            # An image is 2 units wide in these coordinates.
            direction = torch.stack([angle.cos(), angle.sin()], dim=1)
            maps = _moved(maps, 0.0, 2 * field * amount * direction)
        case "noise":
            maps = maps + amount * torch.randn(maps.shape, generator=generator)
        case "blur":
            # Beyond three deviations a Gaussian holds nothing; the kernel must fit in the image.
            kernel = min(2 * math.ceil(3 * amount) + 1, 2 * ((maps.shape[-1] - 1) // 2) + 1)
            maps = gaussian_blur(maps, [kernel, kernel], [amount, amount])
        case "resolution":
            size = maps.shape[-2:]
            smaller = [max(1, round(side * amount)) for side in size]
            maps = F.interpolate(maps, smaller, mode="bilinear", antialias=True)
            maps = F.interpolate(maps, size, mode="bilinear")
        case _:
            raise RequestError(
                f"no change is called {change.kind!r}; known: rotation, shift, noise, blur, "
                "resolution"
            )
    return maps.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def _moved(maps: Tensor, angle: float, by: Tensor) -> Tensor:
    """Turn maps (N, C, H, W) by an angle in radians, and move each by (N, 2) of [-1, 1]."""
    cos, sin = math.cos(angle), math.sin(angle)
    turn = torch.tensor([[cos, -sin], [sin, cos]]).expand(len(maps), 2, 2)
    grid = F.affine_grid(torch.cat([turn, by[:, :, None]], dim=2), maps.shape, align_corners=False)
    return F.grid_sample(maps, grid, padding_mode="reflection", align_corners=False)


def _table(
    changes: Sequence[Change], scores: Sequence[Score], moved: np.ndarray, number: int
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "change": ["as they are", *map(str, changes)],
            "kind": ["", *(change.kind for change in changes)],
            "amount": [0.0, *(change.amount for change in changes)],
            "n": number,
            scores[0].measure: [score.value for score in scores],
            "low": [score.low for score in scores],
            "high": [score.high for score in scores],
            "changed": moved / number,
        }
    )
