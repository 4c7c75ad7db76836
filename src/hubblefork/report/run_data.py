"""The input of a report, as plain data."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hubblefork.report.components import Panel
from hubblefork.runs.reproduction import Reproduction
from hubblefork.sky.links import links_of
from hubblefork.tasks.predictions import Predictions
from hubblefork.tasks.task import Task


@dataclass(frozen=True)
class RunData:
    """Everything that the figures and the page of one run show.

    Attributes
    ----------
    title : the heading, for example 'default on simulated'.
    recipe : the recipe as resolved, tables within tables.
    dataset : what `dataset.json` holds: source, number, shape [N, H, W, C], framing, counts,
        left_out [{id, origin, reason}], notes, content, task.
    counts : {`train`, `val` or `test`: {class name: images}}; empty for votes.
    split : rule, seed, sha256 and sizes {`train`, `val` or `test`: images}.
    history : one row per epoch: epoch, loss, val_loss, the training metric of the task by its name
        and with `val_` before it, lr, seconds. The val columns are NaN where there was no
        validation set. Empty if it is not known.
    predictions : of the test images, with their labels.
    metrics : what `task.measure` returns for `predictions`.
    images : gives an image by its id, as uint8 (H, W, C).
    versions : {part of the software: version}.
    parameters : how many parameters the network has.
    seconds : how long the training took.
    made : when, as a reader should see it; left out if empty.
    panels : further figures, in the order in which the page shows them.
    reproduction : the publication that its recipe reproduces, where there is one.
    """

    title: str
    recipe: Mapping[str, Any]
    dataset: Mapping[str, Any]
    counts: Mapping[str, Mapping[str, int]]
    split: Mapping[str, Any]
    history: pd.DataFrame
    predictions: Predictions
    metrics: Mapping[str, Any]
    images: Callable[[str], np.ndarray] | Mapping[str, np.ndarray]
    versions: Mapping[str, str]
    parameters: int
    seconds: float
    made: str = ""
    panels: Sequence[Panel] = ()
    reproduction: Reproduction | None = None

    @property
    def task(self) -> Task:
        return self.predictions.task

    def raw(self, identifier: str) -> np.ndarray:
        """The image called `identifier`, with all its channels."""
        return self.images(identifier) if callable(self.images) else self.images[identifier]

    def image(self, identifier: str) -> np.ndarray:
        """The image called `identifier`, as (H, W) grey or (H, W, 3) colour."""
        return displayable(self.raw(identifier))

    def links(self, identifier: str) -> dict[str, str]:
        """Links to the image called `identifier` in sky viewers, where its position is known."""
        return links_of(identifier, self.predictions.positions)

    def classified(self) -> tuple[np.ndarray, np.ndarray]:
        """The number of the true class (N,) of each test image, and its probabilities (N, K)."""
        return self.predictions.labels, self.predictions.values

    def validated(self) -> bool:
        """Whether there was a validation set in training."""
        return bool(self.history["val_loss"].notna().any())


def displayable(image: np.ndarray) -> np.ndarray:
    """Show an image (H, W, C) of any bands as (H, W) grey or (H, W, 3) colour.

    Of two bands the mean is shown. Of four and more, which stand from short to long wavelengths
    as surveys name them (g, r, i, z), the third is red, the second green and the first blue.

    >>> displayable(np.zeros((8, 8, 5), np.uint8)).shape
    (8, 8, 3)
    """
    if image.ndim == 2 or image.shape[2] == 3:
        return image
    if image.shape[2] == 1:
        return image[..., 0]
    if image.shape[2] == 2:
        return np.round(image.mean(axis=2)).astype(np.uint8)
    return image[..., 2::-1]
