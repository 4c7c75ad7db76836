"""Features: the input of the last layer of a network.

with Features(network) as features:
    raw = network(maps)
    print(features.last.shape)
"""

import torch
from torch import Tensor, nn

from hubblefork.core.errors import RequestError

_DENSE = (nn.Linear, nn.Conv2d)


def feature_layer(network: nn.Module) -> nn.Linear | nn.Conv2d:
    """The last dense layer of a network; its input are the features.

    A network can return another one by `get_classifier`, as backbones of timm do: in a few of them
    it is a 1x1 convolution. RequestError if a network has no such layer.

    >>> feature_layer(nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 2)))
    Linear(in_features=4, out_features=2, bias=True)
    """
    get_classifier = getattr(network, "get_classifier", None)
    named = get_classifier() if get_classifier else None
    if isinstance(named, _DENSE):
        return named
    dense = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    if not dense:
        raise RequestError(
            f"{type(network).__name__} has no dense layer, whose input would be its features"
        )
    return dense[-1]


def feature_count(network: nn.Module) -> int:
    """The number of features of a network.

    >>> feature_count(nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 2)))
    4
    """
    layer = feature_layer(network)
    return layer.in_features if isinstance(layer, nn.Linear) else layer.in_channels


class Features:
    """Records the input of the last dense layer, inside a `with` block.

    last: (N, F) float32, the features of the last batch of N images, on the network's device.

    >>> network = nn.Sequential(nn.Flatten(), nn.Linear(12, 4), nn.ReLU(), nn.Linear(4, 2))
    >>> with Features(network) as features:
    ...     raw = network(torch.zeros(5, 3, 2, 2))
    >>> features.last.shape
    torch.Size([5, 4])
    """

    last: Tensor

    def __init__(self, network: nn.Module):
        self._layer = feature_layer(network)

    def __enter__(self) -> "Features":
        self._handle = self._layer.register_forward_pre_hook(self._keep)
        return self

    def __exit__(self, *_: object) -> None:
        self._handle.remove()

    def _keep(self, _: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self.last = inputs[0].detach().flatten(1).to(torch.float32)
