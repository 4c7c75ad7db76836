"""The time that a recipe needs to reach an accuracy, compared with a network in Keras.

    python benchmarks/time_to_accuracy.py SOURCE [--recipe fast] [--accuracy 0.9521]
        [--seeds 0 1 2] [--keras-minutes 20] [--set KEY=VALUE] [--table TABLE.md]
        [--device auto] [--precision auto] [--compile off]

packs SOURCE, which is not timed, and trains the recipe with each seed, which also determines the
split, for the recipe's number of epochs. The time is that of the whole command: reading the packed
images, training, calibration and evaluation on the test set.

Then a residual network of 26 layers (`keras_resnet26.py`) is trained in Keras on TensorFlow, on
the CPU and on the images of the first seed, until its accuracy on the validation set has reached
ACCURACY or the time is over. In the second case the ratio is a lower bound, and the last line says
so. TensorFlow is installed once, by uv, into a separate environment in hubblefork's cache.

For both networks, only the validation set decides when the accuracy is reached. Since an accuracy
that was selected on the validation set is optimistic, the test accuracy of the same network is
given too, with its 95 % interval (Wilson's); it is computed once, and nothing is selected by it.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from markdown_table import as_markdown
from training_speed import keras_python, result_of

from hubblefork import Predictor, train
from hubblefork.core.device import choose_device
from hubblefork.core.files import replacing
from hubblefork.evaluation.intervals import wilson_interval
from hubblefork.recipes.recipe import load_recipe, parse_settings
from hubblefork.workflow.start_run import prepare

_COLUMNS = (
    "network", "seed", "total seconds", "epochs", "validation accuracy", "reached on validation",
    "test accuracy", "95 % interval",
)  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source")
    parser.add_argument("--recipe", default="fast")
    parser.add_argument(
        "--accuracy", type=float, default=0.9521, help="validation accuracy to reach, in (0, 1)"
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--keras-minutes", type=float, default=20, help="0 leaves Keras out")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="settings")
    parser.add_argument("--table", type=Path)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--compile", default="off")
    asked = parser.parse_args(arguments)
    if asked.keras_minutes and choose_device(asked.device).type != "cpu":
        parser.error("Keras trains on the CPU: --device cpu, or --keras-minutes 0")

    ours = [trained_here(asked, seed) for seed in asked.seeds]
    lines = [
        line(f"hubblefork, `{asked.recipe}`", seed, figures, asked.accuracy)
        for seed, figures in zip(asked.seeds, ours, strict=True)
    ]
    if asked.keras_minutes:
        theirs = trained_in_keras(asked, asked.seeds[0])
        lines.append(line("Keras, ResNet-26", asked.seeds[0], theirs, asked.accuracy))
    table = as_markdown(_COLUMNS, lines)
    if asked.keras_minutes:
        table += f"\n{verdict(asked, ours, theirs)}\n"
    print(table, end="")
    if asked.table:
        with replacing(asked.table) as file:
            file.write(table)


def trained_here(asked: argparse.Namespace, seed: int) -> dict[str, Any]:
    """Train by the recipe; evaluate the saved network on the validation and the test set."""
    settings = parse_settings(asked.settings)
    dataset, split = prepare(asked.source, load_recipe(asked.recipe, settings), seed)
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        run = train(
            asked.source,
            asked.recipe,
            out=Path(folder) / "run",
            settings=settings,
            seed=seed,
            device=asked.device,
            precision=asked.precision,
            compile=asked.compile,
        )
        seconds = time.perf_counter() - began
        rows = split.rows(dataset, "val")
        answers = Predictor.load(run.path, asked.device).predict(dataset.images, rows)
        return {
            "seconds": seconds,
            "epochs": len(run.history),
            "val_accuracy": np.mean(answers.argmax(axis=1) == dataset.labels[rows]),
            "test_accuracy": run.metrics["accuracy"],
            "tested": run.metrics["n"],
        }


def trained_in_keras(asked: argparse.Namespace, seed: int) -> dict[str, Any]:
    """Train in Keras on the same split.

    The packed images are larger than the network's input by the margin of its random crops.
    """
    recipe = load_recipe(asked.recipe, parse_settings(asked.settings))
    dataset, split = prepare(asked.source, recipe, seed)
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder) / "images.npz"
        subsets = {}
        for subset in ("train", "val", "test"):
            rows = split.rows(dataset, subset)
            subsets[subset] = dataset.images[rows]
            subsets[f"{subset}_labels"] = dataset.labels[rows]
        np.savez(images, **subsets)
        script = Path(__file__).with_name("keras_resnet26.py")
        size = recipe.view.size or min(dataset.images.shape[1:3])
        words = [keras_python(), script, images, size, asked.accuracy, 60 * asked.keras_minutes]
        return result_of([str(word) for word in words]) | {"tested": len(subsets["test"])}


def verdict(asked: argparse.Namespace, ours: list[dict[str, Any]], theirs: dict[str, Any]) -> str:
    """A sentence on the ratio of the times."""
    short = sum(figures["val_accuracy"] < asked.accuracy for figures in ours)
    if short:
        return f"No ratio: with {short} of {len(ours)} seeds `{asked.recipe}` did not reach it."
    bound = "" if theirs["val_accuracy"] >= asked.accuracy else "more than "
    ratio = theirs["seconds"] / np.mean([figures["seconds"] for figures in ours])
    return (
        f"To {percent(asked.accuracy)} on the validation set, Keras' time is {bound}{ratio:.1f} "
        f"times that of `{asked.recipe}`."
    )


def line(name: str, seed: int, figures: dict[str, Any], accuracy: float) -> tuple[str, ...]:
    correct = round(figures["test_accuracy"] * figures["tested"])
    low, high = wilson_interval(correct, figures["tested"])
    return (
        name,
        str(seed),
        f"{figures['seconds']:,.0f}",
        str(figures["epochs"]),
        percent(figures["val_accuracy"]),
        "yes" if figures["val_accuracy"] >= accuracy else "no",
        percent(figures["test_accuracy"]),
        f"{percent(low)} to {percent(high)}",
    )


def percent(fraction: float) -> str:
    """
    >>> percent(0.9521)
    '95.21 %'
    """
    return f"{100 * fraction:.2f} %"


if __name__ == "__main__":
    main()
