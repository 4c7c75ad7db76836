"""What a report is made from: plain data, so that any run, or a test, can supply it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

# In this order everywhere; a part may be missing.
PARTS = ("train", "val", "test")


@dataclass(frozen=True)
class Material:
    """Everything that the figures and the page of one run show.

    Attributes
    ----------
    title : the heading, for example 'default on simulated'.
    names : the K class names, in the order of their numbers.
    recipe : the recipe as resolved, tables within tables.
    dataset : what `dataset.json` holds: source, number, shape [N, H, W, C], framing, counts,
        left_out [{id, origin, reason}], notes, content, task.
    counts : {part: {class name: pictures}} for the parts of the split.
    split : rule, seed, sha256 and sizes {part: pictures}.
    history : one row an epoch: epoch, loss, accuracy, val_loss, val_accuracy, lr, seconds. The
        two val columns are NaN where there was no validation part. Empty if it is not known.
    predictions : one row a test picture: id, true, predicted (class names), then the
        probability of each class in a column of its name, in this order.
    metrics : what `measure_classes` returns for `predictions`.
    pictures : gives a picture by its id, as uint8 (H, W, C) with C 1 or 3.
    versions : {part of the software: version}.
    parameters : how many numbers the network learnt.
    seconds : how long the training took.
    made : when, as a reader should see it; left out if empty.
    """

    title: str
    names: tuple[str, ...]
    recipe: Mapping[str, Any]
    dataset: Mapping[str, Any]
    counts: Mapping[str, Mapping[str, int]]
    split: Mapping[str, Any]
    history: pd.DataFrame
    predictions: pd.DataFrame
    metrics: Mapping[str, Any]
    pictures: Callable[[str], np.ndarray] | Mapping[str, np.ndarray]
    versions: Mapping[str, str]
    parameters: int
    seconds: float
    made: str = ""

    def picture(self, identifier: str) -> np.ndarray:
        """The picture called `identifier`, as (H, W) grey or (H, W, 3) colour."""
        found = self.pictures(identifier) if callable(self.pictures) else self.pictures[identifier]
        return found[..., 0] if found.ndim == 3 and found.shape[-1] == 1 else found

    def answers(self) -> pd.DataFrame:
        """One row a test picture: id, true, predicted, and the probability of the predicted."""
        # By position, for a class may be called 'id' or 'true'.
        named = self.predictions.iloc[:, :3].set_axis(["id", "true", "predicted"], axis=1)
        of_all = self.predictions.iloc[:, 3:].to_numpy(float)
        return named.assign(probability=of_all.max(axis=1)).reset_index(drop=True)

    def parts(self) -> list[str]:
        """The parts of the split that hold pictures."""
        return [part for part in PARTS if sum(self.counts.get(part, {}).values())]

    def validated(self) -> bool:
        """Whether the training was watched on a validation part."""
        return bool(self.history["val_loss"].notna().any())
