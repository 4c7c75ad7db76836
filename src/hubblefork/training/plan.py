"""From a recipe and a packed dataset to a training that can start: network, view, objective."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from hubblefork.core.device import CompileMode, Precision
from hubblefork.core.errors import RequestError
from hubblefork.data.dataset import PackedDataset
from hubblefork.data.splits import Split
from hubblefork.models.view import View
from hubblefork.models.warm_start import is_trained_model, load_trained_weights
from hubblefork.networks.registry import create_network, resolve_network
from hubblefork.training.losses import Objective, choose_objective
from hubblefork.training.processes import ALONE, World
from hubblefork.training.recipe import Recipe

# Images that the mean and std of the training set are taken from: the error of a mean
# over so many is far below one grey level.
_STATISTICS_FROM = 5_000
# And the most bytes that these may take together, where images are large.
_STATISTICS_BYTES = 128 << 20


@dataclass(frozen=True)
class Plan:
    """A training that has been checked and can start: nothing has been written yet."""

    recipe: Recipe
    dataset: PackedDataset
    split: Split
    seed: int
    device: torch.device
    precision: Precision
    view: View
    network: nn.Module
    objective: Objective
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
) -> Plan:
    """Make view and network for a recipe and a dataset; RequestError where they do not fit."""
    objective = choose_objective(recipe, dataset.task, dataset.table, dataset.source)
    rows = split.rows(dataset, "train")
    if len(rows) < 2 * recipe.training.chunks:  # no batch of one: see BatchRows
        raise RequestError(
            f"training.chunks is {recipe.training.chunks}, for {len(rows)} images to train on; "
            "each chunk needs two or more: --set chunks=1"
        )
    strength = recipe.training.logit_adjustment
    objective = objective.with_logit_adjustment(dataset.labels[rows], strength)
    torch.manual_seed(seed)
    network = make_network(recipe, dataset.images.shape[3], dataset.task.outputs)
    _check_parts(split, recipe.training.chunks, world)
    view = make_view(recipe, dataset, rows, network)
    return Plan(
        recipe,
        dataset,
        split,
        seed,
        device,
        precision,
        view,
        network,
        objective,
        world,
        compiled,
    )


def _check_parts(split: Split, chunks: int, world: World) -> None:
    for part in ("train", "val"):
        number = split.counts()[part] // (chunks if part == "train" else 1)
        if 0 < number < world.size:
            raise RequestError(
                f"there are {number} images for {part}, and {world.size} processes to share "
                f"them: --devices {number} or fewer"
            )


def resolve(recipe: Recipe) -> Recipe:
    """Name the network of a recipe by its architecture, where it was named by a repository.

    RequestError where the repository cannot be read.
    """
    asked = recipe.network
    if is_trained_model(asked.weights):
        return recipe
    name, options, weights = resolve_network(asked.name, asked.options, asked.weights)
    changed = {"name": name, "options": options, "weights": weights}
    return recipe.model_copy(update={"network": asked.model_copy(update=changed)})


def make_network(recipe: Recipe, channels: int, outputs: int) -> nn.Module:
    """The network of a recipe before training; RequestError where it does not fit."""
    size = recipe.view.size or recipe.data.size
    asked, shape = recipe.network, (channels, size, size)
    if not is_trained_model(asked.weights):
        return create_network(asked.name, shape, outputs, asked.options, asked.weights)
    network = create_network(asked.name, shape, outputs, asked.options)
    load_trained_weights(network, asked.name, asked.weights)
    return network


def make_view(recipe: Recipe, dataset: PackedDataset, rows: np.ndarray, network: nn.Module) -> View:
    """The view of a recipe; where it standardises, with statistics of the training rows alone."""
    channels = dataset.images.shape[3]
    mean, std = np.zeros(channels), np.ones(channels)
    if recipe.view.normalise == "train":
        number = max(1, min(_STATISTICS_FROM, _STATISTICS_BYTES // dataset.images[0].nbytes))
        sample = np.sort(np.random.default_rng(0).permutation(rows)[:number])
        values = dataset.images[sample].reshape(-1, channels)
        mean = values.mean(axis=0, dtype=np.float64) / 255
        # A channel without any contrast must not be divided by nothing.
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
    """Mean and std of what a backbone of timm was pretrained on, values in [0, 1]."""
    config = network.pretrained_cfg
    mean, std = np.array(config["mean"]), np.array(config["std"])
    if len(mean) != channels:  # grey images, or bands that it never saw: each as the mean of all
        mean, std = (np.full(channels, values.mean()) for values in (mean, std))
    return mean, std
