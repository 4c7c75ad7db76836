"""The model file: weights, and all that is needed to use them on a machine that has nothing else.

One safetensors file. Its metadata holds the network, its head, input shape, view, framing, task and
class names as JSON; with the weights stand the arrays of `hubblefork.models.uncertainty`, and a
digest of all that, by which damage is noticed.
Reading it never runs code: nothing is unpickled, and a network is made by its registered name.
A file may come from anywhere, so it costs no more memory than its own size, whatever it claims.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from hubblefork.core.errors import RequestError, first_line
from hubblefork.core.files import replacing
from hubblefork.core.regular_files import not_a_file
from hubblefork.models.file_format import CARD_KEY
from hubblefork.models.model_card import ModelCard
from hubblefork.networks.bounds import sketch
from hubblefork.networks.weights import check_finite, misfit

# The name of the digest, an array of 32 bytes: keys of the metadata are written in random order.
_DIGEST = "sha256"
# Prefix of the names of the arrays of uncertainty, which tells them from weights.
_UNCERTAINTY = "uncertainty."


def save_model(
    path: Path,
    network: nn.Module,
    card: ModelCard,
    uncertainty: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Write a model file, whole or not at all.

    uncertainty: arrays by name, as `Uncertainty.to_arrays` gives them. Raises RequestError where
    any of them holds what is no number.
    """
    tensors = {
        key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()
    }
    for key, value in (uncertainty or {}).items():
        tensors[_UNCERTAINTY + key] = torch.from_numpy(value).contiguous()
    check_finite(tensors)
    text = json.dumps(card.to_json())
    tensors[_DIGEST] = _digest(text, tensors)
    content = save(tensors, metadata={CARD_KEY: text})
    with replacing(path, binary=True) as file:
        file.write(content)


def load_model(path: Path) -> tuple[nn.Module, ModelCard, dict[str, np.ndarray]]:
    """Read a model file: the network in evaluation mode, on the CPU; its card; uncertainty arrays.

    Raises RequestError where there is none, where hubblefork did not write it, where it is damaged,
    where its network is not registered here, and where its weights are not those of the network, or
    are not numbers.
    """
    text, weights, uncertainty = read_model_file(path)
    try:
        card = ModelCard.from_text(text)
        check_finite(weights | uncertainty)
        _check_fit(card, weights)
        network = card.create_network()
    except RequestError as error:
        raise RequestError(f"{path}: {error}") from error
    network.load_state_dict(weights)
    return network.eval(), card, {key: value.numpy() for key, value in uncertainty.items()}


def read_model_file(path: Path) -> tuple[str, dict[str, Tensor], dict[str, Tensor]]:
    """Read the text of the card, the weights and the uncertainty arrays by name, all unchecked.

    Raises RequestError where there are none, and where they are not what was written.
    """
    if reason := not_a_file(path):
        raise RequestError(f"no model file at {path} ({reason})")
    if path.suffix.lower() == ".onnx":
        raise RequestError(f"{path} is an ONNX file, which only predicts: give its run")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    # Beyond its own errors come those of torch, for shapes and types that it does not have.
    except (SafetensorError, OSError, RuntimeError, OverflowError, TypeError) as error:
        raise RequestError(
            f"{path} is not a model file of hubblefork, or is damaged: {first_line(error)}"
        ) from error
    if CARD_KEY not in metadata:
        raise RequestError(f"{path} is a safetensors file, but hubblefork did not write it")
    digest = tensors.pop(_DIGEST, None)
    if digest is not None and not torch.equal(digest, _digest(metadata[CARD_KEY], tensors)):
        raise RequestError(f"{path} is damaged: its content is not what was written")
    uncertainty = {
        key.removeprefix(_UNCERTAINTY): tensors.pop(key)
        for key in list(tensors)
        if key.startswith(_UNCERTAINTY)
    }
    return metadata[CARD_KEY], tensors, uncertainty


def _digest(text: str, tensors: Mapping[str, Tensor]) -> Tensor:
    """The SHA-256 (32,) of a card and of the names, types, shapes and values of all arrays."""
    digest = hashlib.sha256(text.encode())
    for key, value in sorted(tensors.items()):
        digest.update(f"{key} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return torch.frombuffer(bytearray(digest.digest()), dtype=torch.uint8)


def _check_fit(card: ModelCard, tensors: Mapping[str, Tensor]) -> None:
    """RequestError unless tensors are the weights of the network that a card describes.

    It is found out before the network takes memory, which may be more than the file has.
    """
    expected = sketch(card.create_network, len(tensors)).state_dict()
    if wrong := misfit(tensors, expected):
        raise RequestError(f"its weights are not those of {card.network!r}: {wrong}")
    for key, value in expected.items():
        if tensors[key].dtype != value.dtype:
            raise RequestError(
                f"its weights {key} are {tensors[key].dtype}; expected {value.dtype}"
            )
