"""Fine-tuning and probe on families of insects that they have not seen, beside ones they have.

    python benchmarks/far_groups.py ODONATA [--folds 0 1 2] [--methods ...]
        [--results RESULTS.json] [--table TABLE.md]

ODONATA is a folder of photographs with `credits.csv` (class, file, species, family). In each fold
some families are held back: the far test. Of the other families, a sixth of the species is the near
test, a tenth the validation set, and the rest is learnt from. Each result is kept in RESULTS as it
comes, and not computed again. The methods:

probe         the recipe `probe`
transfer      the recipe `transfer`: a probe, then all layers, then the mean of the weights
last weights  the same with the weights after the training, in place of the mean
head first    the last layer by gradient descent for two epochs, then all layers

The calibration error is that of the recipe's calibration on the validation set; that of perfectly
calibrated probabilities on as many images is beside it.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from few_labels import percent, planned_on
from markdown_table import as_markdown

from hubblefork import Predictor
from hubblefork.core.files import replacing
from hubblefork.evaluation.class_metrics import measure_classes
from hubblefork.evaluation.intervals import wilson_interval
from hubblefork.runs.run import Run
from hubblefork.training.fit import fit
from hubblefork.training.probe import fit_probe
from hubblefork.workflow.calibrate import calibrate
from hubblefork.workflow.start_run import provenance_of
from hubblefork.workflow.train import model_card

# Families of both classes in each; small ones are always learnt from.
_HELD_BACK = (
    ("Libellulidae", "Platycnemididae"),
    ("Gomphidae", "Coenagrionidae", "Chlorocyphidae"),
    ("Macromiidae", "Aeshnidae", "Synthemistidae", "Lestidae", "Platystictidae"),
)
_METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "probe": ("probe", {}),
    "transfer": ("transfer", {}),
    "last weights": ("transfer", {"start_fraction": 0}),
    "head first": ("transfer", {"start_fraction": 0, "probe_first": False}),
}
_COLUMNS = (
    "method", "test", "images", "accuracy", "95 % interval", "log loss", "calibration error",
    "by chance",
)  # fmt: skip


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("odonata", type=Path)
    parser.add_argument("--folds", nargs="+", type=int, default=[*range(len(_HELD_BACK))])
    parser.add_argument("--methods", nargs="+", choices=_METHODS, default=list(_METHODS))
    parser.add_argument("--results", type=Path, default=Path("runs/far_groups.json"))
    parser.add_argument("--table", type=Path)
    asked = parser.parse_args(words)

    results = json.loads(asked.results.read_text()) if asked.results.exists() else []
    known = {(row["fold"], row["method"]) for row in results}
    insects = read(asked.odonata)
    for fold in asked.folds:
        for method in asked.methods:
            if (fold, method) in known:
                continue
            for row in learn(insects, fold, method):
                results.append({"fold": fold, "method": method, **row})
            asked.results.parent.mkdir(parents=True, exist_ok=True)
            with replacing(asked.results) as file:
                json.dump(results, file, indent=1)
            print(as_markdown(_COLUMNS, lines(results[-2:])), flush=True)
    table = as_markdown(_COLUMNS, lines(results))
    print(table, end="")
    if asked.table:
        with replacing(asked.table) as file:
            file.write(table)


def read(folder: Path) -> pd.DataFrame:
    table = pd.read_csv(folder / "credits.csv", dtype=str)
    table["image"] = [str(next(folder.rglob(name))) for name in table["file"]]
    return table.rename(columns={"file": "id", "class": "label"})


def parts(insects: pd.DataFrame, fold: int) -> dict[str, str]:
    """`far`, `near`, `val` or `train` for each id; no species, and no far family, is in two.

    >>> species, far = [f"s{each}" for each in range(60)], _HELD_BACK[0][0]
    >>> family = [far] * 30 + ["Calopterygidae"] * 30
    >>> table = pd.DataFrame({"id": species, "species": species, "family": family})
    >>> pd.Series(parts(table, 0)).value_counts().to_dict()
    {'far': 30, 'train': 22, 'near': 5, 'val': 3}
    """
    far = insects["family"].isin(_HELD_BACK[fold])
    species = insects["species"][~far].drop_duplicates().sample(frac=1, random_state=fold)
    near, val = round(len(species) / 6), round(len(species) / 10)
    part = dict.fromkeys(species[:near], "near") | dict.fromkeys(species[near : near + val], "val")
    named = insects["species"].map(part).fillna("train").mask(far, "far")
    return dict(zip(insects["id"], named, strict=True))


def learn(insects: pd.DataFrame, fold: int, method: str) -> list[dict[str, Any]]:
    """Train, and keep the probabilities and classes of both tests."""
    name, settings = _METHODS[method]
    part = parts(insects, fold)
    subset = {each: {"far": "test"}.get(one, one) for each, one in part.items()}
    settings = {**settings, "split.group": "species"}
    planned = planned_on(insects, name, settings, subset, seed=fold)
    with TemporaryDirectory() as folder:
        provenance = provenance_of(planned)
        run = Run.create(Path(folder) / "run", planned.recipe, provenance, planned.split)
        network = fit_probe(planned, run) if name == "probe" else fit(planned, run)
    dataset, card = planned.dataset, model_card(planned)
    predictor = Predictor.of(network, card, planned.device)
    predictor = replace(predictor, uncertainty=calibrate(predictor, dataset, planned.split))
    results = []
    for test in ("near", "far"):
        rows = np.flatnonzero(dataset.table["id"].map(part).to_numpy() == test)
        probabilities = predictor.predict(dataset.images, rows)
        results.append(
            {"test": test, "true": dataset.labels[rows].tolist(),
             "probabilities": probabilities.astype(float).tolist()}
        )  # fmt: skip
    return results


def lines(results: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """A line for each method and test, over the images of all folds."""
    found = []
    for method in _METHODS:
        for test in ("near", "far"):
            rows = [row for row in results if (row["method"], row["test"]) == (method, test)]
            if rows:
                true = np.concatenate([row["true"] for row in rows])
                given = np.concatenate([row["probabilities"] for row in rows])
                name = f"`{method}`" if method == _METHODS[method][0] else method
                found.append((name, test, *figures(true, given)))
    return found


def figures(true: np.ndarray, given: np.ndarray) -> tuple[str, ...]:
    names = [str(each) for each in range(given.shape[1])]
    measured = measure_classes(true, given, names, resamples=1)
    random, error = np.random.default_rng(0), "expected_calibration_error"
    drawn = [(given.cumsum(1) < random.random((len(given), 1))).sum(1) for _ in range(50)]
    chance = [measure_classes(each, given, names, resamples=1)[error] for each in drawn]
    hits = round(measured["accuracy"] * len(true))
    low, high = wilson_interval(hits, len(true))
    return (
        f"{len(true):,}", percent(measured["accuracy"]), f"{percent(low)} to {percent(high)}",
        f"{measured['log_loss']:.3f}", percent(measured[error]), percent(float(np.mean(chance))),
    )  # fmt: skip


if __name__ == "__main__":
    main()
