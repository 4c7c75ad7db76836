"""Backbones of timm by name, with random or pretrained weights.

`timm:NAME` is any architecture of timm; `timm:hf-hub:OWNER/NAME` and `timm:local-dir:PATH` are
repositories with an architecture and its weights, such as Zoobot's encoders.
"""

import inspect
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import timm
import torch
from timm.models import build_model_with_cfg
from torch import Tensor, nn

from hubblefork.core.errors import RequestError, first_few
from hubblefork.networks.bounds import check_options
from hubblefork.networks.weights import (
    EFFICIENTNET_LITE0,
    HUB,
    PACKAGED_BACKBONE,
    Repository,
    check_finite,
    is_repository,
    misfit,
    published,
    read_tensors,
    renamed_by_order,
)

PREFIX = "timm:"

# Options of timm that read or download files, or follow from the images and the classes.
_NOT_OPTIONS = {
    *inspect.signature(timm.create_model).parameters,
    *inspect.signature(build_model_with_cfg).parameters,
    *("pruned", "features_only", "feature_cls", "out_indices", "num_classes", "in_chans"),
} - {"kwargs"}


def create_backbone(
    name: str,
    input_shape: tuple[int, int, int],
    outputs: int,
    options: Mapping[str, Any],
    weights: str | None = None,
) -> nn.Module:
    """Make a backbone with a classifier of this number of outputs.

    The classifier is that of the pretrained weights if it has as many outputs, else a new one.
    The arguments are those of `hubblefork.networks.registry.create_network`.
    """
    name, options, weights = resolve_backbone(name, options, weights)
    check_options(name, options)  # a repository brings some of its own
    if taken := sorted(_NOT_OPTIONS & options.keys()):
        raise RequestError(
            f"{name} has no option {taken[0]!r}; pretrained weights are network.weights"
        )
    backbone = name.removeprefix(PREFIX)
    config = _config(backbone)
    channels, height, width = input_shape
    arguments = {"in_chans": channels, **options}
    if config.fixed_input_size and config.input_size[1:] != (height, width):
        arguments.setdefault("img_size", (height, width))
    try:
        with torch.device("meta"):  # no memory, no time: only whether it takes such images
            trial = timm.create_model(backbone, num_classes=outputs, **arguments)
            trial.eval()(torch.empty(2, *input_shape))
    except TypeError as error:
        raise RequestError(f"{name} does not take the options {dict(options)}: {error}") from error
    except (AssertionError, RuntimeError, ValueError) as error:
        raise RequestError(
            f"{name} does not take images of {height}x{width} pixels, or not the options "
            f"{dict(options)}: {str(error).splitlines()[0]}; it was made for "
            f"{config.input_size[1]}x{config.input_size[2]}: --set view.size={config.input_size[1]}"
        ) from error
    if weights is None:
        return timm.create_model(backbone, num_classes=outputs, **arguments)
    return _pretrained(backbone, outputs, arguments, weights)


def resolve_backbone(
    name: str, options: Mapping[str, Any], weights: str | None
) -> tuple[str, dict[str, Any], str | None]:
    """Replace the name of a repository by that of its architecture.

    The returned name, options and weights make the same network, also later: those of the hub have
    their commit as revision. Name and options alone make one of the same shape, so that a model
    file with them can be read without the repository.

    Raises RequestError for a repository that cannot be read or has another backbone.

    >>> resolve_backbone("timm:resnet18", {}, None)
    ('timm:resnet18', {}, None)
    """
    named = name.removeprefix(PREFIX)
    own = re.match(r"(hf-hub|local-dir):(.*)", named)
    if own and weights:
        raise RequestError(
            f"network.name {name!r} brings its weights with it, but network.weights is "
            f"{weights!r}: --set weights=none"
        )
    if own:
        weights = named if own[1] == "hf-hub" else own[2]
    if weights == HUB:
        _config(named)
        weights = published(named)
    if weights is None or not (own or is_repository(weights)):
        return name, dict(options), weights
    repository = Repository.read(weights)
    backbone = repository.backbone
    if not own and named.split(".")[0] != backbone.split(".")[0]:
        raise RequestError(
            f"{weights} holds weights of {backbone}, but network.name is {name!r}: "
            f"--set network.name={PREFIX}{backbone}"
        )
    return f"{PREFIX}{backbone}", repository.options | dict(options), repository.name


def _config(backbone: str) -> Any:
    """timm's configuration of a backbone; RequestError with similar names if there is none."""
    if ":" not in backbone and timm.is_model(backbone):
        try:
            return timm.get_pretrained_cfg(backbone, allow_unregistered=False)
        except RuntimeError:  # no such tag
            tags = timm.list_models(f"{backbone.split('.')[0]}.*", pretrained=True)
            raise RequestError(
                f"timm has no weights called {backbone!r}; known: {first_few(tags, 6)}"
            ) from None
    if "/" in backbone:
        hint = (
            f"a repository of the hub is {PREFIX}hf-hub:OWNER/NAME, one on this machine "
            f"{PREFIX}local-dir:PATH"
        )
    elif close := get_close_matches(backbone, timm.list_models(), n=3, cutoff=0.6):
        hint = f"did you mean {' or '.join(map(repr, close))}?"
    else:
        hint = f"timm.list_models() in Python lists all {len(timm.list_models()):,}"
    raise RequestError(f"timm has no backbone {backbone!r}; {hint}")


def _pretrained(backbone: str, outputs: int, arguments: dict[str, Any], weights: str) -> nn.Module:
    """A backbone with pretrained weights, all of which fit."""
    tensors, config = _read(backbone, weights)
    # With the number of classes of the weights: otherwise timm leaves out the last layer.
    arguments = {**arguments, "num_classes": config["num_classes"]}
    try:
        network: Any = timm.create_model(
            backbone,
            pretrained=True,
            pretrained_cfg_overlay={**config, "state_dict": dict(tensors)},
            **arguments,
        )
    except Exception as error:  # of any kind: timm looks for weights of other origins among them
        with torch.device("meta"):
            own = timm.create_model(backbone, **arguments).state_dict()
        raise RequestError(_misfit(backbone, weights, tensors, own)) from error
    try:
        check_finite(network.state_dict())
    except RequestError as error:
        raise RequestError(f"{weights}: {error}") from error
    network.pretrained_cfg.pop("state_dict")  # a second copy in memory
    if network.num_classes != outputs:
        network.reset_classifier(outputs)
    return network


def _read(backbone: str, weights: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors, and the known settings of their training."""
    if is_repository(weights):
        repository = Repository.read(weights)
        return read_tensors(repository.file), repository.config
    tensors = read_tensors(weights)
    if weights == EFFICIENTNET_LITE0:
        if backbone.split(".")[0] != PACKAGED_BACKBONE:
            raise RequestError(
                f"weights {weights!r} are of {PACKAGED_BACKBONE}, not of {backbone}: --set "
                f"network.name={PREFIX}{PACKAGED_BACKBONE}, or --set weights={HUB}"
            )
        with torch.device("meta"):
            own = timm.create_model(backbone).state_dict()
        tensors = renamed_by_order(tensors, own)
    classifier = _config(backbone).classifier or ()
    first = classifier if isinstance(classifier, str) else next(iter(classifier), "")
    weight = tensors.get(f"{first}.weight")
    return tensors, {"num_classes": 0 if weight is None else len(weight)}


def _misfit(
    backbone: str, weights: str, tensors: Mapping[str, Tensor], own: Mapping[str, Tensor]
) -> str:
    """One line on weights that do not fit: the numbers of tensors, and the first."""
    first = f"{_config(backbone).first_conv}.weight"
    if first in tensors and first in own and tensors[first].shape[1] == 1 < own[first].shape[1]:
        return (
            f"{weights!r} was trained on images of one channel, and these have "
            f"{own[first].shape[1]}: --grey converts them"
        )
    return (
        f"the {len(tensors)} tensors of {weights!r} do not fit the {len(own)} of "
        f"timm:{backbone}: {misfit(tensors, own) or 'as timm reads them'}; give weights of this "
        "backbone, or network.name the backbone of the weights"
    )
