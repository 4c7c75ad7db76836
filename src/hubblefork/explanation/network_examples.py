"""What a network is given and what its first layers give, on a few test images of a run.

These are the figures that publication 5 ends with, and that publication 3 names as missing.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from hubblefork.core.errors import RequestError
from hubblefork.evaluation.examples import balanced_sample
from hubblefork.explanation.activations import ActivationMaps, activation_maps
from hubblefork.explanation.filters import Filters, first_filters
from hubblefork.explanation.inputs import as_images
from hubblefork.models.predictor import Predictor
from hubblefork.tasks.predictions import Predictions

# Images that a report has room for.
_IMAGES = 6


@dataclass(frozen=True, eq=False)
class NetworkExamples:
    """What a network is given, and what its first layers give.

    images: (n, H, W, C) uint8, some test images as packed.
    views: (n, size, size, C) uint8, as training augments them; None without augmentation.
    filters: of the first layer; None where it is not connected to pixels.
    activations: of the `best` and of the `worst` prediction, with its index; none in a network
    without convolutions, and one where all predictions are equally good.
    """

    images: np.ndarray
    views: np.ndarray | None
    filters: Filters | None
    activations: dict[str, tuple[int, list[ActivationMaps]]]


def network_examples(
    predictor: Predictor, predictions: Predictions, image_of: Callable[[str], np.ndarray]
) -> NetworkExamples:
    """Choose images of a test set, and put them through a network.

    image_of: gives an image (H, W, C) uint8 by its id.
    """
    kinds, _ = predictor.task.kinds(predictions.labels)
    ids = predictions.ids[balanced_sample(kinds)]
    images = np.stack([image_of(each) for each in ids[:: max(1, len(ids) // _IMAGES)][:_IMAGES]])
    try:
        filters = first_filters(predictor)
    except RequestError:
        filters = None  # a transformer, for example
    activations = {}
    for name, index in _best_and_worst(predictions).items():
        if layers := activation_maps(predictor, image_of(predictions.ids[index])):
            activations[name] = (index, layers)
    return NetworkExamples(images, _views(predictor, images), filters, activations)


def _views(predictor: Predictor, images: np.ndarray) -> np.ndarray | None:
    view = predictor.card.view
    if not view.augments:
        return None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # the report of a run is the same whenever it is made
        return as_images(predictor, view.random(torch.from_numpy(images)))


def _best_and_worst(predictions: Predictions) -> dict[str, int]:
    """By the score; of equal ones, that of the highest confidence."""
    task = predictions.task
    tally = np.asarray(task.tally(predictions.labels, predictions.values), dtype=float)
    loss = tally if task.training_metric.lower_is_better else -tally
    best, worst = (int(np.lexsort((-predictions.confidence, each))[0]) for each in (loss, -loss))
    return {"best": best} | ({"worst": worst} if loss[worst] > loss[best] else {})
