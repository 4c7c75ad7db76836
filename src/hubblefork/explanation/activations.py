"""What the layers of a network answer to one image.

predictor = Predictor.load("runs/...")
for maps in activation_maps(predictor, image):
    maps.save(f"{maps.layer}.png")
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from hubblefork.core.errors import RequestError
from hubblefork.explanation.inputs import network_inputs
from hubblefork.explanation.map_layers import watching
from hubblefork.explanation.tiles import Group, save_sheet, sheet
from hubblefork.models.predictor import Predictor

# Publication 5 shows so many.
_FIRST = 4


@dataclass(frozen=True, eq=False)
class ActivationMaps:
    """The answers of one layer to one image.

    layer: its name, as the network names it.
    maps: (channels, height, width) float32.
    """

    layer: str
    maps: np.ndarray

    def group(self, most: int | None = None) -> Group:
        """All channels as tiles, or the `most` that vary most over the image."""
        shown = self.maps
        if most is not None and len(shown) > most:
            spread = shown.std(axis=(1, 2))
            shown = shown[np.sort(np.argsort(-spread, kind="stable")[:most])]
        some = f"{len(shown)} of " if len(shown) < len(self.maps) else ""
        height, width = self.maps.shape[1:]
        title = f"{self.layer}: {some}{len(self.maps)} channels of {width} × {height}"
        return Group(title, list(shown))

    def figure(self, most: int | None = None) -> Figure:
        """The channels in a sheet, each scaled by itself; a constant one is crossed out."""
        return sheet([self.group(most)])

    def save(self, path: str | Path, most: int | None = None) -> None:
        """Write the figure as a PNG file."""
        save_sheet(self.figure(most), path)


def activation_maps(
    predictor: Predictor, image: np.ndarray, layers: Sequence[str] | int = _FIRST
) -> list[ActivationMaps]:
    """Return what layers answer to an image.

    Parameters
    ----------
    predictor
        A trained network.
    image
        (H, W, C) uint8, framed as `predictor.framing` says.
    layers
        Names, as `network.named_modules()` has them; or so many of the first convolutions, each
        with the normalisation and the activation that follow it.

    Raises RequestError for a name that the network has not, and for a layer without maps, as those
    of a transformer's attention are.

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
    return _of_layers(network, inputs, layers)


def _of_layers(network: nn.Module, inputs: Tensor, layers: Sequence[str]) -> list[ActivationMaps]:
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
    """Record, in the order of the pass, what each convolution gives after its activation.

    The layers that follow a convolution and keep its shape, up to the next one or to a pooling,
    belong to it; and a ReLU behind the pooling too, where a network pools first to have less work.
    """
    records: list[tuple[str, Tensor]] = []
    belongs = pooled = False

    def record(name: str, module: nn.Module, output: Tensor) -> None:
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

    handles = [
        module.register_forward_hook(
            lambda module, _inputs, output, name=name: record(name, module, output)
        )
        for name, module in network.named_modules()
        if not list(module.children())
    ]
    try:
        yield records
    finally:
        for handle in handles:
            handle.remove()


def _shape(output: object) -> str:
    return (
        f"numbers of shape {tuple(output.shape[1:])}"
        if isinstance(output, Tensor)
        else f"a {type(output).__name__}"
    )
