"""Speed of training and prediction on the GPU, by precision, compilation and batch size.

python benchmarks/gpu_training.py [SOURCE] [--recipe default] [--device cuda] [--epochs 4]
    [--batch-sizes N...] [--precisions fp32 bf16] [--compile off default reduce-overhead]

Prints a table of images per second: in float32 and bf16; compiled by torch or not; with the packed
images on the GPU, or copied to it batch by batch. The speed is that of the median epoch after the
first, which compiles and warms up, and includes everything that training does in an epoch.
"""

import argparse
import tempfile
import time
from itertools import product
from pathlib import Path

import numpy as np
import torch

from hubblefork.core.device import choose_compile, choose_device
from hubblefork.core.precision import CompileMode, Precision
from hubblefork.data.dataset import PackedDataset
from hubblefork.data.splits import Split
from hubblefork.models.predictor import Predictor
from hubblefork.recipes.recipe import Recipe, load_recipe
from hubblefork.runs.run import Run
from hubblefork.training import batches
from hubblefork.training.fit import fit
from hubblefork.training.plan import plan
from hubblefork.workflow.start_run import prepare
from hubblefork.workflow.train import train


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", nargs="?", default="simulated:20000")
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--device", default="cuda")
    parser.add_argument(
        "--batch-sizes",
        type=int,
        nargs="+",
        help="batch sizes to compare; by default that of the recipe",
    )
    parser.add_argument("--precisions", nargs="+", default=["fp32", "bf16"])
    parser.add_argument("--compile", nargs="+", default=["off", "default", "reduce-overhead"])
    parser.add_argument(
        "--epochs", type=int, default=4, help="epochs of each training; the first is not counted"
    )
    asked = parser.parse_args(words)
    if asked.epochs < 2:
        parser.error("--epochs must be 2 or more: the first is not counted")
    device = choose_device(asked.device)
    recipe = load_recipe(asked.recipe, {"epochs": asked.epochs})
    dataset, split = prepare(asked.source, recipe, seed=0)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    print(f"{recipe.name}, {split.counts()['train']:,} training images, {name}\n")
    print("| precision | torch.compile | images | batch | images/s |")
    print("|---|---|---|---|---|")
    sizes = asked.batch_sizes or [recipe.training.batch_size]
    places = ["on the GPU", "copied"] if device.type == "cuda" else ["in memory"]
    ways = product(asked.precisions, asked.compile, places, sizes)
    resident = batches.RESIDENT_FRACTION
    for precision, mode, place, size in ways:
        batches.RESIDENT_FRACTION = 0.0 if place == "copied" else resident
        sized = load_recipe(asked.recipe, {"epochs": asked.epochs, "batch_size": size})
        mode = choose_compile(mode, device, processes=1)
        speed = training_speed(sized, dataset, split, device, precision, mode)
        print(f"| {precision} | {mode} | {place} | {size} | {speed:,.0f} |", flush=True)
    speed = prediction_speed(asked.source, asked.recipe, dataset, asked.device)
    print(f"\npredictions: {speed:,.0f} images/s")


def training_speed(
    recipe: Recipe,
    dataset: PackedDataset,
    split: Split,
    device: torch.device,
    precision: Precision,
    mode: CompileMode,
) -> float:
    """Images per second of the training loop of `hubblefork train`, validation included."""
    planned = plan(recipe, dataset, split, 0, device, precision, compiled=mode)
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder))
        fit(planned, run)
        return split.counts()["train"] / run.history["seconds"][1:].median()


def prediction_speed(source: str, recipe: str, dataset: PackedDataset, device: str) -> float:
    """Images per second of `Predictor.predict`, with the recipe's test-time augmentation."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        run = train(source, recipe, out=out, settings={"epochs": 1}, device=device)
        predictor = Predictor.load(run.path, device)
    predictor.predict(dataset.images, range(min(512, len(dataset))))  # warms up
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        predictor.predict(dataset.images)
        seconds.append(time.perf_counter() - began)
    return len(dataset) / float(np.median(seconds))


if __name__ == "__main__":
    main()
