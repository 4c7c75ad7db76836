"""Test metrics of recipes on one source, for several seeds.

    python benchmarks/seeds.py SOURCE --recipes default [--seeds 0 1 2] [--set KEY=VALUE]
        [--precision auto] [--table TABLE.md] [--runs DIR]

trains each recipe with each seed, which also determines the split, and writes one row per run: the
accuracy on its own test set, used once, with its 95 % interval (Wilson's, since the bootstrap
interval of `metrics.json` has no width if all images are correctly classified), balanced accuracy,
calibration error and the duration of training in seconds; then the mean and the standard deviation
over the seeds. For votes it writes the RMSE, with the interval of `metrics.json`, and the mean
absolute error. Existing runs are reused, or resumed.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from markdown_table import as_markdown
from scipy.stats import binomtest

from hubblefork import Run, train
from hubblefork.core.files import replacing
from hubblefork.recipes.recipe import parse_settings

_OF_CLASSES = (
    "recipe", "seed", "test images", "misclassified", "test accuracy", "95 % interval",
    "balanced accuracy", "calibration error", "seconds of training",
)  # fmt: skip
_OF_VOTES = (
    "recipe", "seed", "test galaxies", "test RMSE", "95 % interval", "mean absolute error",
    "seconds of training",
)  # fmt: skip


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source")
    parser.add_argument("--recipes", nargs="+", required=True)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="settings")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--table", type=Path)
    parser.add_argument("--runs", type=Path, default=Path("runs/seeds"))
    asked = parser.parse_args(words)

    lines = []
    for recipe in asked.recipes:
        runs = []
        for seed in asked.seeds:
            out = asked.runs / f"{recipe}-{seed}"
            run = train(
                asked.source,
                recipe,
                out=out,
                settings=parse_settings(asked.settings),
                seed=seed,
                precision=asked.precision,
                resume=out.exists(),
            )
            runs.append(run)
            lines.append(line(recipe, seed, run))
        lines.append(over_seeds(recipe, runs))
    columns = _OF_CLASSES if len(lines[0]) == len(_OF_CLASSES) else _OF_VOTES
    table = as_markdown(columns, lines)
    print(table, end="")
    if asked.table:
        with replacing(asked.table) as file:
            file.write(table)


def line(recipe: str, seed: int, run: Run) -> tuple[str, ...]:
    metrics = run.metrics
    number = metrics["n"]
    begin = (recipe, str(seed), f"{number:,}")
    seconds = f"{run.history['seconds'].sum():,.0f}"
    if "rmse" in metrics:
        between = " to ".join(error(end) for end in metrics["intervals"]["rmse"])
        return (*begin, error(metrics["rmse"]), between, error(metrics["mae"]), seconds)
    correct = round(metrics["accuracy"] * number)
    low, high = binomtest(correct, number).proportion_ci(method="wilson")
    return (
        *begin,
        str(number - correct),
        percent(metrics["accuracy"]),
        f"{percent(low)} to {percent(high)}",
        percent(metrics["balanced_accuracy"]),
        percent(metrics["expected_calibration_error"]),
        seconds,
    )


def over_seeds(recipe: str, runs: list[Run]) -> tuple[str, ...]:
    def mean(figure: str, shown: Callable[[float], str]) -> str:
        found = [run.metrics[figure] for run in runs]
        return f"{shown(np.mean(found))} ± {shown(np.std(found))}"

    begin = (recipe, "all", "")
    seconds = f"{np.mean([run.history['seconds'].sum() for run in runs]):,.0f}"
    if "rmse" in runs[0].metrics:
        return (*begin, mean("rmse", error), "", mean("mae", error), seconds)
    names = ("accuracy", "balanced_accuracy", "expected_calibration_error")
    accuracy, balanced, calibration = (mean(name, percent) for name in names)
    return (*begin, "", accuracy, "", balanced, calibration, seconds)


def error(value: float) -> str:
    """
    >>> error(0.08123)
    '0.0812'
    """
    return f"{value:.4f}"


def percent(fraction: float) -> str:
    """
    >>> percent(0.9512)
    '95.1 %'
    """
    return f"{100 * fraction:.1f} %"


if __name__ == "__main__":
    main()
