"""The recipe `default` on few and on many images of several kinds, beside what one might try.

    python benchmarks/dataset_sizes.py --data DIR [--cases galaxies:200 radio:2000 ...]
        [--recipes default ...] [--epochs 45] [--seed 0] [--results RESULTS.json] [--table TABLE.md]

DIR has the folders `gz2_five_class` and `odonata`. A case is a kind of images and their number:
galaxies; simulated radio galaxies, grey images of 300 pixels in four classes (`radio_galaxies.py`);
odonata, photographs of 629 insects, of which no species is in two sets of the split. A tenth of the
images are the validation set, and others than these, 1,000 of them, the test set; of odonata it is
a fifth of the species.

For each it trains `default`; the same from random weights, with a third of the learning rate, and
for a third of the epochs (with tens of thousands of images --epochs says how many end in a
recipe's minutes); `few` on features of the simulated sky alone; and `probe`. It writes the
last validation loss, the least, and the largest rise from the least so far, which an even training
does not have; and the accuracy with its 95 % interval (Wilson's). Each result is kept in RESULTS as
it comes, and not computed again.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from few_labels import percent, planned_on
from markdown_table import as_markdown
from PIL import Image
from radio_galaxies import CLASSES, simulate_radio_galaxies

from hubblefork import Predictor
from hubblefork.core.files import replacing
from hubblefork.evaluation.intervals import wilson_interval
from hubblefork.runs.run import Run
from hubblefork.training.fit import fit
from hubblefork.training.probe import fit_probe
from hubblefork.workflow.start_run import provenance_of
from hubblefork.workflow.train import model_card

_TESTED = 1_000
_CASES = ("galaxies:200", "galaxies:1000", "galaxies:2000", "radio:2000", "odonata:629")
_COLUMNS = (
    "images", "recipe", "epochs", "last validation loss", "least", "largest rise",
    "test accuracy", "95 % interval",
)  # fmt: skip
# What differs from `default`.
_RECIPES: dict[str, tuple[str, dict[str, Any]]] = {
    "default": ("default", {}),
    "from random weights": ("default", {"network.weights": None}),
    "a third of the rate": ("default", {"learning_rate": 3.3e-3}),
    "a third of the epochs": ("default", {}),
    "few": ("few", {"network.weights": "galaxy-votes"}),
    "probe": ("probe", {}),
}


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cases", nargs="+", default=list(_CASES), metavar="KIND:NUMBER")
    parser.add_argument("--recipes", nargs="+", choices=_RECIPES, default=list(_RECIPES))
    parser.add_argument("--epochs", type=int, default=45, help="of `default`")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, default=Path("runs/dataset_sizes.json"))
    parser.add_argument("--table", type=Path)
    asked = parser.parse_args(words)

    results = json.loads(asked.results.read_text()) if asked.results.exists() else {}
    for case in asked.cases:
        kind, number = case.split(":")
        with TemporaryDirectory() as folder:
            images = _KINDS[kind](asked.data, int(number), Path(folder))
            for recipe in asked.recipes:
                if (key := f"{case}, {recipe}") not in results:
                    results[key] = {"case": case, "recipe": recipe, **learn(images, recipe, asked)}
                    print(results[key], flush=True)
                    asked.results.parent.mkdir(parents=True, exist_ok=True)
                    with replacing(asked.results) as file:
                        json.dump(results, file, indent=1)
    table = as_markdown(_COLUMNS, map(line, sorted(results.values(), key=place)))
    print(table, end="")
    if asked.table:
        with replacing(asked.table) as file:
            file.write(table)


def learn(images: pd.DataFrame, recipe: str, asked: argparse.Namespace) -> dict[str, Any]:
    name, settings = _RECIPES[recipe]
    if name == "default":
        fraction = 3 if recipe == "a third of the epochs" else 1
        settings = settings | {"epochs": max(1, asked.epochs // fraction)}
    subset = dict(zip(images["id"], images["subset"], strict=True))
    planned = planned_on(images.drop(columns="subset"), name, settings, subset, asked.seed)
    with TemporaryDirectory() as folder:
        provenance = provenance_of(planned)
        run = Run.create(Path(folder) / "run", planned.recipe, provenance, planned.split)
        network = fit_probe(planned, run) if name in ("few", "probe") else fit(planned, run)
        losses = run.history["val_loss"].tolist()
    predictor = Predictor.of(network, model_card(planned), planned.device)
    rows = planned.split.rows(planned.dataset, "test")
    predicted = predictor.predict(planned.dataset.images, rows).argmax(axis=1)
    hits = int((predicted == planned.dataset.labels[rows]).sum())
    return {"losses": losses, "hits": hits, "tested": len(rows)}


def rise(losses: list[float]) -> float:
    """The largest difference of a loss from the least before it.

    >>> rise([1.5, 0.5, 0.75, 0.25])
    0.25
    """
    return float(max(np.array(losses) - np.minimum.accumulate(losses)))


def place(result: dict[str, Any]) -> tuple[int, int, int]:
    """Where a result stands in the table.

    >>> place({"case": "radio:2000", "recipe": "few"})
    (1, 2000, 4)
    """
    kind, number = result["case"].split(":")
    return list(_KINDS).index(kind), int(number), list(_RECIPES).index(result["recipe"])


def line(result: dict[str, Any]) -> tuple[str, ...]:
    losses, number = result["losses"], result["tested"]
    low, high = wilson_interval(result["hits"], number)
    kind, _, images = result["case"].partition(":")
    one = len(losses) == 1
    return (
        f"{int(images):,} {kind}",
        result["recipe"],
        "" if one else str(len(losses)),
        f"{losses[-1]:.3f}",
        "" if one else f"{min(losses):.3f}",
        "" if one else f"{rise(losses):.3f}",
        percent(result["hits"] / number),
        f"{percent(low)} to {percent(high)}",
    )


def galaxies(data: Path, number: int, _: Path) -> pd.DataFrame:
    path = data / "gz2_five_class" / "catalog.csv"
    table = pd.read_csv(path, dtype={"id": str}).sample(frac=1, random_state=0)
    table["image"] = [str(path.parent / name) for name in table["image"]]
    # The test set is the same whatever the number.
    return with_subsets(pd.concat([table[_TESTED:][:number], table[:_TESTED]]), number)


def radio(_: Path, number: int, folder: Path) -> pd.DataFrame:
    images, labels = simulate_radio_galaxies(number + _TESTED, seed=0)
    paths = [folder / f"{row}.png" for row in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        Image.fromarray(image[..., 0]).save(path)
    classes = [CLASSES[label] for label in labels]
    table = pd.DataFrame(
        {"id": [p.stem for p in paths], "image": map(str, paths), "label": classes}
    )
    return with_subsets(table, number)


def odonata(data: Path, number: int, _: Path) -> pd.DataFrame:
    folder = data / "odonata"
    table = pd.read_csv(folder / "credits.csv", dtype=str)
    table = table.assign(id=table["file"], label=table["class"])
    table["image"] = [str(next(folder.rglob(name))) for name in table["file"]]
    species = table["species"].drop_duplicates().sample(frac=1, random_state=0)
    fifth = len(species) // 5
    of_species = dict.fromkeys(species[:fifth], "test") | dict.fromkeys(
        species[-fifth // 2 :], "val"
    )
    subset = [of_species.get(each, "train") for each in table["species"]]
    return table[["id", "image", "label"]].assign(subset=subset)


_KINDS: dict[str, Callable[[Path, int, Path], pd.DataFrame]] = {
    "galaxies": galaxies,
    "radio": radio,
    "odonata": odonata,
}


def with_subsets(table: pd.DataFrame, number: int) -> pd.DataFrame:
    """The first `number` rows in training and validation set, nine to one; the rest is the test."""
    val = max(1, number // 10)
    subset = ["train"] * (number - val) + ["val"] * val + ["test"] * (len(table) - number)
    return table[["id", "image", "label"]].assign(subset=subset)


if __name__ == "__main__":
    main()
