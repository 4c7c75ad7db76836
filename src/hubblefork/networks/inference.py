"""Networks prepared for prediction: the same outputs with fewer operations.

A layer that computes its weights from other parameters in training, as those of
`equivariant-resnet` do, has a method `for_inference` that returns a plain layer. Then each batch
normalisation that follows a plain convolution is folded into it (Jacob et al. 2018, section 3.2).

The layers keep their names, but not their weights: explanations use the network as it was trained.
"""

import copy
from collections import Counter, OrderedDict
from collections.abc import Iterator
from itertools import chain
from typing import Any

import torch
from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


# The shared tensors can then be used outside inference mode, even if this is called within it.
@torch.inference_mode(False)
@torch.no_grad()
def prepare_for_inference(network: nn.Module) -> nn.Module:
    """A network in evaluation mode with the same outputs, up to rounding, in less time.

    `network` is not changed; tensors that stay the same are shared with it.

    >>> layers = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU()).eval()
    >>> prepared = prepare_for_inference(layers)
    >>> prepared[1]
    Identity()
    >>> images = torch.rand(1, 1, 8, 8)
    >>> torch.allclose(prepared(images), layers(images), atol=1e-6)
    True
    """
    prepared = twin(network)
    for name, layer in list(prepared.named_modules()):
        if hasattr(layer, "for_inference"):
            prepared.set_submodule(name, layer.for_inference())
    prepared.eval()
    for before, after in list(_pairs(prepared)):
        layers: list[Any] = [prepared.get_submodule(name) for name in (before, after)]
        prepared.set_submodule(before, fuse_conv_bn_eval(*layers))
        prepared.set_submodule(after, _rest(layers[1]))
    return prepared.eval()


def twin(network: nn.Module) -> nn.Module:
    """The same network with the same tensors, for another thread: it has hooks of its own."""
    shared = {id(each): each for each in chain(network.parameters(), network.buffers())}
    return copy.deepcopy(network, shared)


def _pairs(network: nn.Module) -> Iterator[tuple[str, str]]:
    """The names of each plain convolution and of the batch normalisation that directly follows."""
    if not any(isinstance(layer, nn.BatchNorm2d) for layer in network.modules()):
        return
    try:
        nodes = _Tracer().trace(network).nodes
    except Exception:  # of any kind, from a forward that depends on its input: nothing is folded
        return
    used = Counter(str(node.target) for node in nodes)
    for node in nodes:
        before = node.args[0] if node.op == "call_module" and node.args else None
        if not isinstance(before, fx.Node) or before.op != "call_module":
            continue
        first, second = str(before.target), str(node.target)
        alone = len(before.users) == used[first] == used[second] == 1
        if alone and _can_be_folded(network.get_submodule(first), network.get_submodule(second)):
            yield first, second


def _can_be_folded(first: nn.Module, second: nn.Module) -> bool:
    # A subclass of a convolution may change its weights first.
    plain = type(first) is nn.Conv2d and not hasattr(first, "parametrizations")
    return plain and _is_normalisation(second) and second.running_mean is not None


def _is_normalisation(layer: nn.Module) -> bool:
    # Or batch normalisation with an activation, as timm has it; other classes of timm do more.
    return type(layer) is nn.BatchNorm2d or type(layer).__name__ == "BatchNormAct2d"


def _rest(normalisation: nn.Module) -> nn.Module:
    """The other layers of a batch normalisation, such as an activation, with the same names."""
    rest = OrderedDict(normalisation.named_children())
    return nn.Sequential(rest) if rest else nn.Identity()


class _Tracer(fx.Tracer):
    """Traces all modules except convolutions and the normalisations folded into them."""

    def is_leaf_module(self, module: nn.Module, qualified_name: str) -> bool:
        layer = isinstance(module, nn.Conv2d) or _is_normalisation(module)
        return layer or super().is_leaf_module(module, qualified_name)
