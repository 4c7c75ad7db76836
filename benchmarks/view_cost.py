"""The cost of the view, as a fraction of the time of a training step.

python benchmarks/view_cost.py [SOURCE] [--recipe default] [--steps 40] [--device auto]

A step is everything that training does with a batch after reading it: the view from packed uint8
images to the network's input, the forward and backward pass, the optimiser, and the moving average
of the weights.
"""

import argparse
import time

import numpy as np
import torch

from hubblefork.core.allocator import keep_freed_memory
from hubblefork.core.device import choose_device, choose_precision
from hubblefork.recipes.recipe import load_recipe
from hubblefork.training.lightning_module import Classifier
from hubblefork.training.plan import plan
from hubblefork.training.schedules import Pace
from hubblefork.workflow.start_run import prepare

# Steps before the measurement: the first ones choose kernels and allocate memory.
WARM_UP = 5


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", nargs="?", default="simulated:500")
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--device", default="auto")
    asked = parser.parse_args(words)
    keep_freed_memory()
    recipe = load_recipe(asked.recipe)
    device = choose_device(asked.device)
    precision = choose_precision("auto", device)
    dataset, split = prepare(asked.source, recipe, seed=0)
    planned = plan(recipe, dataset, split, 0, device, precision)
    network = planned.network.to(device, memory_format=torch.channels_last)
    module = Classifier(
        network, planned.view, recipe, planned.objective, 0, Pace(WARM_UP + asked.steps, 1)
    ).to(device)
    size = recipe.training.batch_size
    rows = np.arange(size) % len(dataset)
    images = torch.from_numpy(dataset.images[rows]).to(device)
    labels = planned.objective.labels(dataset.labels, dataset.table)[rows].to(device)

    optimiser = module.configure_optimizers()
    if isinstance(optimiser, dict):
        optimiser = optimiser["optimizer"]
    fractions, seconds = [], []
    for _ in range(WARM_UP + asked.steps):
        began = clock(device)
        inputs = planned.view.random(images).contiguous(memory_format=torch.channels_last)
        seen = clock(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            raw = network(inputs)
            smoothing = recipe.training.label_smoothing
            loss = planned.objective.loss(raw, module.head(raw), labels, smoothing)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        if module.averaged:
            module.averaged.update_parameters(network)
        ended = clock(device)
        fractions.append((seen - began) / (ended - began))
        seconds.append(ended - began)
    print(
        f"{recipe.name}: a step of {size} images takes {np.median(seconds[WARM_UP:]):.4f} s on "
        f"{device.type} in {precision}, of which the view {np.median(fractions[WARM_UP:]):.1%} "
        f"({asked.steps} steps, medians)"
    )


def clock(device: torch.device) -> float:
    """Return the time in seconds, after the device has finished its work."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


if __name__ == "__main__":
    main()
