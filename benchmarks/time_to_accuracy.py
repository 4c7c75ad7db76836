"""How long a recipe takes to an accuracy, and how far Keras comes in a given time.

    python benchmarks/time_to_accuracy.py SOURCE [--recipe fast] [--accuracy 0.9521]
        [--seeds 0 1 2] [--keras-minutes 20] [--set KEY=VALUE] [--table TABLE.md]
        [--device auto] [--precision auto] [--compile off]

packs SOURCE, which is not timed, and trains the recipe with each seed, which decides the split too.
It trains for as many epochs as the recipe says. Its seconds are those of the whole command: it
reads the packed images, trains, calibrates and measures the test set.

Then a residual network of 26 layers (`keras_resnet26.py`) is trained in Keras on TensorFlow, on the
processor and on the images of the first seed, until its accuracy on the validation set has
reached the asked one or the minutes are over. Where they are, the ratio is a lower bound, and the
last line says so. TensorFlow is installed once, by uv, into an environment of its own in
hubblefork's cache.

The validation set alone decides when Keras stops, and what is called reached, for both. What is
chosen on a part looks better there than it is: so the test accuracy of the same network stands
beside it, with its 95 % interval (Wilson's). It is looked at once, and nothing follows from it.
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
    "trained", "seed", "seconds in all", "epochs", "validation accuracy", "reached on validation",
    "test accuracy", "95 % interval",
)  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source")
    parser.add_argument("--recipe", default="fast")
    parser.add_argument("--accuracy", type=float, default=0.9521, help="to reach, in (0, 1)")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--keras-minutes", type=float, default=20, help="0 leaves Keras out")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="settings")
    parser.add_argument("--table", type=Path)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--compile", default="off")
    asked = parser.parse_args(arguments)
    if asked.keras_minutes and choose_device(asked.device).type != "cpu":
        parser.error("Keras trains on the processor: --device cpu, or --keras-minutes 0")

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
    """Train by the recipe, and measure the network that is kept on both parts."""
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
    """Give Keras the parts of the split as the recipe's network sees them when it predicts.

    They are larger than its input by the margin out of which it cuts at random.
    """
    recipe = load_recipe(asked.recipe, parse_settings(asked.settings))
    dataset, split = prepare(asked.source, recipe, seed)
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder) / "images.npz"
        parts = {}
        for part in ("train", "val", "test"):
            rows = split.rows(dataset, part)
            parts[part] = dataset.images[rows]
            parts[f"{part}_labels"] = dataset.labels[rows]
        np.savez(images, **parts)
        script = Path(__file__).with_name("keras_resnet26.py")
        size = recipe.view.size or min(dataset.images.shape[1:3])
        words = [keras_python(), script, images, size, asked.accuracy, 60 * asked.keras_minutes]
        return result_of([str(word) for word in words]) | {"tested": len(parts["test"])}


def verdict(asked: argparse.Namespace, ours: list[dict[str, Any]], theirs: dict[str, Any]) -> str:
    """The ratio of the times, where there is one."""
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
    right = round(figures["test_accuracy"] * figures["tested"])
    low, high = wilson_interval(right, figures["tested"])
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


def percent(share: float) -> str:
    """
    >>> percent(0.9521)
    '95.21 %'
    """
    return f"{100 * share:.2f} %"


if __name__ == "__main__":
    main()
