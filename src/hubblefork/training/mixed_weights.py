"""Weights between those that a training began with and those that it led to.

Fine-tuning fits its images better, and forgets what serves on other ones. The mean of the weights
before and after it is as good on images as those it was trained on, and better on others (WiSE-FT,
Wortsman et al. 2022, "Robust fine-tuning of zero-shot models"). It needs a last layer that suits
the backbone before all of it is trained (LP-FT, Kumar et al. 2022, "Fine-tuning can distort
pretrained features and underperform out-of-distribution").
"""

from copy import deepcopy

import torch
from torch import Tensor, nn


class MixedWeights(nn.Module):
    """A network (`module`) with this `fraction` of its weights as at the `start` of a training.

    >>> network = nn.Linear(1, 1, bias=False)
    >>> _ = nn.init.ones_(network.weight)
    >>> mixed = MixedWeights(network, fraction=0.25)
    >>> _ = nn.init.constant_(network.weight, 5.0)
    >>> mixed.update(network)
    >>> mixed.module.weight.item()
    4.0
    """

    def __init__(self, network: nn.Module, fraction: float):
        super().__init__()
        self.fraction = fraction
        self.start = deepcopy(network).requires_grad_(False)
        self.module = deepcopy(network).requires_grad_(False)

    def begin_from(self, network: nn.Module) -> None:
        """Take the present weights of a network for those of the start."""
        self.start.load_state_dict(network.state_dict())

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Mix with the present weights of a network."""
        first, last = self.start.state_dict(), network.state_dict()
        for name, value in self.module.state_dict().items():
            value.copy_(_mixed(last[name], first[name], self.fraction))


def hold_statistics(network: nn.Module) -> None:
    """Have batch normalisation use its running statistics, and leave them as they are.

    With statistics of their own, the weights before and after a training would not be of networks
    that can be mixed.
    """
    for module in network.modules():
        if "running_mean" in dict(module.named_buffers(recurse=False)):
            module.eval()


def _mixed(last: Tensor, first: Tensor, fraction: float) -> Tensor:
    return torch.lerp(last, first, fraction) if last.is_floating_point() else last
