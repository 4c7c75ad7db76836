"""From a recipe and a packed dataset to a checked training plan: network, view, objective."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from hubblefork.core.errors import RequestError
from hubblefork.core.precision import CompileMode, Precision
from hubblefork.core.sampling import stable_sample
from hubblefork.data.dataset import PackedDataset
from hubblefork.data.splits import Split
from hubblefork.models.find import pinned
from hubblefork.models.view import View
from hubblefork.models.warm_start import is_trained_model, load_trained_weights
from hubblefork.networks.registry import create_network, resolve_network
from hubblefork.networks.weights import misfit
from hubblefork.recipes.recipe import Recipe
from hubblefork.training.losses import Objective, choose_objective
from hubblefork.training.processes import ALONE, World

# Size of the sample for mean and standard deviation of the training set: the standard error of a
# mean over so many images is far below one grey level.
_STATISTICS_FROM = 5_000
# And its largest size in bytes, where images are large.
_STATISTICS_BYTES = 128 << 20


@dataclass(frozen=True)
class Plan:
    """A training that has been checked and can start.

    epochs: that it begins with; the recipe's number, or those that its minutes seem to hold.
    """

    recipe: Recipe
    dataset: PackedDataset
    split: Split
    seed: int
    device: torch.device
    precision: Precision
    view: View
    network: nn.Module
    objective: Objective
    epochs: int
    world: World = ALONE
    compiled: CompileMode = "off"


def plan(
    recipe: Recipe,
    dataset: PackedDataset,
    split: Split,
    seed: int,
    device: torch.device,
    precision: Precision,
    world: World = ALONE,
    compiled: CompileMode = "off",
    network: nn.Module | None = None,
) -> Plan:
    """Make view and network for a recipe and a dataset; RequestError where they do not fit.

    network: the one to train, in place of a new one of the recipe's.
    """
    objective = choose_objective(recipe, dataset.task, dataset.table, dataset.source)
    rows = split.rows(dataset, "train")
    if len(rows) < 2 * recipe.training.chunks:  # no batch of one: see BatchRows
        raise RequestError(
            f"training.chunks is {recipe.training.chunks}, for {len(rows)} training images; "
            "each chunk needs two or more: --set chunks=1"
        )
    strength = recipe.training.logit_adjustment
    objective = objective.with_logit_adjustment(dataset.labels[rows], strength)
    torch.manual_seed(seed)
    if network is None:
        network = make_network(recipe, dataset.images.shape[3], dataset.task.outputs)
    _check_sizes(split, recipe.training.chunks, world)
    view = make_view(recipe, dataset, rows, network)
    epochs = recipe.training.epochs
    return Plan(
        recipe, dataset, split, seed, device, precision, view, network, objective, epochs, world,
        compiled,
    )  # fmt: skip


def _check_sizes(split: Split, chunks: int, world: World) -> None:
    for part in ("train", "val"):
        number = split.counts()[part] // (chunks if part == "train" else 1)
        if 0 < number < world.size:
            raise RequestError(
                f"there are {number} {part} images for {world.size} processes: "
                f"--devices {number} or fewer"
            )


def resolve(recipe: Recipe) -> Recipe:
    """The recipe with its network's architecture in place of a repository's name.

    A repository of the hub has its commit as revision. RequestError where it cannot be read.
    """
    asked = recipe.network
    if is_trained_model(asked.weights):
        changed: dict[str, Any] = {"weights": pinned(asked.weights)}
    else:
        name, options, weights = resolve_network(asked.name, asked.options, asked.weights)
        changed = {"name": name, "options": options, "weights": weights}
    return recipe.model_copy(update={"network": asked.model_copy(update=changed)})


def make_network(recipe: Recipe, channels: int, outputs: int) -> nn.Module:
    """The untrained network of a recipe; RequestError where it does not fit."""
    size = recipe.view.size or recipe.data.size
    asked, shape = recipe.network, (channels, size, size)
    if not is_trained_model(asked.weights):
        return create_network(asked.name, shape, outputs, asked.options, asked.weights)
    network = create_network(asked.name, shape, outputs, asked.options)
    load_trained_weights(network, asked.name, asked.weights)
    return network


def check_network(network: nn.Module, recipe: Recipe, channels: int, outputs: int) -> None:
    """RequestError where a module given by the user is not the recipe's network.

    It may have any weights; but the model file will hold name and options of the recipe, and these
    have to make a network with the same tensors.
    """
    with torch.device("meta"):
        rebuilt = make_network(recipe, channels, outputs)
    if wrong := misfit(network.state_dict(), rebuilt.state_dict()):
        name, options = recipe.network.name, recipe.network.options
        raise RequestError(
            f"network: the given {type(network).__name__} is not what {name!r} makes for these "
            f"images with the options {options}: {wrong}; give its options in settings, for "
            "example {'network.options.width': 8}"
        )


def make_view(recipe: Recipe, dataset: PackedDataset, rows: np.ndarray, network: nn.Module) -> View:
    """The view of a recipe; `rows`, of the training set, give mean and standard deviation."""
    channels = dataset.images.shape[3]
    mean, std = np.zeros(channels), np.ones(channels)
    if recipe.view.normalise == "train":
        number = max(1, min(_STATISTICS_FROM, _STATISTICS_BYTES // dataset.images[0].nbytes))
        sample = stable_sample(rows, number)
        values = dataset.images[sample].reshape(-1, channels)
        mean = values.mean(axis=0, dtype=np.float64) / 255
        # At least one grey level: a channel may be constant.
        std = np.maximum(values.std(axis=0, dtype=np.float64) / 255, 1 / 255)
    elif recipe.view.normalise == "backbone":
        mean, std = _statistics_of_backbone(network, channels)
    return View(
        size=recipe.view.size or dataset.images.shape[1],
        mean=tuple(float(value) for value in mean.round(6)),
        std=tuple(float(value) for value in std.round(6)),
        field_of_view=recipe.view.field_of_view,
        rotate=recipe.view.rotate,
        flip=recipe.view.flip,
        zoom=recipe.view.zoom,
        shift=recipe.view.shift,
        symmetries=recipe.view.symmetries,
        angles=recipe.view.angles,
    )


def _statistics_of_backbone(network: nn.Module, channels: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation, in [0, 1], of the images that a backbone was pretrained on."""
    config: Any = network.pretrained_cfg
    mean, std = np.array(config["mean"]), np.array(config["std"])
    if len(mean) != channels:  # grey images or other bands: the mean over channels for each
        mean, std = (np.full(channels, values.mean()) for values in (mean, std))
    return mean, std
