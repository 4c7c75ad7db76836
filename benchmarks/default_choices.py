"""What helps the recipe `default`, and what does not: each idea alone, on the validation part.

    python benchmarks/default_choices.py SOURCE [IDEA...] [--epochs 4] [--seed 0]
        [--set KEY=VALUE] [--table docs/default_choices_table]

trains `default` as it is and with each IDEA (all of them where none is named) for the same number
of epochs, and writes one line each to the table, as CSV and as Markdown; a line of the same idea is
replaced, the others stay. Every figure is of the validation part: the test part is not looked at.
The logarithmic loss, after calibration, tells ideas apart much better than the accuracy does; its
difference from `default` comes with its standard error over the pictures.
"""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import torch
from markdown_table import as_markdown
from torch import Tensor

from hubblefork.data.views import View
from hubblefork.evaluation.calibration import fit_calibration
from hubblefork.evaluation.classes import measure_classes
from hubblefork.files import replacing
from hubblefork.prediction.predictor import Predictor
from hubblefork.training.device import choose_device, choose_precision
from hubblefork.training.fit import fit
from hubblefork.training.plan import Plan, plan
from hubblefork.training.recipe import load_recipe
from hubblefork.training.run import Run
from hubblefork.workflow.train import describe, model_card, prepare

_LEAST = 1e-7  # no probability counts as less


@dataclass(frozen=True)
class Idea:
    """A change of the recipe's settings, or of the planned training where no setting does it."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    change: Callable[[Plan], Plan] = lambda planned: planned


@dataclass(frozen=True)
class Growing(View):
    """Views that are half as large at first and grow over the first two thirds of the batches."""

    batches: int = 1
    seen: list[int] = field(default_factory=lambda: [0])

    def random(self, pictures: Tensor, batch: int | None = None, start: int = 0) -> Tensor:
        self.seen[0] += 1
        share = min(1.0, self.seen[0] / (self.batches * 2 / 3))
        size = round(self.size * (0.5 + 0.5 * share) / 16) * 16
        view = View(**{**self.to_json(), "size": size})
        return view.random(pictures, batch, start)

    def to_json(self) -> dict[str, Any]:
        # The model keeps the view that predictions are made with.
        return {key: getattr(self, key) for key in View.__dataclass_fields__}


def grow(planned: Plan) -> Plan:
    training = planned.recipe.training
    batches = planned.split.counts()["train"] // training.batch_size * training.epochs
    return replace(planned, view=Growing(**planned.view.to_json(), batches=batches))


PLAIN = {
    "network.name": "compact-resnet",
    "network.options.width": 32,
    "network.options.blocks": [1, 2, 2, 2],
    "view.symmetries": True,
}
ADAMW = {"optimiser.name": "adamw", "learning_rate": 4e-3, "momentum": 0.9}
PRETRAINED = {
    "network.name": "timm:tf_efficientnet_lite0",
    "network.weights": "efficientnet-lite0",
    "view.normalise": "backbone",
    "view.symmetries": True,
    "view.size": 96,
    "data.size": 120,
    "learning_rate": 1e-3,
    "layer_decay": 0.9,
}
IDEAS = {
    "default": Idea(),
    "AdamW in place of Muon": Idea(ADAMW),
    "plain filters, answers averaged over the eight symmetries": Idea(PLAIN),
    "plain filters and AdamW": Idea(PLAIN | ADAMW),
    "EfficientNet-Lite0 with ImageNet's weights, 96 pixels, and AdamW": Idea(ADAMW | PRETRAINED),
    "deeper": Idea({"network.options.blocks": [1, 2, 2, 2]}),
    "narrower": Idea({"network.options.width": 3}),
    "wider": Idea({"network.options.width": 6}),
    "batches of 32": Idea({"batch_size": 32, "average_weights": 0.999}),
    "batches of 128": Idea({"batch_size": 128, "average_weights": 0.996}),
    "twice the learning rate": Idea({"learning_rate": 2e-2}),
    "half the learning rate": Idea({"learning_rate": 5e-3}),
    "no averaged weights": Idea({"average_weights": 0.0}),
    "no label smoothing": Idea({"label_smoothing": 0.0}),
    "no zooms and shifts": Idea({"zoom": 1.0, "shift": 0.0}),
    "48 pixels": Idea({"view.size": 48}),
    "48 pixels of a narrower field": Idea({"view.size": 48, "view.field": 0.6}),
    "80 pixels": Idea({"view.size": 80, "data.size": 100}),
    "pictures that grow from 32 to 64 pixels": Idea(change=grow),
    "rare classes not favoured": Idea({"favour_rare": 0.0}),
    "all classes as if equally common": Idea({"favour_rare": 1.0}),
}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source")
    parser.add_argument("ideas", nargs="*", metavar="IDEA", help=f"of: {'; '.join(IDEAS)}")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="settings")
    parser.add_argument("--table", type=Path, default=Path("docs/default_choices_table"))
    asked = parser.parse_args(arguments)
    if unknown := [name for name in asked.ideas if name not in IDEAS]:
        parser.error(f"no idea is called {unknown[0]!r}; there are: {'; '.join(IDEAS)}")
    names = ["default", *(name for name in asked.ideas or IDEAS if name != "default")]
    settings = {"epochs": asked.epochs, **dict(text.split("=", 1) for text in asked.settings)}
    standard: Trial | None = None
    for name in names:
        trial = attempt(asked.source, IDEAS[name], settings, asked.seed)
        standard = standard or trial
        write(line(name, trial, standard, asked), asked.table)


@dataclass(frozen=True)
class Trial:
    """What a training gave on the validation part; losses: (N,), of its pictures."""

    metrics: dict[str, Any]
    losses: np.ndarray
    seconds: float


def attempt(source: str, idea: Idea, settings: Mapping[str, Any], seed: int) -> Trial:
    recipe = load_recipe("default", {**settings, **idea.settings})
    dataset, split = prepare(source, recipe, seed)
    device = choose_device("auto")
    planned = plan(recipe, dataset, split, seed, device, choose_precision("auto", device))
    planned = idea.change(planned)
    content = describe(planned)
    with TemporaryDirectory() as folder:
        run = Run.create(Path(folder) / "run", dict(content), split)
        network = fit(planned, run)
        seconds = run.history["seconds"].sum()
    predictor = Predictor.of(network, model_card(planned, content), torch.device("cpu"))
    rows = split.rows(dataset, "val")
    true = dataset.labels[rows]
    raw = predictor.predict(dataset.images, rows)
    probabilities = fit_calibration(raw, true).applied(raw)
    losses = -np.log(np.maximum(probabilities[np.arange(len(true)), true], _LEAST))
    metrics = measure_classes(true, probabilities, predictor.names, resamples=1)
    return Trial(metrics, losses, seconds)


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
        "logarithmic loss": f"{trial.losses.mean():.4f}",
        "less default's": "" if trial is standard else f"{change.mean():+.4f} ± {error:.4f}",
        "seconds / default's": f"{trial.seconds / standard.seconds:.2f}",
    }


def write(new: dict[str, str], table: Path) -> None:
    """Put one line in the place of an older one of the same idea."""
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
