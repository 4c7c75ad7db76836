"""The model file: weights, and all that is needed to use them on a machine that has nothing else.

One safetensors file. Its metadata holds the network, its head, input shape, view, framing, task and
class names as JSON; with the weights stand the arrays of `hubblefork.models.uncertainty`.
Reading it never runs code: nothing is unpickled, and a network is made by its registered name.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from hubblefork.core.errors import RequestError
from hubblefork.core.files import replacing
from hubblefork.core.regular_files import not_a_file
from hubblefork.data.images.framing import Framing
from hubblefork.models.view import View
from hubblefork.networks.registry import create_network
from hubblefork.tasks.registry import task_from_json
from hubblefork.tasks.task import Task

# Its name in the folder of a run.
MODEL_FILE = "model.safetensors"
_FORMAT = 5
_KEY = "hubblefork"
# Prefix of the names of the arrays of uncertainty, which tells them from weights.
UNCERTAINTY = "uncertainty."


@dataclass(frozen=True)
class ModelCard:
    """What a model file says about its weights.

    `framing` is how an image of any size becomes a packed one, `view` how a packed image
    becomes the network's input, `head` how the network's numbers become answers. `colours` are
    what `colour_of` says of the training images, before they were framed.
    """

    network: str
    options: dict[str, Any]
    head: str
    input_shape: tuple[int, int, int]
    task: Task
    framing: Framing
    colours: tuple[str, ...]
    view: View
    recipe: str
    source: str
    versions: dict[str, str]

    def create_network(self) -> nn.Module:
        return create_network(self.network, self.input_shape, self.task.outputs, self.options)

    def to_json(self) -> dict[str, Any]:
        own = {name: getattr(self, name).to_json() for name in ("task", "framing", "view")}
        return {"format": _FORMAT, **vars(self), **own}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "ModelCard":
        own = {
            "input_shape": tuple(value["input_shape"]),
            "task": task_from_json(value["task"]),
            "framing": Framing.from_json(value["framing"]),
            "colours": tuple(value["colours"]),
            "view": View.from_json(value["view"]),
        }
        return cls(**{key: each for key, each in value.items() if key != "format"} | own)


def current_versions() -> dict[str, str]:
    """The versions of what made a model."""
    return {name: version(name) for name in ("hubblefork", "torch", "numpy")}


def save_model(
    path: Path,
    network: nn.Module,
    card: ModelCard,
    uncertainty: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Write a model file, whole or not at all.

    uncertainty: arrays by name, as `Uncertainty.to_arrays` gives them.
    """
    tensors = {
        key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()
    }
    for key, value in (uncertainty or {}).items():
        tensors[UNCERTAINTY + key] = torch.from_numpy(value).contiguous()
    content = save(tensors, metadata={_KEY: json.dumps(card.to_json())})
    with replacing(path, binary=True) as file:
        file.write(content)


def is_model_file(path: Path) -> bool:
    """Whether a file was written by `save_model`."""
    if not_a_file(path):
        return False
    try:
        with safe_open(path, framework="pt") as file:
            return _KEY in (file.metadata() or {})
    except (SafetensorError, OSError):
        return False


def load_model(path: Path) -> tuple[nn.Module, ModelCard, dict[str, np.ndarray]]:
    """Read a model file: the network in evaluation mode, on the CPU; its card; uncertainty arrays.

    Raises RequestError where there is none, where hubblefork did not write it, and where its
    network is not registered here.
    """
    if reason := not_a_file(path):
        raise RequestError(f"no model file at {path} ({reason})")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise RequestError(f"{path} is not a model file of hubblefork: {error}") from error
    if _KEY not in metadata:
        raise RequestError(f"{path} is a safetensors file, but hubblefork did not write it")
    content = json.loads(metadata[_KEY])
    if content.get("format") != _FORMAT:
        raise RequestError(
            f"{path} has format {content.get('format')}; this hubblefork reads {_FORMAT}"
        )
    card = ModelCard.from_json(content)
    try:
        network = card.create_network()
    except RequestError as error:
        raise RequestError(f"{path}: {error}") from error
    uncertainty = {
        key.removeprefix(UNCERTAINTY): weights.pop(key).numpy()
        for key in list(weights)
        if key.startswith(UNCERTAINTY)
    }
    network.load_state_dict(weights)
    return network.eval(), card, uncertainty
