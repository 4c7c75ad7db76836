"""How many epochs fit into the minutes that a recipe allows, by some steps before the training."""

import copy
import math
import time
from collections.abc import Callable
from statistics import median, quantiles

import torch

from hubblefork.core.allocator import keep_freed_memory
from hubblefork.core.device import explain_out_of_memory_in_training
from hubblefork.networks.heads import create_head
from hubblefork.recipes.recipe import Recipe
from hubblefork.training.optimisers import make_optimiser
from hubblefork.training.plan import Plan

# The first steps allocate memory and choose kernels, and are several times slower.
_WARM_UP = 3
# Seconds of timing: other work on the machine slows single steps.
_SECONDS = 8.0
_LEAST_STEPS, _MOST_STEPS = 8, 100
# Relative standard error of their median that is enough.
_ENOUGH = 0.03
# Work on a validation image relative to a training image: it needs no gradients.
_VALIDATION = 1 / 3


def epochs_within_minutes(plan: Plan) -> int:
    """The number of epochs that fit into the recipe's minutes; at most the recipe's own number.

    At least one. Times training steps on a copy of the network, with this process's part of a
    batch; a single step where that is clear enough. Raises RequestError where a batch does not fit
    the memory.
    """
    settings = plan.recipe.training
    if settings.minutes is None:
        return settings.epochs
    steps = _steps(plan)
    with explain_out_of_memory_in_training(settings.batch_size, plan.view.size):
        step = _step(plan)
        possible = 60 * settings.minutes / (steps * step())
        if possible < settings.epochs:
            possible = 60 * settings.minutes / (steps * _typical(step, settings.epochs * steps))
    del step
    if plan.device.type == "cuda":
        torch.cuda.empty_cache()  # this process may not be the one that trains
    return max(1, min(settings.epochs, int(possible)))


def epoch_seconds(plan: Plan) -> float:
    """The seconds that an epoch is expected to take, of all chunks together, by timing steps.

    Raises RequestError where a batch does not fit the memory.
    """
    settings = plan.recipe.training
    with explain_out_of_memory_in_training(settings.batch_size, plan.view.size):
        steps = _steps(plan)
        return steps * _typical(_step(plan), plan.epochs * steps)


def _steps(plan: Plan) -> float:
    """Training steps of an epoch, of all chunks together; validation counts as some more."""
    counts, settings = plan.split.counts(), plan.recipe.training
    images = counts["train"] + _VALIDATION * counts["val"] * settings.chunks
    return images / settings.batch_size


def with_epochs(recipe: Recipe, epochs: int) -> Recipe:
    """The same recipe with this number of epochs and no time limit.

    >>> from hubblefork.recipes.recipe import load_recipe
    >>> with_epochs(load_recipe("default"), 3).training.epochs
    3
    """
    training = recipe.training.model_copy(update={"epochs": epochs, "minutes": None})
    return recipe.model_copy(update={"training": training})


def _typical(step: Callable[[], float], steps: float) -> float:
    """The median seconds of a step, of a training of so many steps."""
    for _ in range(_WARM_UP):
        step()
    # Of a short training it need not be known well, and timing must not take as long as training.
    most = max(_LEAST_STEPS, min(_MOST_STEPS, int(steps / 10)))
    times: list[float] = []
    while sum(times) < _SECONDS and len(times) < most and not _agree(times):
        times.append(step())
    return median(times)


def _agree(times: list[float]) -> bool:
    """Whether their median is known; its standard error is that of normally distributed times.

    That is 1.25 standard deviations over the root of their number, or 0.93 of the range of their
    middle half.
    """
    if len(times) < _LEAST_STEPS:
        return False
    lower, middle, upper = quantiles(times, n=4)
    return 0.93 * (upper - lower) / math.sqrt(len(times)) < _ENOUGH * middle


def _step(plan: Plan) -> Callable[[], float]:
    """A training step on the same images each time; the function returns its seconds."""
    keep_freed_memory()
    settings = plan.recipe.training
    # At least two: batch normalisation needs a variance.
    number = max(2, settings.batch_size // plan.world.size)
    rows = plan.split.rows(plan.dataset, "train")[:number]
    images = torch.from_numpy(plan.dataset.images[rows]).to(plan.device)
    labels = plan.objective.labels(plan.dataset.labels, plan.dataset.table)[rows].to(plan.device)
    network = copy.deepcopy(plan.network).to(plan.device).to(memory_format=torch.channels_last)
    optimiser = make_optimiser(network.train(), plan.recipe.optimiser)
    head = create_head(plan.objective.head, plan.dataset.task)

    def step() -> float:
        begin = time.perf_counter()
        with torch.autocast(plan.device.type, torch.bfloat16, enabled=plan.precision == "bf16"):
            views = plan.view.random(images).contiguous(memory_format=torch.channels_last)
            raw = network(views)
            loss = plan.objective.loss(raw, head(raw), labels, settings.label_smoothing)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        loss.item()  # waits for the GPU
        return time.perf_counter() - begin

    return step
