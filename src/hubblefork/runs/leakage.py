"""Images to be measured on that an earlier training has learnt from already."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from hubblefork.core.errors import RequestError
from hubblefork.core.progress import say
from hubblefork.data.dataset import PackedDataset
from hubblefork.data.groups import find_groups
from hubblefork.data.packing import open_packed
from hubblefork.data.splits import Split
from hubblefork.models.warm_start import is_trained_model
from hubblefork.runs.run import Run
from hubblefork.training.recipe import Recipe


def require_unseen(recipe: Recipe, dataset: PackedDataset, split: Split) -> None:
    """RequestError where a run that a training begins from has learnt what is to be measured on.

    That is its test set, on which the earlier run may not have been chosen either, and its
    validation set.
    """
    weights = recipe.network.weights
    if not is_trained_model(weights):
        return
    for part, by in (("test", ("train", "val")), ("val", ("train",))):
        rows = split.rows(dataset, part)
        # A model file alone does not tell what it was trained on.
        there = Path(weights).is_dir()
        learnt = count_learnt(Run.open(weights), dataset, rows, by) if there else None
        if learnt is None:
            say(f"whether {weights} has learnt from images of the {part} part cannot be known")
            return
        if learnt:
            raise RequestError(
                f"{weights} has learnt from {learnt:,} of the {len(rows):,} {part} images; "
                "expected none: take its --seed and shares, or another source"
            )


def count_learnt(
    run: Run, dataset: PackedDataset, rows: np.ndarray, by: Sequence[str] = ("train", "val")
) -> int | None:
    """How many rows of a dataset were in a run's own parts: those it was trained or chosen on.

    The same are images of one source and id, of equal pixels, and of one place on the sky. None
    where it cannot be known, since the run's packed images are not in the cache any more.
    """
    own = open_packed(run.recipe["run"]["dataset"], source=run.recipe["run"]["source"])
    if own is None:
        return None
    split = Split.load(run.split)
    learnt = np.concatenate([split.rows(own, part) for part in by])
    tables = []
    for each, taken in ((own, learnt), (dataset, rows)):
        known = [name for name in ("digest", "ra", "dec") if name in each.table]
        # An id of another source names another image.
        name = each.source + "\n" + each.table["id"]
        tables.append(each.table[known].assign(name=name).iloc[taken])
    both = pd.concat(tables, ignore_index=True)
    groups, _ = find_groups(both, "name")
    return int(np.isin(groups[len(learnt) :], groups[: len(learnt)]).sum())
