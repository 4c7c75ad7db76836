"""What the scripts of all shipped models do alike: train, measure, and write model file and card.

    python scripts/make_galaxy_five.py --data DIR [--runs DIR] [--out DIR] [--quick]

DIR has the folders `gz2_five_class`, `kaggle_mini` and `odonata`; HUBBLEFORK_TEST_DATA names it
too. Runs are kept in `--runs`: one that has ended is used again, one that was interrupted goes on.
`--quick` makes a model that is good for nothing, in seconds, to try the script itself.
"""

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import tomli_w

from hubblefork import Run, predict, train
from hubblefork.core.file_cache import file_sha256
from hubblefork.core.files import replacing
from hubblefork.evaluation.intervals import wilson_interval
from hubblefork.models import shipped
from hubblefork.models.model_file import load_model, save_model
from hubblefork.models.uncertainty import ATYPICAL

SEED = 0
# The settings of `default` that try a script: one epoch of one feature on a few small images.
_QUICK = {"epochs": 1, "data.size": 24, "view.size": 16, "network.options.width": 1, "angles": 1,
          "split.val": 0.2}  # fmt: skip
_QUICK_GALAXIES = 60

# The simulated sky that a network sees before, or instead of, real galaxies.
_SKY = 12_000
_SKY_SETTINGS = {"epochs": 10, "view.field_of_view": 1, "network.weights": None}

SDSS = "Images: Sloan Digital Sky Survey (York et al. 2000, doi:10.1086/301513), www.sdss.org"
VOTES = "Votes: the volunteers of Galaxy Zoo 2 (Willett et al. 2013, doi:10.1093/mnras/stt1458)"
SAMPLE = "Classes: the clean sample of Zhu et al. 2019 (doi:10.1007/s10509-019-3540-1)"
CHALLENGE = "Galaxies to check it on: Kaggle's Galaxy Zoo challenge (doi:10.1093/mnras/stv632)"
SIMULATION = "Training images: the simulated sky of hubblefork, made of no survey's pixels"


def arguments(about: str, words: list[str] | None) -> argparse.Namespace:
    """What the user asks for: `data`, `runs`, `out` and `quick`."""
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("HUBBLEFORK_TEST_DATA") or None)
    parser.add_argument("--runs", type=Path, default=Path("runs/shipped"))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args(words)
    if asked.data is None:
        parser.error("where are the images? Give --data DIR, or set HUBBLEFORK_TEST_DATA")
    asked.data = Path(asked.data)
    if asked.quick:  # its runs and models never stand where real ones do
        asked.runs = asked.runs / "quick"
    asked.out = asked.out or (asked.runs if asked.quick else shipped.FOLDER)
    return asked


def trained(asked: argparse.Namespace, name: str, source: Any, settings: dict[str, Any]) -> Run:
    """The run `name` of the recipe `default`; its test set is measured once, when it has ended."""
    out = asked.runs / name
    settings = settings | _QUICK if asked.quick else settings
    return train(source, "default", out=out, settings=settings, seed=SEED, resume=out.exists())


def trained_on_sky(asked: argparse.Namespace) -> Run:
    """A network that has learnt 37 vote fractions from simulated galaxies.

    The whole of a simulated image is its input, which shows as much of a galaxy as the central 0.8
    of an image of `gz2_five_class` does: 4.1 Petrosian radii.
    """
    number = _QUICK_GALAXIES if asked.quick else _SKY
    return trained(asked, "sky-votes", f"simulated:votes:{number}", _SKY_SETTINGS)


def five_classes(asked: argparse.Namespace) -> Any:
    """The catalogue of `gz2_five_class`; to try a script, some galaxies of each class."""
    path = asked.data / "gz2_five_class" / "catalog.csv"
    if not asked.quick:
        return path
    table = pd.read_csv(path, dtype={"id": str}).groupby("label").head(_QUICK_GALAXIES // 5)
    return table.assign(image=[str(path.parent / each) for each in table["image"]])


def own_figures(run: Run, names: tuple[str, ...], on: str) -> list[dict[str, Any]]:
    """Figures of a run on its own test set: some metrics, and of classes the recall of each.

    The first is that which the task has a baseline for: the accuracy, or the RMSE.
    """
    task, metrics = run.task, run.metrics
    figures = [
        figure(each.title, metrics[each.name], metrics["intervals"][each.name], on, metrics["n"],
               percent=each.percent)
        for each in task.metrics if each.name in names
    ]  # fmt: skip
    figures[0]["baseline"] = task.baseline(run.predictions.labels)
    for name, row in metrics.get("per_class", {}).items():
        if row["support"]:
            hits = round(row["recall"] * row["support"])
            words = f"Recall of {name.replace('_', ' ')}"
            figures.append(proportion(words, hits, row["support"], on))
    return figures


def figure(
    title: str, value: float, interval: Any, on: str, images: int, **further: Any
) -> dict[str, Any]:
    """A `Figure` of the card."""
    numbers = {"value": float(value), "interval": [float(each) for each in interval]}
    return {"title": title, **numbers, "on": on, "images": int(images), **further}


def proportion(title: str, hits: int, images: int, on: str, **further: Any) -> dict[str, Any]:
    """The same for `hits` of some images, with Wilson's interval."""
    interval = wilson_interval(hits, images)
    return figure(title, hits / images, interval, on, images, percent=True, **further)


def insects(asked: argparse.Namespace, run: Run) -> dict[str, Any]:
    """The figure that tells whether a model notices images which are no galaxies."""
    typicality = predict(run, asked.data / "odonata")["typicality"].dropna()
    hits = int((typicality <= ATYPICAL).sum())
    title = "Told to be unlike its training images"
    return proportion(title, hits, len(typicality), "photographs of dragonflies and damselflies")


def how(run: Run) -> str:
    """How a run was trained, in one sentence."""
    about, recipe = run.provenance, run.recipe
    sizes = run.split.counts()
    versions = ", ".join(f"{name} {each}" for name, each in about.versions.items())
    return (
        f"Recipe {recipe.name} ({recipe.network.name}, {about.parameters:,} parameters), "
        f"{len(run.history)} epochs on {sizes['train']:,} images, with {sizes['val']:,} for "
        f"validation and {sizes['test']:,} for the test; seed {about.seed}, {about.precision} on "
        f"{about.device}, {about.started[:10]}, {versions}."
    )


def ship(asked: argparse.Namespace, name: str, run: Run, source: str, card: dict[str, Any]) -> None:
    """Write `NAME.safetensors` and `NAME.toml`.

    The weights are those of the run, bit by bit. Its metadata names the images by `source`, without
    the folders of the machine that it was trained on.
    """
    network, made, arrays = load_model(run.model)
    asked.out.mkdir(parents=True, exist_ok=True)
    path = asked.out / f"{name}.safetensors"
    save_model(path, network, replace(made, source=source), arrays)
    script = f"python scripts/make_{name.replace('-', '_')}.py --data DIR"
    full = {**card, "licence": "Apache-2.0", "script": script, "sha256": file_sha256(path)}
    shipped.ShippedCard.model_validate(full)
    with replacing(path.with_suffix(".toml"), binary=True) as file:
        tomli_w.dump(full, file)
    print(path)
