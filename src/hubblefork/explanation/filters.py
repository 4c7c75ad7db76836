"""Filters: the weights of the first layer of a network."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import nn

from hubblefork.core.errors import RequestError
from hubblefork.explanation.saving import save_array
from hubblefork.models.predictor import Predictor


@dataclass(frozen=True, eq=False)
class Filters:
    """The weights of a first layer.

    layer: its name, as `network.named_modules()` has it.
    weights: (filters, height, width, channels) float32.
    """

    layer: str
    weights: np.ndarray

    def save(self, path: str | Path) -> None:
        """Write the weights as an NPY file."""
        save_array(self.weights, path)


def first_filters(predictor: Predictor) -> Filters:
    """Return the filters of the first layer that has weights.

    In a multi-layer perceptron, whose first layer is connected to every pixel, they have the size
    of the image. Raises RequestError where the first layer is of another kind.

    >>> predictor = Predictor.load(run.path)  # run = hubblefork.train(galaxies, "lenet5")
    >>> filters = first_filters(predictor)
    >>> filters.layer, filters.weights.shape
    ('layers.0', (6, 5, 5, 3))
    """
    channels, height, width = predictor.card.input_shape
    for name, module in predictor.network.named_modules():
        match module:
            case nn.Conv2d():
                weights = module.weight
            case nn.Linear() if module.in_features == channels * height * width:
                weights = module.weight.reshape(-1, channels, height, width)
            case nn.Linear():
                break
            case _:
                continue
        images = weights.detach().float().cpu().permute(0, 2, 3, 1)
        return Filters(name, images.contiguous().numpy())
    raise RequestError(
        f"the first layer of {predictor.card.network} is not connected to pixels: no filters"
    )
