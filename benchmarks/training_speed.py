"""Training speed of published networks in hubblefork, and in Keras on TensorFlow.

python benchmarks/training_speed.py [--networks lenet5 simple-cnn alexnet] [--repeats 3]
    [--number 4000] [--epochs 4] [--batch-size 32]

Both train on the same simulated galaxies of 69x69 pixels with the same batch size, alternately,
each time in a separate process. The speed is that of the median epoch after the first, which warms
up; it includes everything that training does in an epoch: reading, shuffling, scaling, writing the
history. TensorFlow is installed once, by uv, into a separate environment in hubblefork's cache.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from hubblefork.core.cache import cache_folder
from hubblefork.core.device import choose_device, choose_precision
from hubblefork.networks.registry import count_parameters
from hubblefork.recipes.recipe import Recipe, load_recipe
from hubblefork.runs.run import Run
from hubblefork.training.fit import fit
from hubblefork.training.plan import plan
from hubblefork.workflow.start_run import prepare

NETWORKS = ("lenet5", "simple-cnn", "alexnet")
KERAS = ("tensorflow-cpu>=2.18,<3", "keras>=3.6,<4")
SEED = 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", default=NETWORKS, choices=NETWORKS)
    parser.add_argument("--number", type=int, default=4000, help="number of galaxies")
    parser.add_argument("--epochs", type=int, default=4, help="epochs of each; the first is not "
                        "counted")  # fmt: skip
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument(
        "--repeats", type=int, default=3, help="number of trainings of each network"
    )
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.worker:
        print(json.dumps(train_here(recipe_for(asked.worker, asked), asked.number)))
        return
    if asked.epochs < 2:
        parser.error("--epochs must be 2 or more: the first is not counted")

    keras = keras_python()
    precision = choose_precision("auto", choose_device("cpu"))
    print(f"{os.cpu_count()} cores, {precision}, batches of {asked.batch_size}; images/s, median")
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder) / "images.npz"
        save_training_set(recipe_for(asked.networks[0], asked), asked.number, images)
        for name in asked.networks:
            compare(name, asked, keras, images)


def compare(name: str, asked: argparse.Namespace, keras: Path, images: Path) -> None:
    """Train a network here and in Keras, alternately; print both speeds and their ratio."""
    script = Path(__file__).with_name("keras_systems.py")
    there = [keras, script, name, images, str(asked.epochs), str(asked.batch_size)]
    settings = ("number", "epochs", "batch_size")
    options = [f"--{key.replace('_', '-')}={getattr(asked, key)}" for key in settings]
    here = [sys.executable, __file__, "--worker", name, *options]
    speeds = []
    for _ in range(asked.repeats):
        ours, theirs = result_of(here), result_of(there)
        if ours["parameters"] != theirs["parameters"]:
            raise SystemExit(
                f"{name}: {ours['parameters']} parameters, in Keras {theirs['parameters']}"
            )
        speeds.append([images_per_second(each) for each in (ours, theirs)])
    ratios = [ours / theirs for ours, theirs in speeds]
    ours, theirs = np.median(speeds, axis=0)
    print(
        f"{name:12} hubblefork {ours:7,.0f}   Keras {theirs:7,.0f}   ratio {np.median(ratios):.2f} "
        f"({min(ratios):.2f} to {max(ratios):.2f})",
        flush=True,
    )


def recipe_for(name: str, asked: argparse.Namespace) -> Recipe:
    """A published recipe without validation, as in Keras."""
    settings = {
        "split.train": 0.8,
        "split.val": 0.0,
        "split.test": 0.2,
        "schedule.name": "constant",  # as in Keras; a plateau schedule costs no time
        "training.epochs": asked.epochs,
        "training.batch_size": asked.batch_size,
    }
    return load_recipe(name, settings)


def train_here(recipe: Recipe, number: int) -> dict[str, object]:
    """Train by the training loop of `hubblefork train`."""
    dataset, split = prepare(f"simulated:{number}", recipe, SEED)
    device = choose_device("cpu")
    planned = plan(recipe, dataset, split, SEED, device, choose_precision("auto", device))
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder))
        fit(planned, run)
        seconds = run.history["seconds"].tolist()
    return {
        "parameters": count_parameters(planned.network),
        "images": split.counts()["train"],
        "seconds": seconds,
    }


def save_training_set(recipe: Recipe, number: int, path: Path) -> None:
    """Save the training images and labels for Keras."""
    dataset, split = prepare(f"simulated:{number}", recipe, SEED)
    rows = split.rows(dataset, "train")
    np.savez(path, images=dataset.images[rows], labels=dataset.labels[rows])


def images_per_second(result: dict[str, object]) -> float:
    return result["images"] / float(np.median(result["seconds"][1:]))


def result_of(command: list[str | Path]) -> dict[str, object]:
    """Run a training and parse the line of JSON that it prints last."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def keras_python() -> Path:
    """Return the interpreter of an environment with Keras; create it if it does not exist."""
    folder = cache_folder() / "benchmarks" / "keras"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    ready = folder / "ready"
    if not ready.is_file():
        subprocess.run(["uv", "venv", "--clear", "--python", sys.executable, folder], check=True)
        subprocess.run(["uv", "pip", "install", "--python", python, *KERAS], check=True)
        ready.touch()
    return python


if __name__ == "__main__":
    main()
