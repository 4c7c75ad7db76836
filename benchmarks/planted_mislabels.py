"""How many planted label errors `hubblefork explain --folds` finds in the simulated sky.

    python benchmarks/planted_mislabels.py [--source simulated:votes:8000] [--classes five]
        [--recipe default] [--set KEY=VALUE] [--folds 3] [--fraction 0.02] [--seeds 0]
        [--device auto] [--table docs/planted_mislabels_table.md]

A random fraction of the images is given a random other label. Networks are trained by the recipe
on all folds but one and predict that one; labels are ranked as by `hubblefork explain`. Of n
planted errors, those among the first n rows of the ranking are counted. The other rows there are
galaxies on whose class the simulated volunteers disagreed, with correct labels.

--classes converts the votes of the source to classes; for a source of classes, use `--classes
none`.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from markdown_table import as_markdown

from hubblefork.core.files import replacing
from hubblefork.data.dataset import PackedDataset
from hubblefork.evaluation.intervals import wilson_interval
from hubblefork.evaluation.mislabels import likely_mislabels
from hubblefork.recipes.recipe import load_recipe, parse_settings
from hubblefork.training.plan import resolve
from hubblefork.workflow.out_of_fold import out_of_fold
from hubblefork.workflow.start_run import prepare

_COLUMNS = (
    "source", "recipe", "folds", "seed", "images", "accuracy out of fold", "planted",
    "found", "fraction found", "95 % interval", "reported as likely wrong",
)  # fmt: skip


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", default="simulated:votes:8000")
    parser.add_argument("--classes", default="five")
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="settings")
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--fraction", type=float, default=0.02)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--table", type=Path, default=Path("docs/planted_mislabels_table.md"))
    asked = parser.parse_args(words)

    settings: dict[str, object] = dict(parse_settings(asked.settings))
    settings["data.classes"] = None if asked.classes == "none" else asked.classes
    recipe = resolve(load_recipe(asked.recipe, settings))
    lines = []
    for seed in asked.seeds:
        dataset, _ = prepare(asked.source, recipe, seed)
        planted, wrong = plant(dataset, asked.fraction, seed)
        with TemporaryDirectory() as scratch:
            answers = out_of_fold(recipe, planted, asked.folds, Path(scratch), seed, asked.device)
        names = dataset.task.names
        table = likely_mislabels(dataset.table["id"], planted.labels, answers, names)
        top = set(table["id"][: len(wrong)])
        found = int(dataset.table["id"].iloc[wrong].isin(top).sum())
        low, high = wilson_interval(found, len(wrong))
        lines.append(
            (
                f"{asked.source}, classes {asked.classes}",
                recipe.name,
                str(asked.folds),
                str(seed),
                f"{len(dataset):,}",
                f"{100 * np.mean(answers.argmax(axis=1) == dataset.labels):.1f} %",
                f"{len(wrong):,}",
                f"{found:,}",
                f"{100 * found / len(wrong):.1f} %",
                f"{100 * low:.1f} to {100 * high:.1f} %",
                f"{int(table['likely'].sum()):,}",
            )
        )
    table = as_markdown(_COLUMNS, lines)
    with replacing(asked.table) as file:
        file.write(table)
    print(table, end="")


def plant(dataset: PackedDataset, fraction: float, seed: int) -> tuple[PackedDataset, np.ndarray]:
    """Return the dataset with a fraction of its labels changed, and the rows of these."""
    random = np.random.default_rng([seed, 2])
    rows = np.sort(random.permutation(len(dataset))[: max(1, round(fraction * len(dataset)))])
    labels = dataset.labels.copy()
    others = random.integers(1, dataset.task.outputs, len(rows))
    labels[rows] = (labels[rows] + others) % dataset.task.outputs
    return replace(dataset, table=dataset.table.assign(label=labels)), rows


if __name__ == "__main__":
    main()
