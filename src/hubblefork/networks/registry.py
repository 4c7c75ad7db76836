"""A name becomes a network: `create_network("lenet5", input_shape=(3, 69, 69), outputs=10)`.

`hubblefork list networks` prints the names.
"""

import inspect
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from torch import nn

from hubblefork.core.errors import RequestError, nearest

# Name -> where its class is: module and class are imported when they are asked for.
NETWORKS: dict[str, str] = {
    "alexnet": "alexnet.AlexNet",
    "compact-resnet": "compact_resnet.CompactResNet",
    "dieleman": "dieleman.Dieleman",
    "equivariant-resnet": "equivariant_resnet.EquivariantResNet",
    "galaxy-zoo-vgg16": "galaxy_zoo_vgg16.GalaxyZooVGG16",
    "lenet5": "lenet5.LeNet5",
    "linnaeus": "linnaeus.Linnaeus",
    "mlp": "mlp.MLP",
    "simple-cnn": "simple_cnn.SimpleCNN",
}

_TIMM = "timm:"


def create_network(
    name: str,
    input_shape: tuple[int, int, int],
    outputs: int,
    options: Mapping[str, Any] | None = None,
    weights: str | None = None,
) -> nn.Module:
    """Make a network with fresh weights, or a backbone of timm with pretrained ones.

    Parameters
    ----------
    name
        One of `NETWORKS`; `timm:NAME` for any backbone of timm; `timm:hf-hub:OWNER/NAME` or
        `timm:local-dir:PATH` for a backbone that brings its weights with it.
    input_shape
        (C, H, W) of one image: channels, height and width in pixels.
    outputs
        How many numbers the network gives for one image: for classes their number, as logits.
    options
        Further arguments of the network, as a recipe's `[network.options]` holds them.
    weights
        Pretrained weights of a backbone: see `hubblefork.networks.weights`; or of an earlier run of
        the same network: its folder, or its model file. The last layer is made anew where they have
        another number of outputs.

    Raises RequestError for an unknown name or option, for an input that is too small, and for
    weights that are not there or do not fit.

    >>> network = create_network("lenet5", input_shape=(3, 69, 69), outputs=10)
    >>> count_parameters(network)
    390326
    """
    options = dict(options or {})
    if weights and _is_earlier(weights):
        from hubblefork.models.warm_start import begin_from

        network = create_network(name, input_shape, outputs, options)
        begin_from(network, name, weights)
        return network
    if name.startswith(_TIMM):
        from hubblefork.networks.timm_backbone import create_backbone

        return create_backbone(name, input_shape, outputs, options, weights)
    network_class = _find_class(name)
    if weights:
        raise RequestError(
            f"network.weights is {weights!r}: expected the folder or the model file of an earlier "
            f"run of {name!r}; backbones of timm have other pretrained weights: "
            "--set network.name=timm:NAME"
        )
    known = list(inspect.signature(network_class).parameters)[2:]
    for key in options:
        if key not in known:
            hint = nearest(key, known) if known else "it has no options"
            raise RequestError(f"network {name!r} has no option {key!r}; {hint}")
    try:
        return network_class(input_shape, outputs, **options)
    except TypeError as error:
        raise RequestError(f"network {name!r} does not take {options}: {error}") from error


def describe_networks() -> dict[str, str]:
    """Each network's name with the first line of its docstring."""
    described = {name: (_find_class(name).__doc__ or "").split("\n")[0] for name in NETWORKS}
    return described | {"timm:NAME": "Any backbone of timm, with fresh or pretrained weights."}


def resolve_network(
    name: str, options: Mapping[str, Any], weights: str | None
) -> tuple[str, dict[str, Any], str | None]:
    """What is asked for, with the architecture in the place of a repository's name.

    A network of the returned name and options has the same shape, and needs no repository: that is
    what a model file keeps. RequestError for a repository that cannot be read.
    """
    if not name.startswith(_TIMM) or (weights and _is_earlier(weights)):
        return name, dict(options), weights
    from hubblefork.networks.timm_backbone import resolve_backbone

    return resolve_backbone(name, options, weights)


def registered_name(network: nn.Module) -> str:
    """The name that the class of a network is registered by.

    Raises RequestError where it is not: a model file names its network, to make it again.

    >>> registered_name(create_network("mlp", (1, 8, 8), 2))
    'mlp'
    """
    own = type(network)
    for name in NETWORKS:
        if _find_class(name) is own:
            return name
    raise RequestError(
        f"network: the class {own.__name__} is not registered, so its model file could not be "
        f'read again: put @hubblefork.register_network("my-network") above the class, or give '
        "the name of a network (hubblefork list networks)"
    )


def count_parameters(network: nn.Module) -> int:
    """The number of a network's trainable and frozen parameters."""
    return sum(parameter.numel() for parameter in network.parameters())


def _is_earlier(weights: str) -> bool:
    from hubblefork.models.warm_start import is_earlier  # it needs this module

    return is_earlier(weights)


def _find_class(name: str) -> type[nn.Module]:
    if name not in NETWORKS:
        hint = nearest(name, [*NETWORKS, "timm:NAME"])
        raise RequestError(f"no network is called {name!r}; {hint}")
    module, class_name = NETWORKS[name].split(".")
    return getattr(import_module(f"hubblefork.networks.{module}"), class_name)
