"""Scores of a network on the same images, changed in several ways."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from hubblefork.core.errors import RequestError
from hubblefork.evaluation.scores import Score
from hubblefork.explanation.inputs import answers
from hubblefork.models.predictor import Predictor

_BATCH = 128

# From packed images (n, H, W, C) uint8 to inputs of the network (n, C, size, size), on its device.
Change = Callable[[Tensor], Tensor]


def score_changes(
    predictor: Predictor,
    images: np.ndarray,
    rows: np.ndarray,
    labels: np.ndarray,
    changes: Sequence[Change],
    done: Callable[[int], None] | None = None,
) -> tuple[list[Score], np.ndarray]:
    """The score under each change, and the fraction of leading answers unlike the first change's.

    Parameters
    ----------
    predictor
        A trained network.
    images, rows
        Packed images (N, H, W, C) uint8, and which of them.
    labels
        Labels of these rows: (n,) true classes in the model's order, or (n, answers) fractions.
    changes
        The first of them leaves images unchanged.
    done
        Called with the number of images of each batch that has been measured.

    Raises RequestError for no images.
    """
    if not len(rows):
        raise RequestError("no images to measure")
    task = predictor.task
    tallies: list[list[np.ndarray]] = [[] for _ in changes]
    others = np.zeros(len(changes))
    for start in range(0, len(rows), _BATCH):
        raw = torch.from_numpy(images[rows[start : start + _BATCH]])
        true = labels[start : start + _BATCH]
        values = [answers(predictor, change(raw)) for change in changes]
        for number, each in enumerate(values):
            tallies[number].append(task.tally(true, each))
            others[number] += (task.leading(each) != task.leading(values[0])).sum()
        if done:
            done(len(raw))
    return [task.score(np.concatenate(tally)) for tally in tallies], others / len(rows)
