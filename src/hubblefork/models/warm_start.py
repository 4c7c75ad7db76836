"""Weights of an earlier run, from which a training of the same network starts.

They are named as a model is: a run folder, a model file, a shipped name, or `hf:OWNER/NAME`.
"""

import os
from pathlib import Path
from typing import TypeGuard

from torch import Tensor, nn

from hubblefork.core.errors import RequestError
from hubblefork.models.file_format import MODEL_FILE, is_model_file
from hubblefork.models.find import find_model, is_on_hub
from hubblefork.models.model_file import read_model_file
from hubblefork.models.shipped import shipped_file
from hubblefork.networks.features import feature_layer
from hubblefork.networks.weights import check_finite, misfit


def is_trained_model(weights: str | None) -> TypeGuard[str]:
    """Whether a recipe's `network.weights` are those of a trained model."""
    return weights is not None and (is_on_hub(weights) or is_model_file(_file(weights)))


def load_trained_weights(network: nn.Module, name: str, weights: str) -> None:
    """Give a network the weights of a trained model.

    The last layer keeps its own weights if the earlier one has another number of outputs. For
    images with another number of channels, each has the mean of the first layer's filters, so that
    an image that is the same in all channels gives what it gave. Raises RequestError if there are
    no weights, or if they are of another network; `name` is that of this one.
    """
    _, tensors, _ = read_model_file(_file(weights))
    own = network.state_dict()
    first = next((key for key, value in own.items() if value.ndim > 1), None)
    if first in tensors:
        tensors[first] = _for_channels(tensors[first], own[first])
    last = {id(value) for value in feature_layer(network).state_dict(keep_vars=True).values()}
    for key, value in network.state_dict(keep_vars=True).items():
        if id(value) in last and key in tensors and tensors[key].shape != value.shape:
            tensors[key] = own[key]
    if wrong := misfit(tensors, own):
        raise RequestError(
            f"the {len(tensors)} tensors of {weights!r} do not fit the {len(own)} of {name!r}: "
            f"{wrong}; give a run of the same network, with the same options"
        )
    try:
        check_finite(tensors)
    except RequestError as error:
        raise RequestError(f"{weights}: {error}") from error
    network.load_state_dict(tensors)


def _for_channels(filters: Tensor, own: Tensor) -> Tensor:
    """Filters (F, C, ...) of the first layer for as many channels as its `own` have."""
    fits = filters.ndim == own.ndim == 4 and filters.shape[2:] == own.shape[2:]
    if not fits or filters.shape == own.shape or len(filters) != len(own):
        return filters
    channels = own.shape[1]
    return (filters.sum(dim=1, keepdim=True) / channels).repeat(1, channels, 1, 1)


def _file(weights: str) -> Path:
    if is_on_hub(weights):
        return find_model(weights)
    path = Path(weights)
    return path / MODEL_FILE if os.path.isdir(path) else shipped_file(weights) or path
