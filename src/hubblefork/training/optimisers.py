"""Optimisers: which parameters of a network are trained, by which rule, at which rate."""

from collections.abc import Collection
from itertools import groupby

import torch
from torch import nn

from hubblefork.networks.features import feature_layer
from hubblefork.recipes.settings import OptimiserTable


def make_optimiser(network: nn.Module, settings: OptimiserTable) -> torch.optim.Optimizer:
    """The optimiser of a recipe.

    Weight decay applies to matrices and filters only, not to biases and normalisation. The last
    layer has the full learning rate, and each layer before it `layer_decay` times that of the next
    one; the last layer is in the first group.

    `muon` (Jordan et al. 2024) updates the matrices and filters of the hidden layers by orthogonal
    steps, as large as those of AdamW (Liu et al. 2025); AdamW, with Nesterov's momentum, updates
    the other parameters.
    """
    rate, epsilon = settings.learning_rate, settings.epsilon
    groups = _groups(network, settings)
    match settings.name:
        case "adam":
            return torch.optim.Adam(groups, lr=rate, eps=epsilon, fused=True)
        case "adamw":
            return torch.optim.AdamW(groups, lr=rate, eps=epsilon, fused=True)
        case "muon":
            # Imported here: timm takes a second.
            from timm.optim import Muon

            return Muon(groups, lr=rate, eps=epsilon, momentum=settings.momentum, nesterov=True)
        case "rmsprop":
            # Keras' smoothing of squared gradients; torch's default is 0.99.
            return torch.optim.RMSprop(groups, lr=rate, eps=epsilon, alpha=0.9)
        case "sgd":
            momentum = settings.momentum
            return torch.optim.SGD(
                groups, lr=rate, momentum=momentum, nesterov=momentum > 0, fused=True
            )


def train_last_layer_only(network: nn.Module, alone: bool) -> None:
    """Freeze all layers but the last (`alone`), or unfreeze all.

    Frozen batch normalisation uses its running statistics, so that the last layer is trained on
    the features that the pretrained backbone gives in prediction.
    """
    last = feature_layer(network)
    network.requires_grad_(not alone)
    network.train(not alone)
    last.requires_grad_(True)
    last.train()


def layer_numbers(network: nn.Module) -> dict[str, int]:
    """The layer of each parameter, counted from the input.

    Backbones of timm define their layers. In other networks, a layer is a module that has matrices
    or filters, with the normalisation that follows it.

    >>> numbers = layer_numbers(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Linear(2, 1)))
    >>> numbers["0.weight"], numbers["1.weight"], numbers["2.bias"]
    (0, 0, 1)
    """
    matcher = getattr(network, "group_matcher", None)
    if matcher is not None:
        from timm.models import group_parameters

        return group_parameters(network, matcher(coarse=False), reverse=True)
    numbers: dict[str, int] = {}
    layer = -1
    for prefix, module in network.named_modules():
        own = dict(module.named_parameters(prefix, recurse=False))
        layer += any(parameter.ndim > 1 for parameter in own.values())
        numbers |= dict.fromkeys(own, max(layer, 0))
    return numbers


def _groups(network: nn.Module, settings: OptimiserTable) -> list[dict]:
    """Parameter groups by layer, the last first, and by whether they have weight decay."""
    layers = layer_numbers(network) if settings.layer_decay < 1 else {}
    last = max(layers.values(), default=0)
    undecayed: Collection[str] = getattr(network, "no_weight_decay", tuple)()

    of_last = {id(parameter) for parameter in feature_layer(network).parameters()}

    def kind(named: tuple[str, nn.Parameter]) -> tuple[int, bool, bool]:
        name, parameter = named
        plain = parameter.ndim <= 1 or name in undecayed
        # A parameter that timm assigns to no layer belongs to the last.
        return last - layers.get(name, last), plain, not plain and id(parameter) not in of_last

    return [
        {
            "params": [parameter for _, parameter in members],
            "lr": settings.learning_rate * settings.layer_decay**depth,
            "weight_decay": 0.0 if plain else settings.weight_decay,
            "use_fallback": not hidden,  # for muon: AdamW for all but hidden matrices
        }
        for (depth, plain, hidden), members in groupby(
            sorted(network.named_parameters(), key=kind), key=kind
        )
    ]
