"""Networks by name: `create_network("lenet5", input_shape=(3, 69, 69), outputs=10)`.

A name is that of a network of hubblefork, of one registered by `register_network`, of an entry
point `hubblefork.networks` of an installed package, or `timm:NAME`. `hubblefork list networks`
prints them.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from hubblefork.core.errors import RequestError, nearest
from hubblefork.core.registry import F, Registry

if TYPE_CHECKING:  # importing torch takes seconds, and names are looked up without it
    from torch import nn

_registry = Registry(
    "network",
    {
        "alexnet": "hubblefork.networks.alexnet:AlexNet",
        "compact-resnet": "hubblefork.networks.compact_resnet:CompactResNet",
        "dieleman": "hubblefork.networks.dieleman:Dieleman",
        "equivariant-resnet": "hubblefork.networks.equivariant_resnet:EquivariantResNet",
        "galaxy-zoo-vgg16": "hubblefork.networks.galaxy_zoo_vgg16:GalaxyZooVGG16",
        "lenet5": "hubblefork.networks.lenet5:LeNet5",
        "linnaeus": "hubblefork.networks.linnaeus:Linnaeus",
        "mlp": "hubblefork.networks.mlp:MLP",
        "simple-cnn": "hubblefork.networks.simple_cnn:SimpleCNN",
    },
)
_TIMM = "timm:"

# A class or a function: called with input_shape, outputs and options, it returns a network.
Factory = Callable[..., Any]


def register_network(name: str) -> Callable[[F], F]:
    """Decorate a class or a function, so that recipes and model files can name its networks.

    It is called as `factory(input_shape=(C, H, W), outputs=K, **options)`, where the options are
    those of a recipe's `[network.options]`, and returns a module from (N, C, H, W) float32 to
    (N, K). The last `nn.Linear` is its last layer, unless its `get_classifier()` returns another.

    A package announces a network in its pyproject.toml instead, and is imported when it is used::

        [project.entry-points."hubblefork.networks"]
        two-layers = "my_package.networks:TwoLayers"

    Raises RequestError for a name that is not valid or already registered, and for a factory that
    cannot be called in this way.

    >>> from math import prod
    >>> from torch import nn
    >>> @register_network("two-layers")
    ... class TwoLayers(nn.Sequential):
    ...     def __init__(self, input_shape, outputs, width=16):
    ...         pixels = prod(input_shape)
    ...         super().__init__(nn.Flatten(), nn.Linear(pixels, width), nn.Linear(width, outputs))
    >>> count_parameters(create_network("two-layers", (1, 8, 8), 2, {"width": 4}))
    270
    """

    register = _registry.register(name)

    def check_and_register(factory: F) -> F:
        _check_callable(name, factory)
        return register(factory)

    return check_and_register


def create_network(
    name: str,
    input_shape: tuple[int, int, int],
    outputs: int,
    options: Mapping[str, Any] | None = None,
    weights: str | None = None,
) -> "nn.Module":
    """Make a network with random weights, or a backbone of timm with pretrained ones.

    Parameters
    ----------
    name
        A registered network; `timm:NAME` for any backbone of timm; `timm:hf-hub:OWNER/NAME` or
        `timm:local-dir:PATH` for a backbone together with its weights.
    input_shape
        (C, H, W) of one image: channels, height and width in pixels.
    outputs
        Number of outputs for one image: for classes one logit for each of them.
    options
        Further arguments of the network, as in a recipe's `[network.options]`.
    weights
        Pretrained weights of a backbone: see `hubblefork.networks.weights`. If they have another
        number of outputs, the last layer is a new one.

    Raises RequestError for an unknown name or option, for an input that is too small, and for
    weights that do not exist or do not fit.

    >>> network = create_network("lenet5", input_shape=(3, 69, 69), outputs=10)
    >>> count_parameters(network)
    390326
    """
    from torch import nn

    from hubblefork.networks.bounds import check_options

    options = dict(options or {})
    check_options(name, options)
    if name.startswith(_TIMM):
        from hubblefork.networks.timm_backbone import create_backbone

        return create_backbone(name, input_shape, outputs, options, weights)
    factory = _find(name)
    if weights:
        raise RequestError(
            f"network.weights is {weights!r}: no run or model file is there, and no model of this "
            f"name comes with this version (hubblefork list models); give a run of {name!r} by "
            "--set weights=RUN, or a backbone of timm by --set network.name=timm:NAME"
        )
    _check_known(name, factory, options)
    try:
        network = factory(input_shape=input_shape, outputs=outputs, **options)
    except TypeError as error:
        raise RequestError(f"network {name!r} does not take {options}: {error}") from error
    if not isinstance(network, nn.Module):
        kind = type(network).__name__
        raise RequestError(f"network {name!r} is registered, but made a {kind}, not a torch module")
    return network


def network_names() -> list[str]:
    """The names of all networks except those of timm."""
    return _registry.names()


def check_network(name: str) -> None:
    """RequestError unless there is a network of this name; none of ours is imported for it."""
    if not name.startswith(_TIMM) and name not in network_names():
        raise _unknown(name)


def describe_networks() -> dict[str, str]:
    """Each network's name with the first line of its docstring, or why it cannot be used."""
    own = _registry.own_lines()
    described = {name: own.get(name) or _describe(name) for name in network_names()}
    return described | {"timm:NAME": "Any backbone of timm, with random or pretrained weights."}


def resolve_network(
    name: str, options: Mapping[str, Any], weights: str | None
) -> tuple[str, dict[str, Any], str | None]:
    """Name, options and weights, where a repository's name is replaced by that of its architecture.

    A network of the returned name and options has the same shape and needs no repository: a model
    file contains these. RequestError for a repository that cannot be read.
    """
    if not name.startswith(_TIMM):
        return name, dict(options), weights
    from hubblefork.networks.timm_backbone import resolve_backbone

    return resolve_backbone(name, options, weights)


def registered_name(network: "nn.Module") -> str:
    """The name by which the class of a network is registered.

    Raises RequestError if it is not registered: a model file names its network.

    >>> registered_name(create_network("mlp", (1, 8, 8), 2))
    'mlp'
    """
    own = type(network)
    name = _registry.name_of(own)
    if name:
        return name
    raise RequestError(
        f"network: the class {own.__name__} is not registered, so its model file could not be "
        f'read again: put @hubblefork.register_network("my-network") above the class, or give '
        "the name of a network (hubblefork list networks)"
    )


def count_parameters(network: "nn.Module") -> int:
    """The number of a network's trainable and frozen parameters."""
    return sum(parameter.numel() for parameter in network.parameters())


def _find(name: str) -> Factory:
    factory = _registry.find(name)
    if factory:
        _check_callable(name, factory)
        return factory
    raise _unknown(name)


def _unknown(name: str) -> RequestError:
    return RequestError(
        f"no network is called {name!r}; {nearest(name, [*network_names(), 'timm:NAME'])}; one of "
        f"your own has to be registered first, by @hubblefork.register_network({name!r})"
    )


def _check_callable(name: str, factory: Factory) -> None:
    try:
        inspect.signature(factory).bind(input_shape=None, outputs=None)
    except (TypeError, ValueError) as error:
        raise RequestError(
            f"network {name!r} cannot be called with input_shape and outputs alone: {error}"
        ) from error


def _check_known(name: str, factory: Factory, options: Mapping[str, Any]) -> None:
    parameters = inspect.signature(factory).parameters
    if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        return
    known = [each for each in parameters if each not in ("input_shape", "outputs")]
    for key in options:
        if key not in known:
            hint = nearest(key, known) if known else "it has no options"
            raise RequestError(f"network {name!r} has no option {key!r}; {hint}")


def _describe(name: str) -> str:
    try:
        return (_find(name).__doc__ or "").strip().split("\n")[0]
    except RequestError as error:
        return f"({error})"
