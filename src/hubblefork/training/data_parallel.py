"""One batch divided over processes, with the results of a single process.

Each process computes the network for its part of the images. The logits are gathered, so that the
loss is that of the whole batch, and batch normalisation is over the images of all processes.
"""

from typing import Any

import torch
import torch.distributed as dist
from timm.layers import convert_sync_batchnorm
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode


def part_of_batch(number: int, rank: int, processes: int) -> slice:
    """The images of a batch that one process computes; parts differ in size by one at most.

    >>> [part_of_batch(7, rank, 3) for rank in range(3)]
    [slice(0, 2, None), slice(2, 4, None), slice(4, 7, None)]
    """
    return slice(number * rank // processes, number * (rank + 1) // processes)


def gathered(own: Tensor, number: int) -> Tensor:
    """The rows (number, K) of all processes in order, from the part (n, K) of each.

    Gradients flow to this process's own rows; those of all processes sum to the whole gradient.
    """
    rank, processes = dist.get_rank(), dist.get_world_size()
    parts = [part_of_batch(number, each, processes) for each in range(processes)]
    lengths = [part.stop - part.start for part in parts]
    # Collectives need tensors of one shape.
    padded = F.pad(own.detach(), (0, 0, 0, max(lengths) - len(own)))
    received = [torch.empty_like(padded) for _ in lengths]
    dist.all_gather(received, padded)
    rows = [each[:length] for each, length in zip(received, lengths, strict=True)]
    rows[rank] = own
    return torch.cat(rows)


def share_batch_norm(network: nn.Module, device: torch.device) -> nn.Module:
    """The network with torch's synchronised batch normalisation, which exists on GPUs only.

    Train it within `BatchNormOfAll`, for CPUs and for layers that are not torch's.
    """
    # timm's conversion keeps the activations in timm's layers; torch's loses them.
    return convert_sync_batchnorm(network) if device.type == "cuda" else network


class BatchNormOfAll(TorchFunctionMode):
    """In this mode, batch normalisation in training is over the images of all processes.

    A mode and not a layer, so that it works for every kind of layer that normalises.
    """

    def __torch_function__(
        self, function: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        if function is F.batch_norm:
            function = _batch_norm
        return function(*args, **(kwargs or {}))


def _batch_norm(
    maps: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """As `torch.nn.functional.batch_norm`, with mean and variance over all processes."""
    if not training:
        return F.batch_norm(maps, running_mean, running_var, weight, bias, False, momentum, eps)
    values = maps.float()
    across = [axis for axis in range(maps.ndim) if axis != 1]
    shape = [-1 if axis == 1 else 1 for axis in range(maps.ndim)]
    count = _Sum.apply(values.new_tensor(values.numel() / values.shape[1]))
    mean = _Sum.apply(values.sum(across)) / count
    centred = values - mean.view(shape)
    variance = _Sum.apply(centred.square().sum(across)) / count
    if running_mean is not None and running_var is not None:
        with torch.no_grad():
            running_mean.lerp_(mean, momentum)
            running_var.lerp_(variance * count / (count - 1), momentum)
    scale = torch.rsqrt(variance + eps)
    if weight is not None:
        scale = scale * weight
    normal = centred * scale.view(shape)
    if bias is not None:
        normal = normal + bias.view(shape)
    return normal.to(maps.dtype)


class _Sum(torch.autograd.Function):
    """The sum of a tensor over all processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(context: Any, own: Tensor) -> Tensor:
        total = own.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        return _Sum.apply(gradient)
