"""How many epochs a machine gets through in the minutes that a recipe gives it."""

import copy
import math
import time
from collections.abc import Callable
from statistics import median

import torch

from hubblefork.core.device import telling_of_batches
from hubblefork.networks.heads import create_head
from hubblefork.recipes.recipe import Recipe
from hubblefork.training.allocator import keep_freed_memory
from hubblefork.training.optimisers import make_optimiser
from hubblefork.training.plan import Plan

# The first steps take memory and choose kernels, and are several times slower than the rest.
_WARM_UP = 3
# Steps are timed for so many seconds, since other work on the machine disturbs single ones.
_SECONDS = 8.0
_MOST_STEPS = 100
# Of the work on an image to learn from: one to validate on needs no gradients.
_VALIDATION = 1 / 3


def affordable_epochs(plan: Plan) -> int:
    """The epochs that end within the recipe's minutes here: at most its own number.

    There is at least one, and never fewer than those in which only the last layer learns.

    Times training steps on a copy of the network, with this process's share of a batch; one step
    where so few images leave no doubt. Raises RequestError where a batch does not fit the memory.
    """
    settings = plan.recipe.training
    if settings.minutes is None:
        return settings.epochs
    counts = plan.split.counts()
    images = counts["train"] + _VALIDATION * counts["val"] * settings.chunks
    steps = images / settings.batch_size
    with telling_of_batches(settings.batch_size, plan.view.size):
        step = _step(plan)
        affordable = 60 * settings.minutes / (steps * step())
        if affordable < settings.epochs:
            affordable = 60 * settings.minutes / (steps * _typical(step))
    del step
    if plan.device.type == "cuda":
        torch.cuda.empty_cache()  # of this process, which may not be the one that trains
    least = max(1, math.ceil(settings.freeze_epochs / settings.chunks))
    return max(least, min(settings.epochs, int(affordable)))


def with_epochs(recipe: Recipe, epochs: int) -> Recipe:
    """The same for so many epochs, however long they take.

    >>> from hubblefork.recipes.recipe import load_recipe
    >>> with_epochs(load_recipe("default"), 3).training.epochs
    3
    """
    training = recipe.training.model_copy(update={"epochs": epochs, "minutes": None})
    return recipe.model_copy(update={"training": training})


def _typical(step: Callable[[], float]) -> float:
    for _ in range(_WARM_UP):
        step()
    times: list[float] = []
    while sum(times) < _SECONDS and len(times) < _MOST_STEPS:
        times.append(step())
    return median(times)


def _step(plan: Plan) -> Callable[[], float]:
    """A training step, on the same images each time, that gives the seconds it took."""
    keep_freed_memory()
    settings = plan.recipe.training
    # Never one alone, of which batch normalisation knows no variance.
    number = max(2, settings.batch_size // plan.world.size)
    rows = plan.split.rows(plan.dataset, "train")[:number]
    images = torch.from_numpy(plan.dataset.images[rows]).to(plan.device)
    labels = plan.objective.labels(plan.dataset.labels, plan.dataset.table)[rows].to(plan.device)
    network = copy.deepcopy(plan.network).to(plan.device, memory_format=torch.channels_last)
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
        loss.item()  # a GPU gives it when its work is done
        return time.perf_counter() - begin

    return step
