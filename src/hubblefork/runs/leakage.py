"""Images of a validation or test set that an earlier training has already learnt from."""

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


def require_unseen(
    weights: str | None, dataset: PackedDataset, split: Split
) -> dict[str, int | None]:
    """RequestError where the run that a training begins from has learnt from evaluation images.

    weights: a run folder, a model file, or others (or none), of which nothing has to be known.

    The test set must not overlap with the earlier run's training or validation set, and the
    validation set not with its training set. Returns the number of common images for `test` and
    `val`: 0, or None where it cannot be known; empty for other weights.
    """
    if not is_trained_model(weights):
        return {}
    overlap: dict[str, int | None] = {}
    for part, by in (("test", ("train", "val")), ("val", ("train",))):
        rows = split.rows(dataset, part)
        # A model file alone does not tell what it was trained on.
        known = Path(weights).is_dir()
        overlap[part] = count_learnt(Run.open(weights), dataset, rows, by) if known else None
        if overlap[part]:
            raise RequestError(
                f"{weights} was trained on {overlap[part]:,} of the {len(rows):,} {part} images; "
                "expected none: use its --seed and fractions, or another source"
            )
    unknown = [part for part, number in overlap.items() if number is None]
    if unknown:
        say(f"it is not known whether {weights} was trained on {' and '.join(unknown)} images")
    return overlap


def count_learnt(
    run: Run, dataset: PackedDataset, rows: np.ndarray, by: Sequence[str] = ("train", "val")
) -> int | None:
    """How many rows of a dataset are among the images of a run's sets `by`.

    Images are the same if they have one source and id, equal pixels, or one position on the sky.
    None where it cannot be known, since the run's packed images are no longer in the cache.
    """
    provenance = run.provenance
    own = open_packed(provenance.dataset, source=provenance.source)
    if own is None:
        return None
    split = Split.load(run.split)
    learnt = np.concatenate([split.rows(own, part) for part in by])
    tables = []
    for each, chosen in ((own, learnt), (dataset, rows)):
        known = [name for name in ("digest", "ra", "dec") if name in each.table]
        # An id of another source names another image.
        name = each.source + "\n" + each.table["id"]
        tables.append(each.table[known].assign(name=name).iloc[chosen])
    both = pd.concat(tables, ignore_index=True)
    groups, _ = find_groups(both, "name")
    return int(np.isin(groups[len(learnt) :], groups[: len(learnt)]).sum())
