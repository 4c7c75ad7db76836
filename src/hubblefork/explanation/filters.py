"""What the first layer of a network looks for: its filters, as images."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from torch import nn

from hubblefork.core.errors import RequestError
from hubblefork.explanation.tiles import Group, save_sheet, sheet
from hubblefork.models.predictor import Predictor
from hubblefork.report.run_data import displayable


@dataclass(frozen=True, eq=False)
class Filters:
    """The weights of a first layer.

    layer: its name, as the network names it.
    weights: (filters, height, width, channels) float32.
    """

    layer: str
    weights: np.ndarray

    def figure(self, most: int | None = None) -> Figure:
        """All filters, or the first `most`, in a sheet: grey is 0, each scaled by itself.

        Filters on three channels are shown in the colours that they look for.
        """
        shown = self.weights[:most]
        some = f"{len(shown)} of " if len(shown) < len(self.weights) else ""
        height, width = self.weights.shape[1:3]
        title = f"{self.layer}: {some}{len(self.weights)} filters of {width} × {height}"
        return sheet([Group(title, [_as_image(each) for each in shown])])

    def save(self, path: str | Path, most: int | None = None) -> None:
        """Write the figure as a PNG file."""
        save_sheet(self.figure(most), path)


def first_filters(predictor: Predictor) -> Filters:
    """Return the filters of the first layer that has weights.

    A first layer that is connected to every pixel, as in a multi-layer perceptron, has filters
    of the size of the image. Raises RequestError where the first layer is of another kind.

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


def _as_image(weights: np.ndarray) -> np.ndarray:
    """Weights (height, width, channels) as bytes whose middle grey is 0."""
    largest = max(float(np.abs(weights).max()), np.finfo(np.float32).tiny)
    return displayable(np.round(127.5 + 127.5 * weights / largest).astype(np.uint8))
