"""Accuracy against the number of labels, of probes and of trainings.

    python benchmarks/few_labels.py CATALOG.csv [--encoder RUN] [--labels 50 100 200 500 1000 5000]
        [--seeds 0 1 2] [--methods ...] [--test 2000] [--epochs 45] [--results RESULTS.json]
        [--table TABLE.md] [--plot PLOT.png]

draws labels from CATALOG (a CSV file with the columns id, image and label), for each seed others:
the same fraction of each class, and at least five of each. What is learnt is tested on other
images of it, the same for all. RUN is the encoder, which must not have seen any of them; it is
`galaxy-votes` if not given, which knows the simulated sky alone. The methods:

few          the recipe `few`: logistic regression on the encoder's features
imagenet     the recipe `probe`: the same on EfficientNet-Lite0's, which knows photographs
default      the recipe `default`, from the encoder's weights; validated on a fifth of the labels
random       the same, from random weights

Each result is kept in RESULTS as it comes, and not computed again.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from markdown_table import as_markdown
from scipy.special import softmax

from hubblefork import Predictor
from hubblefork.core.device import choose_device, choose_precision
from hubblefork.core.files import replacing
from hubblefork.data.splits import Split
from hubblefork.recipes.recipe import load_recipe
from hubblefork.runs.run import Run
from hubblefork.training.fit import fit
from hubblefork.training.plan import Plan, plan, resolve
from hubblefork.training.probe import compute_features, fit_classifier, stratified_sample
from hubblefork.workflow.start_run import prepare, provenance_of
from hubblefork.workflow.train import model_card

_LABELS = (50, 100, 200, 500, 1_000, 5_000)
_COLUMNS = ("labels", "method", "accuracy", "balanced accuracy", "seeds", "seconds")
_METHODS = {
    "few": "`few`: probe on the encoder",
    "imagenet": "`probe`: on EfficientNet-Lite0, 224 pixels",
    "default": "`default`",
    "random": "`default`, from random weights",
}


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("catalog", type=Path)
    parser.add_argument("--encoder", default="galaxy-votes")
    parser.add_argument("--labels", nargs="+", type=int, default=_LABELS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--methods", nargs="+", choices=_METHODS, default=list(_METHODS))
    parser.add_argument("--test", type=int, default=2_000, help="images to test on")
    parser.add_argument("--epochs", type=int, help="of a training; the recipe's if not given")
    parser.add_argument("--results", type=Path, default=Path("runs/few_labels.json"))
    parser.add_argument("--table", type=Path)
    parser.add_argument("--plot", type=Path)
    asked = parser.parse_args(words)

    results = json.loads(asked.results.read_text()) if asked.results.exists() else []
    known = {(row["method"], row["labels"], row["seed"]) for row in results}
    galaxies, test, drawn = draw(asked)
    for method in asked.methods:
        wanted = [key for key in drawn if (method, *key) not in known]
        if not wanted:
            continue
        of_method = probes if method in ("few", "imagenet") else trainings
        measure = of_method(asked, method, galaxies, test)
        for labels, seed in wanted:
            began = time.process_time()
            predicted, true = measure(drawn[labels, seed], seed)
            found = scores(predicted, true) | {"seconds": time.process_time() - began}
            results.append({"method": method, "labels": labels, "seed": seed, **found})
            print(results[-1], flush=True)
            asked.results.parent.mkdir(parents=True, exist_ok=True)
            with replacing(asked.results) as file:
                json.dump(results, file, indent=1)
    frame = summary(pd.DataFrame(results))
    table = as_markdown(_COLUMNS, map(line, frame.to_dict("records")))
    print(table, end="")
    if asked.table:
        with replacing(asked.table) as file:
            file.write(table)
    if asked.plot:
        plot(frame, asked.plot)


Ids = list[str]


def draw(asked: argparse.Namespace) -> tuple[pd.DataFrame, Ids, dict[tuple[int, int], Ids]]:
    """The galaxies in use, the ids to test on, and those to learn from by (labels, seed)."""
    table = pd.read_csv(asked.catalog, dtype={"id": str}).sample(frac=1, random_state=0)
    table["image"] = [str(asked.catalog.parent / name) for name in table["image"]]
    test, pool = table[: asked.test], table[asked.test :]
    codes = pd.factorize(pool["label"], sort=True)[0]
    drawn = {}
    for labels in asked.labels:
        for seed in asked.seeds:
            rows = stratified_sample(codes, labels, seed)
            drawn[labels, seed] = list(pool["id"].iloc[rows])
    used = {each for ids in drawn.values() for each in ids}
    return pd.concat([test, pool[pool["id"].isin(used)]]), list(test["id"]), drawn


Measure = Callable[[Ids, int], tuple[np.ndarray, np.ndarray]]


def probes(asked: argparse.Namespace, method: str, galaxies: pd.DataFrame, test: Ids) -> Measure:
    """Fits a probe, and predicts; the features of all galaxies are computed once."""
    settings = {"network.weights": asked.encoder} if method == "few" else {}
    name = {"few": "few", "imagenet": "probe"}[method]
    subset = dict.fromkeys(galaxies["id"], "train") | dict.fromkeys(test, "test")
    planned = planned_on(galaxies, name, settings, subset)
    dataset = planned.dataset
    others = planned.split.rows(dataset, "test")
    row_of = {each: row for row, each in enumerate(dataset.table["id"])}
    planned.network.eval()
    features = compute_features(planned, np.arange(len(dataset)))
    tested = planned.view.number_of_views  # further ones are for the fit alone

    def measure(train: Ids, seed: int) -> tuple[np.ndarray, np.ndarray]:
        rows = [row_of[each] for each in train]
        fitted = features[:, rows].reshape(-1, features.shape[-1])
        labels = dataset.labels[rows]
        groups = np.tile(np.arange(len(rows)), len(features))
        names = dataset.task.names
        weight, bias, _ = fit_classifier(
            fitted, np.tile(labels, len(features)), groups, names, seed
        )
        probabilities = softmax(features[:tested, others] @ weight.T + bias, axis=-1).mean(axis=0)
        return probabilities.argmax(axis=1), dataset.labels[others]

    return measure


def trainings(asked: argparse.Namespace, method: str, galaxies: pd.DataFrame, test: Ids) -> Measure:
    """Trains a network, and predicts."""
    settings = {"network.weights": asked.encoder if method == "default" else None}
    if asked.epochs:
        settings["epochs"] = asked.epochs

    def measure(train: Ids, seed: int) -> tuple[np.ndarray, np.ndarray]:
        labels = galaxies.set_index("id")["label"][train]
        codes = pd.factorize(labels, sort=True)[0]
        held = set(stratified_sample(codes, len(train) // 5, seed))
        subset = {each: "val" if row in held else "train" for row, each in enumerate(train)}
        subset |= dict.fromkeys(test, "test")
        planned = planned_on(galaxies, "default", settings, subset, seed)
        with TemporaryDirectory() as folder:
            provenance = provenance_of(planned)
            run = Run.create(Path(folder) / "run", planned.recipe, provenance, planned.split)
            predictor = Predictor.of(fit(planned, run), model_card(planned), planned.device)
        rows = planned.split.rows(planned.dataset, "test")
        predicted = predictor.predict(planned.dataset.images, rows).argmax(axis=1)
        return predicted, planned.dataset.labels[rows]

    return measure


def planned_on(
    galaxies: pd.DataFrame, recipe: str, settings: dict, subset: dict[str, str], seed: int = 0
) -> Plan:
    """The plan of a recipe; images of no subset are not used."""
    resolved = resolve(load_recipe(recipe, settings))
    dataset, _ = prepare(galaxies, resolved, seed=0)
    names = [subset.get(each, "none") for each in dataset.table["id"]]
    index = pd.Index(dataset.table["id"], name="id")
    split = Split(pd.Series(names, index), "as the benchmark says", seed)
    device = choose_device("auto")
    return plan(resolved, dataset, split, seed, device, choose_precision("auto", device))


def scores(predicted: np.ndarray, true: np.ndarray) -> dict[str, float]:
    """
    >>> scores(np.array([0, 0, 1, 0]), np.array([0, 0, 1, 1]))
    {'accuracy': 0.75, 'balanced': 0.75}
    """
    hits = predicted == true
    recalls = [hits[true == each].mean() for each in np.unique(true)]
    return {"accuracy": float(hits.mean()), "balanced": float(np.mean(recalls))}


def summary(results: pd.DataFrame) -> pd.DataFrame:
    """Mean and standard deviation over the seeds, by number of labels and method."""
    order = results.assign(place=results["method"].map(list(_METHODS).index))
    return (
        order.groupby(["labels", "place", "method"])
        .agg(
            accuracy=("accuracy", "mean"),
            accuracy_std=("accuracy", lambda each: each.std(ddof=0)),
            balanced=("balanced", "mean"),
            balanced_std=("balanced", lambda each: each.std(ddof=0)),
            seeds=("seed", "size"),
            seconds=("seconds", "mean"),
        )
        .reset_index()
    )


def line(row: dict) -> tuple[str, ...]:
    return (
        f"{row['labels']:,}",
        _METHODS[row["method"]],
        *(
            percent(row[each]) + f" ± {percent(row[f'{each}_std'])}" * (row["seeds"] > 1)
            for each in ("accuracy", "balanced")
        ),
        str(row["seeds"]),
        f"{row['seconds']:,.0f}",
    )


def percent(fraction: float) -> str:
    """
    >>> percent(0.9512)
    '95.1 %'
    """
    return f"{100 * fraction:.1f} %"


def plot(frame: pd.DataFrame, path: Path) -> None:
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    labels = sorted(frame["labels"].unique())
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharex=True, layout="constrained")
    for name, shown in _METHODS.items():
        rows = frame[frame["method"] == name]
        for axis, value in zip(axes, ("accuracy", "balanced"), strict=True):
            axis.errorbar(
                rows["labels"], 100 * rows[value], 100 * rows[f"{value}_std"], fmt="o-",
                ms=4, capsize=2, label=shown.replace("`", ""),
            )  # fmt: skip
    for axis, title in zip(axes, ("accuracy, %", "balanced accuracy, %"), strict=True):
        axis.set(xscale="log", xlabel="labels", ylabel=title)
        axis.minorticks_off()
        axis.set_xticks(labels, [f"{each:,}" for each in labels])
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize=8)
    figure.savefig(path, dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    main()
