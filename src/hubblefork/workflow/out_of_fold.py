"""Out-of-fold predictions: each image is predicted by a network that was trained without it."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from hubblefork.core.device import choose_device, choose_precision
from hubblefork.core.errors import RequestError
from hubblefork.core.progress import progress, say
from hubblefork.data.dataset import PackedDataset
from hubblefork.data.folds import deal_folds, groups_per_class
from hubblefork.data.groups import Groups, dataset_groups
from hubblefork.data.splits import Split, make_split
from hubblefork.models.predictor import Predictor
from hubblefork.models.uncertainty import Uncertainty
from hubblefork.recipes.recipe import Recipe
from hubblefork.runs.leakage import require_unseen
from hubblefork.runs.run import Run
from hubblefork.training.fit import fit
from hubblefork.training.plan import plan
from hubblefork.training.probe import check_probe, features_of_all, fit_probe
from hubblefork.workflow.calibrate import calibrate_probabilities
from hubblefork.workflow.start_run import provenance_of
from hubblefork.workflow.train import model_card


def out_of_fold(
    recipe: Recipe,
    dataset: PackedDataset,
    folds: int,
    scratch: Path,
    seed: int = 0,
    device: str = "auto",
) -> np.ndarray:
    """Train a network for each fold on the other folds, and predict that fold with it.

    Parameters
    ----------
    recipe
        How each network is trained. Its validation set, if any, is cut from the other folds, in
        the same proportion to the training set.
    dataset
        Images with classes. All of them are divided into folds, stratified by class; images of
        one group are in the same fold.
    folds
        How many, 2 or more.
    scratch
        A folder for the run of each fold, which may be removed afterwards.
    seed
        Random seed of folds and trainings.
    device
        `auto`, `cpu` or `cuda`.

    Returns (N, K) float32 probabilities, calibrated where there is a validation set. Raises
    RequestError for votes, for a class with too few images, and if the recipe starts from a run
    that was trained on some of the images.

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
    features = None
    for number, split in enumerate(splits, start=1):
        say(f"fold {number} of {folds}")
        planned = plan(recipe, dataset, split, seed, place, precision)
        run = Run.create(scratch / f"fold-{number}", recipe, provenance_of(planned), split)
        if recipe.training.method == "probe":
            check_probe(planned)
            if number == 1:  # the backbone stays as it is, whatever the fold
                features = features_of_all(planned)
            network = fit_probe(planned, run, features)
        else:
            network = fit(planned, run)
        predictor = Predictor.of(network, model_card(planned), place)
        if len(val := split.rows(dataset, "val")):
            calibration = calibrate_probabilities(
                predictor.predict(dataset.images, val), dataset, val
            )
            predictor = replace(predictor, uncertainty=Uncertainty(calibration=calibration))
        rows = split.rows(dataset, "test")
        with progress("predicting", len(rows)) as done:
            probabilities[rows] = predictor.predict(dataset.images, rows, done)
    return probabilities


def fold_splits(recipe: Recipe, dataset: PackedDataset, folds: int, seed: int = 0) -> list[Split]:
    """The split of each training, whose test set is its fold.

    Raises RequestError as `out_of_fold` does, but at once.
    """
    groups = dataset_groups(dataset, recipe.split.ties())
    fold = dataset_folds(dataset, folds, groups, seed)
    splits = [_split(dataset, fold == each, recipe, groups, seed) for each in range(folds)]
    for split in splits:
        require_unseen(recipe.network.weights, dataset, split)
    return splits


def dataset_folds(
    dataset: PackedDataset, folds: int, groups: Groups | None = None, seed: int = 0
) -> np.ndarray:
    """The fold of each image (N,), stratified by class, with groups kept whole.

    Raises RequestError for fewer than two folds, and where a class has fewer groups than folds.
    """
    if folds < 2:
        raise RequestError(f"--folds {folds}: expected 2 or more, 5 for example")
    groups = groups or dataset_groups(dataset)
    count = groups_per_class(dataset.labels, groups.of_row, dataset.task.outputs)
    # All images of a class may be in groups that belong to other classes; it sets no limit then.
    scarce = np.flatnonzero((count > 0) & (count < folds))
    if len(scarce):
        rarest = scarce[count[scarce].argmin()]
        raise RequestError(
            f"--folds {folds}: class {dataset.task.names[rarest]!r} has {count[rarest]} images or "
            "groups of them, fewer than folds; ask for fewer, or add images"
        )
    return deal_folds(dataset.labels, groups.of_row, folds, seed)


def _split(
    dataset: PackedDataset, held_out: np.ndarray, recipe: Recipe, groups: Groups, seed: int
) -> Split:
    """The split of one fold, whose test set are the images held out."""
    fractions = recipe.split
    val = fractions.val / (fractions.train + fractions.val)
    # Without the source's own split: here every image is held out once.
    rest = dataset.table[~held_out].drop(columns="split", errors="ignore")
    inner_groups = groups.take(np.flatnonzero(~held_out))
    inner = make_split(rest, dataset.task, (1 - val, val, 0.0), seed, inner_groups)
    part = inner.subset.reindex(dataset.table["id"]).fillna("test")
    part.index.name = "id"
    return Split(part, f"one fold held out; the rest {inner.rule}", seed)
