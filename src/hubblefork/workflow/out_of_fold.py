"""Answers to every image of a dataset by networks that never saw it: k-fold training."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from hubblefork.core.device import choose_device, choose_precision
from hubblefork.core.errors import RequestError
from hubblefork.core.progress import progress, say
from hubblefork.data.dataset import PackedDataset
from hubblefork.data.groups import commonest, find_groups
from hubblefork.data.splits import Split, make_split
from hubblefork.models.predictor import Predictor
from hubblefork.recipes.recipe import Recipe
from hubblefork.runs.leakage import require_unseen
from hubblefork.runs.run import Run
from hubblefork.training.fit import fit
from hubblefork.training.plan import plan
from hubblefork.training.probe import check_probe, fit_probe
from hubblefork.workflow.calibrate import calibrate
from hubblefork.workflow.train import describe, model_card


def out_of_fold(
    recipe: Recipe,
    dataset: PackedDataset,
    folds: int,
    scratch: Path,
    seed: int = 0,
    device: str = "auto",
) -> np.ndarray:
    """Train a network for each fold on the others, and let it answer to its own fold.

    Parameters
    ----------
    recipe
        How each is trained. Where it asks for a validation set, that is cut from the other folds,
        in the same proportion to what is learnt from.
    dataset
        Images with classes, all of which are dealt to the folds: each class evenly, and images
        that belong together never to different ones.
    folds
        How many, 2 or more.
    scratch
        A folder for the checkpoints of each training, which may be removed afterwards.
    seed
        Of folds and trainings.
    device
        `auto`, `cpu` or `cuda`.

    Returns (N, K) float32 probabilities, calibrated where there is a validation set. Raises
    RequestError for votes, where a class has too few images, and where the recipe begins from a
    run that has learnt from some.

    >>> from hubblefork import pack
    >>> from hubblefork.recipes.recipe import load_recipe
    >>> recipe = load_recipe("mlp", {"epochs": 1, "data.size": 24})
    >>> out_of_fold(recipe, pack(galaxies, size=24), 2, folder).shape
    (80, 2)
    """
    dataset.task.require_classes("folds find wrong labels of classes")
    place = choose_device(device, 1)
    precision = choose_precision("auto", place)
    splits = fold_splits(recipe, dataset, folds, seed)
    probabilities = np.zeros((len(dataset), dataset.task.outputs), np.float32)
    for each, split in enumerate(splits):
        say(f"fold {each + 1} of {folds}")
        planned = plan(recipe, dataset, split, seed, place, precision)
        content = describe(planned)
        run = Run.create(scratch / f"fold-{each + 1}", content, split)
        if recipe.training.method == "probe":
            check_probe(planned)
            network = fit_probe(planned, run)
        else:
            network = fit(planned, run)
        predictor = Predictor.of(network, model_card(planned, content), place)
        predictor = replace(predictor, trust=calibrate(predictor, dataset, split))
        rows = split.rows(dataset, "test")
        with progress("predicting", len(rows)) as done:
            probabilities[rows] = predictor.predict(dataset.images, rows, done)
    return probabilities


def fold_splits(recipe: Recipe, dataset: PackedDataset, folds: int, seed: int = 0) -> list[Split]:
    """The split of each training, whose test set is its fold.

    Raises RequestError as `out_of_fold` does, which takes long.
    """
    fold = deal_folds(dataset, folds, recipe.split.group, seed)
    splits = [_split(dataset, fold == each, recipe, seed) for each in range(folds)]
    for split in splits:
        require_unseen(recipe, dataset, split)
    return splits


def deal_folds(
    dataset: PackedDataset, folds: int, group_column: str | None = None, seed: int = 0
) -> np.ndarray:
    """The fold of each image (N,): groups whole, each class in every fold.

    Raises RequestError for fewer than two folds, and where a class has fewer groups than folds.
    """
    if folds < 2:
        raise RequestError(f"--folds {folds}: expected 2 or more, 5 for example")
    groups = np.unique(find_groups(dataset.table, group_column)[0], return_inverse=True)[1]
    stratum = pd.Series(commonest(groups, dataset.labels))
    counts = np.bincount(stratum, minlength=dataset.task.outputs)
    # A class may have all its images in groups that are mostly of others; it has no say then.
    least = int(np.where(counts > 0, counts, folds).min())
    if least < folds:
        name = dataset.task.names[int(np.flatnonzero(counts == least)[0])]
        raise RequestError(
            f"--folds {folds}: class {name!r} has {least} images or groups of them, fewer than "
            "folds; ask for fewer, or add images"
        )
    shuffled = stratum.sample(frac=1, random_state=seed)
    # One class after another is dealt on where the last one ended, so that folds are even.
    dealt = shuffled.sort_values(kind="stable").index
    fold = np.empty(len(stratum), np.int64)
    fold[dealt] = np.arange(len(dealt)) % folds
    return fold[groups]


def _split(dataset: PackedDataset, held_out: np.ndarray, recipe: Recipe, seed: int) -> Split:
    """The split of one fold: what is held out is its test set."""
    shares = recipe.split
    val = shares.val / (shares.train + shares.val)
    # The source's own split is of other parts; here every image is held out once.
    rest = dataset.table[~held_out].drop(columns="split", errors="ignore")
    inner = make_split(rest, dataset.task, (1 - val, val, 0.0), seed, shares.group)
    part = inner.part.reindex(dataset.table["id"]).fillna("test")
    part.index.name = "id"
    return Split(part, f"one fold held out; the rest {inner.rule}", seed)
