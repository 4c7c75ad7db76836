"""What helps the recipe `default`, and what does not: each idea alone, on the validation set.

    python benchmarks/default_choices.py SOURCE [IDEA...] [--epochs 4] [--seed 0]
        [--set KEY=VALUE] [--table docs/default_choices_table]

trains `default` unchanged and with each IDEA (by default all of them) for the same number of
epochs, and writes one row for each to the table, as CSV and as Markdown; an earlier row of the
same idea is replaced. All metrics are of the validation set; the test set is not used. The log
loss, after calibration, separates ideas much better than the accuracy does; its difference from
`default` is given with its standard error over the images.
"""

import argparse
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from default_ideas import IDEAS, Idea, predicted, trained
from markdown_table import as_markdown

from hubblefork.core.device import choose_device, choose_precision
from hubblefork.core.files import replacing
from hubblefork.evaluation.calibration import fit_calibration
from hubblefork.evaluation.class_metrics import measure_classes
from hubblefork.recipes.recipe import load_recipe
from hubblefork.training.plan import plan
from hubblefork.workflow.start_run import prepare

_LEAST = 1e-7  # a lower bound on probabilities, so that the log loss is finite


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source")
    parser.add_argument("ideas", nargs="*", metavar="IDEA", help=f"one of: {'; '.join(IDEAS)}")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="settings")
    parser.add_argument("--table", type=Path, default=Path("docs/default_choices_table"))
    asked = parser.parse_args(arguments)
    if unknown := [name for name in asked.ideas if name not in IDEAS]:
        parser.error(f"no idea is called {unknown[0]!r}; there are: {'; '.join(IDEAS)}")
    names = ["default", *(name for name in asked.ideas or IDEAS if name != "default")]
    # From random weights, since some ideas have other weights than the recipe begins with.
    settings = {
        "epochs": asked.epochs,
        "network.weights": None,
        **dict(text.split("=", 1) for text in asked.settings),
    }
    standard: Trial | None = None
    for name in names:
        trial = attempt(asked.source, IDEAS[name], settings, asked.seed)
        standard = standard or trial
        write(line(name, trial, standard, asked), asked.table)


@dataclass(frozen=True)
class Trial:
    """Results on the validation set; losses: (N,), the log loss of each of its images."""

    metrics: dict[str, Any]
    losses: np.ndarray
    seconds: float


def attempt(source: str, idea: Idea, settings: Mapping[str, Any], seed: int) -> Trial:
    recipe = load_recipe("default", {**settings, **idea.settings})
    dataset, split = prepare(source, recipe, seed)
    device = choose_device("auto")
    planned = plan(recipe, dataset, split, seed, device, choose_precision("auto", device))
    began = time.monotonic()
    planned = idea.change(planned)
    before = time.monotonic() - began
    network, seconds = trained(planned)
    rows = split.rows(dataset, "val")
    true = dataset.labels[rows]
    raw = predicted(planned, network, rows)
    probabilities = fit_calibration(raw, true).applied(raw)
    losses = -np.log(np.maximum(probabilities[np.arange(len(true)), true], _LEAST))
    metrics = measure_classes(true, probabilities, dataset.task.names, resamples=1)
    return Trial(metrics, losses, before + seconds)


def line(name: str, trial: Trial, standard: Trial, asked: argparse.Namespace) -> dict[str, str]:
    rarest = min(trial.metrics["per_class"].items(), key=lambda each: each[1]["support"])
    change = trial.losses - standard.losses
    error = change.std(ddof=1) / len(change) ** 0.5
    return {
        "idea": name,
        "epochs": str(asked.epochs),
        "accuracy": f"{100 * trial.metrics['accuracy']:.1f} %",
        "balanced accuracy": f"{100 * trial.metrics['balanced_accuracy']:.1f} %",
        f"recall of {rarest[0]}": f"{100 * rarest[1]['recall']:.0f} %",
        "log loss": f"{trial.losses.mean():.4f}",
        "minus default": "" if trial is standard else f"{change.mean():+.4f} ± {error:.4f}",
        "seconds / default's": f"{trial.seconds / standard.seconds:.2f}",
    }


def write(new: dict[str, str], table: Path) -> None:
    """Write one row, in place of an earlier one of the same idea."""
    lines = pd.DataFrame([new])
    path = table.with_suffix(".csv")
    if path.exists():
        old = pd.read_csv(path, dtype=str, keep_default_na=False)
        lines = pd.concat([old[old["idea"] != new["idea"]], lines]).fillna("")
    lines = lines.sort_values("idea", key=lambda names: names.map(list(IDEAS).index))
    with replacing(path) as file:
        lines.to_csv(file, index=False)
    with replacing(table.with_suffix(".md")) as file:
        file.write(as_markdown(list(lines.columns), lines.to_numpy().tolist()))
    print(" | ".join(new.values()), flush=True)


if __name__ == "__main__":
    main()
