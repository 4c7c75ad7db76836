"""The recipes that begin with a pretrained backbone, on one source, seed by seed.

    python benchmarks/transfer.py SOURCE [--recipes probe transfer] [--seeds 0 1 2]
        [--set KEY=VALUE] [--precision fp32] [--table docs/transfer_table.md] [--runs DIR]

trains each recipe with each seed, which decides the split too, and writes one line a run: the
accuracy on its own test part, looked at once, with its 95 % interval (Wilson's, since the bootstrap
of `metrics.json` has no width where nothing is wrong), and the mean and deviation over the seeds.
Runs that are there already are read, or gone on with.
"""

import argparse
from pathlib import Path

import numpy as np
from scipy.stats import binomtest

from hubblefork import Run, train
from hubblefork.files import replacing
from hubblefork.training.recipe import parse_settings

_COLUMNS = ("recipe", "seed", "test pictures", "wrong", "test accuracy", "95 % interval")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source")
    parser.add_argument("--recipes", nargs="+", default=["probe", "transfer"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="settings")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--table", type=Path, default=Path("docs/transfer_table.md"))
    parser.add_argument("--runs", type=Path, default=Path("runs/transfer"))
    asked = parser.parse_args()

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
        found = [run.metrics["accuracy"] for run in runs]
        mean, deviation = percent(np.mean(found)), percent(np.std(found))
        lines.append((recipe, "all", "", "", mean, f"deviation {deviation}"))
    with replacing(asked.table) as file:
        for row in (_COLUMNS, ["---"] * len(_COLUMNS), *lines):
            file.write("| " + " | ".join(row) + " |\n")
    print(asked.table.read_text(), end="")


def line(recipe: str, seed: int, run: Run) -> tuple[str, ...]:
    number, accuracy = run.metrics["n"], run.metrics["accuracy"]
    right = round(accuracy * number)
    low, high = binomtest(right, number).proportion_ci(method="wilson")
    interval = f"{percent(low)} to {percent(high)}"
    return recipe, str(seed), f"{number:,}", str(number - right), percent(accuracy), interval


def percent(share: float) -> str:
    """
    >>> percent(0.9512)
    '95.1 %'
    """
    return f"{100 * share:.1f} %"


if __name__ == "__main__":
    main()
