"""A name becomes a network: `create_network("lenet5", input_shape=(3, 69, 69), outputs=10)`.

`hubblefork list networks` prints the names.
"""

import inspect
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from torch import nn

from hubblefork.errors import RequestError, nearest

# Name -> where its class is: module and class are imported when they are asked for.
NETWORKS: dict[str, str] = {
    "alexnet": "alexnet.AlexNet",
    "compact-resnet": "compact_resnet.CompactResNet",
    "dieleman": "dieleman.Dieleman",
    "galaxy-zoo-vgg16": "galaxy_zoo_vgg16.GalaxyZooVGG16",
    "lenet5": "lenet5.LeNet5",
    "linnaeus": "linnaeus.Linnaeus",
    "mlp": "mlp.MLP",
    "simple-cnn": "simple_cnn.SimpleCNN",
}


def create_network(
    name: str,
    input_shape: tuple[int, int, int],
    outputs: int,
    options: Mapping[str, Any] | None = None,
) -> nn.Module:
    """Make a network with fresh weights.

    Parameters
    ----------
    name
        One of `NETWORKS`, or `timm:NAME` for any backbone of timm.
    input_shape
        (C, H, W) of one picture: channels, height and width in pixels.
    outputs
        How many numbers the network gives for one picture: for classes their number, as logits.
    options
        Further arguments of the network, as a recipe's `[network.options]` holds them.

    Raises RequestError for an unknown name or option, and for an input that is too small.

    >>> network = create_network("lenet5", input_shape=(3, 69, 69), outputs=10)
    >>> count_parameters(network)
    390326
    """
    options = dict(options or {})
    if name.startswith("timm:"):
        return _create_timm(name.removeprefix("timm:"), input_shape, outputs, options)
    network_class = _find_class(name)
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
    return described | {"timm:NAME": "Any backbone of timm, with fresh weights."}


def count_parameters(network: nn.Module) -> int:
    """The number of a network's trainable and frozen parameters."""
    return sum(parameter.numel() for parameter in network.parameters())


def _find_class(name: str) -> type[nn.Module]:
    if name not in NETWORKS:
        hint = nearest(name, [*NETWORKS, "timm:NAME"])
        raise RequestError(f"no network is called {name!r}; {hint}")
    module, class_name = NETWORKS[name].split(".")
    return getattr(import_module(f"hubblefork.networks.{module}"), class_name)


def _create_timm(
    name: str, input_shape: tuple[int, int, int], outputs: int, options: dict[str, Any]
) -> nn.Module:
    import timm

    if not timm.is_model(name):
        raise RequestError(f"timm has no backbone {name!r}; {nearest(name, timm.list_models())}")
    channels, height, width = input_shape
    try:
        network = timm.create_model(name, in_chans=channels, num_classes=outputs, **options)
    except TypeError as error:
        raise RequestError(f"timm:{name} does not take the options {options}: {error}") from error
    size = network.default_cfg.get("input_size", (3, height, width))[1:]
    if network.default_cfg.get("fixed_input_size") and size != (height, width):
        raise RequestError(
            f"timm:{name} takes pictures of {size[0]}x{size[1]} pixels only, "
            f"not {height}x{width}: --set view.size={size[0]}"
        )
    return network
