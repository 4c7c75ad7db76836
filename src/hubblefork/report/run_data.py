"""What a report is made from: plain data, so that any run, or a test, can supply it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hubblefork.data.subsets import SUBSETS
from hubblefork.tasks.predictions import Predictions


@dataclass(frozen=True)
class Panel:
    """A figure that was drawn elsewhere: the name of its file, title, caption, and PNG bytes."""

    name: str
    title: str
    caption: str
    png: bytes


@dataclass(frozen=True)
class Material:
    """Everything that the figures and the page of one run show.

    Attributes
    ----------
    title : the heading, for example 'default on simulated'.
    names : the K class names, in the order of their numbers; or the columns of the votes.
    recipe : the recipe as resolved, tables within tables.
    dataset : what `dataset.json` holds: source, number, shape [N, H, W, C], framing, counts,
        left_out [{id, origin, reason}], notes, content, task.
    counts : {part: {class name: images}} for the parts of the split; empty for votes.
    split : rule, seed, sha256 and sizes {part: images}.
    history : one row an epoch: epoch, loss, accuracy, val_loss, val_accuracy, lr, seconds. The
        two val columns are NaN where there was no validation set. Empty if it is not known.
        For votes, the accuracies are NaN, and rmse and val_rmse follow.
    predictions : of the test images, with their labels.
    metrics : what `measure_classes`, or `measure_votes`, returns for `predictions`.
    images : gives an image by its id, as uint8 (H, W, C).
    versions : {part of the software: version}.
    parameters : how many numbers the network learnt.
    seconds : how long the training took.
    made : when, as a reader should see it; left out if empty.
    panels : further figures, in the order in which the page shows them.
    """

    title: str
    names: tuple[str, ...]
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

    def raw(self, identifier: str) -> np.ndarray:
        """The image called `identifier`, with all its channels."""
        return self.images(identifier) if callable(self.images) else self.images[identifier]

    def image(self, identifier: str) -> np.ndarray:
        """The image called `identifier`, as (H, W) grey or (H, W, 3) colour."""
        return displayable(self.raw(identifier))

    def answers(self) -> pd.DataFrame:
        """One row a test image: id, true, predicted, and the probability of the predicted."""
        found = self.predictions
        names = np.array(self.names, dtype=object)
        return pd.DataFrame(
            {
                "id": found.ids,
                "true": names[found.true],
                "predicted": names[found.leading],
                "probability": found.confidence,
            }
        )

    def classified(self) -> tuple[np.ndarray, np.ndarray]:
        """The number of the true class (N,) of each test image, and its probabilities (N, K)."""
        return self.predictions.true, self.predictions.values

    @property
    def of_votes(self) -> bool:
        """Whether the answers are fractions of votes, not classes."""
        return not self.predictions.task.exclusive

    def parts(self) -> list[str]:
        """The parts of the split that hold images."""
        return [part for part in SUBSETS if sum(self.counts.get(part, {}).values())]

    def validated(self) -> bool:
        """Whether the training was watched on a validation set."""
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
