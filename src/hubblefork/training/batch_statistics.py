"""Mean and variance of batch normalisation, measured on some batches.

A network of averaged weights needs statistics of its own: those that its parts had while they were
trained are another network's, and while the weights change quickly, as in a short training, it may
be far from them (Wu and Johnson 2021, "Rethinking 'Batch' in BatchNorm"). Nor do images that are
randomly scaled and rotated have the statistics of those that are predicted (Touvron et al. 2019).
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

# Where `momentum` stands among the arguments of `torch.nn.functional.batch_norm`.
_MOMENTUM = 6


def has_batch_statistics(network: nn.Module) -> bool:
    return any(name.endswith("running_mean") for name, _ in network.named_buffers())


@torch.no_grad()
def measure_batch_statistics(network: nn.Module, batches: Iterable[Tensor]) -> None:
    """Give a network the mean of the statistics of some batches (n, C, H, W) of its input.

    >>> network = nn.Sequential(nn.BatchNorm2d(1), nn.Conv2d(1, 1, 1))
    >>> measure_batch_statistics(network, [torch.full((2, 1, 1, 1), each) for each in (1.0, 3.0)])
    >>> network[0].running_mean.item()
    2.0
    """
    was_training = network.training
    network.train()
    with _MeanOfBatches() as mode:
        for batch in batches:
            network(batch)
            mode.number += 1
    network.train(was_training)


class _MeanOfBatches(TorchFunctionMode):
    """In this mode, running statistics are the means over the batches so far.

    A mode and not a layer, so that it works for every kind of layer that normalises by
    `torch.nn.functional.batch_norm`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.number = 1

    def __torch_function__(
        self, function: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        if function is F.batch_norm:
            kwargs = {**(kwargs or {}), "momentum": 1 / self.number}
            if len(args) > _MOMENTUM:
                args, kwargs = args[:_MOMENTUM], dict(zip(["eps"], args[7:], strict=False)) | kwargs
        return function(*args, **(kwargs or {}))
