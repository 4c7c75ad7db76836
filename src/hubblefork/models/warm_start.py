"""Weights of an earlier run, from which a training of the same network begins."""

from pathlib import Path

from torch import nn

from hubblefork.core.errors import RequestError
from hubblefork.models.model_file import MODEL_FILE, OF_TRUST, is_model_file
from hubblefork.networks.features import feature_layer
from hubblefork.networks.weights import misfit, read_tensors


def is_earlier(weights: str) -> bool:
    """Whether weights are a run folder or a model file."""
    return is_model_file(_file(weights))


def begin_from(network: nn.Module, name: str, weights: str) -> None:
    """Give a network the weights of a run folder or a model file.

    The last layer begins anew where the earlier one gave another number of answers. Raises
    RequestError where there are no weights, and where they are of another network.
    """
    found = read_tensors(_file(weights))
    tensors = {key: value for key, value in found.items() if not key.startswith(OF_TRUST)}
    own = network.state_dict()
    last = {id(value) for value in feature_layer(network).state_dict(keep_vars=True).values()}
    for key, value in network.state_dict(keep_vars=True).items():
        if id(value) in last and key in tensors and tensors[key].shape != value.shape:
            tensors[key] = own[key]
    if wrong := misfit(tensors, own):
        raise RequestError(
            f"the {len(tensors)} tensors of {weights!r} do not fit the {len(own)} of {name!r}: "
            f"{wrong}; give a run of the same network, with the same options"
        )
    network.load_state_dict(tensors)


def _file(weights: str) -> Path:
    path = Path(weights)
    return path / MODEL_FILE if path.is_dir() else path
