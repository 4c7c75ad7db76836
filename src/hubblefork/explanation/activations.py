"""Activation maps: the output of the layers of a network for one image.

predictor = Predictor.load("runs/...")
for maps in activation_maps(predictor, image):
    print(maps.layer, maps.maps.shape)
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hubblefork.core.errors import RequestError
from hubblefork.explanation.inputs import network_inputs
from hubblefork.explanation.map_layers import hooked, leaves, watching
from hubblefork.explanation.saving import save_array
from hubblefork.models.predictor import Predictor

# Publication 5 shows four.
_FIRST = 4


@dataclass(frozen=True, eq=False)
class ActivationMaps:
    """The output of one layer for one image.

    layer: its name in `network.named_modules()`.
    maps: (channels, height, width) float32.
    """

    layer: str
    maps: np.ndarray

    def save(self, path: str | Path) -> None:
        """Write the maps as an NPY file."""
        save_array(self.maps, path)


def activation_maps(
    predictor: Predictor, image: np.ndarray, layers: Sequence[str] | int = _FIRST
) -> list[ActivationMaps]:
    """Return the output of layers for an image.

    Parameters
    ----------
    predictor, image
        As for `attribution`.
    layers
        Names in `network.named_modules()`; or the number of first convolutions, each with the
        normalisation and the activation that follow it.

    Raises RequestError for an unknown layer, and for one without maps, such as a transformer's
    attention.

    >>> predictor = Predictor.load(run.path)  # run = hubblefork.train(galaxies, "lenet5")
    >>> found = activation_maps(predictor, np.zeros((24, 24, 3), np.uint8))
    >>> [(each.layer, each.maps.shape) for each in found]
    [('layers.0', (6, 20, 20)), ('layers.3', (16, 6, 6))]
    """
    network = predictor.network
    inputs = network_inputs(predictor, image[None])
    if isinstance(layers, int):
        with _convolutions(network) as records, torch.inference_mode():
            network(inputs)
        return [_of_first(name, output) for name, output in records[:layers]]

    found = []

    def see(layer: str, output: object, maps: Tensor | None) -> None:
        if maps is None:
            raise RequestError(f"layer {layer!r} gives no maps, but {_shape(output)}")
        found.append(_of_first(layer, maps))

    with watching(network, layers, see), torch.inference_mode():
        network(inputs)
    return found


def _of_first(layer: str, maps: Tensor) -> ActivationMaps:
    """The maps of the first image, copied: the next layer may work in place."""
    return ActivationMaps(layer, maps[0].float().cpu().numpy().copy())


@contextmanager
def _convolutions(network: nn.Module) -> Iterator[list[tuple[str, Tensor]]]:
    """Record, in the order of the pass, the output of each convolution after its activation.

    The layers after a convolution that keep its shape, up to the next one or to a pooling, belong
    to it; so does a ReLU after the pooling, where a network pools first to save work.
    """
    records: list[tuple[str, Tensor]] = []
    belongs = pooled = False

    def record(name: str, module: nn.Module, output: Any) -> None:
        nonlocal belongs, pooled
        if isinstance(module, nn.Conv2d):
            records.append((name, output.clone()))
            belongs, pooled = True, False
        elif belongs and isinstance(output, Tensor) and output.shape == records[-1][1].shape:
            records[-1] = (records[-1][0], output.clone())
        elif pooled and isinstance(module, nn.ReLU):
            records[-1] = (records[-1][0], records[-1][1].relu())
            pooled = False
        else:
            pooled = belongs and isinstance(module, nn.MaxPool2d)
            belongs = False

    with hooked(leaves(network), record):
        yield records


def _shape(output: object) -> str:
    return (
        f"numbers of shape {tuple(output.shape[1:])}"
        if isinstance(output, Tensor)
        else f"a {type(output).__name__}"
    )
