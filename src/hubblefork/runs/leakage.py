"""Images of a validation or test set that an earlier training has already learnt from."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from hubblefork.core.errors import RequestError
from hubblefork.core.progress import say
from hubblefork.data.companions import names_object, object_names
from hubblefork.data.dataset import PackedDataset
from hubblefork.data.duplicates import similar_across, without_crowds
from hubblefork.data.sky_positions import common_position, default_radius, near_to
from hubblefork.data.sources.path_options import absolute_source, is_in_memory
from hubblefork.data.splits import Split
from hubblefork.models.shipped import read_card, shipped_file
from hubblefork.models.warm_start import is_trained_model
from hubblefork.runs.learnt import describe, flat_of, read_learnt
from hubblefork.runs.run import Run

# How an image was found among those learnt from, in words; it counts for the first that applies.
_WORDS = {
    "same_id": "of the same source and id",
    "same_object": "of the same object name",
    "identical": "with identical pixels",
    "near_duplicate": "near duplicates",
    "same_position": "at the same sky position",
}


@dataclass(frozen=True)
class Overlap:
    """How many images of a set a run has learnt from.

    by: the number found in each way; an image counts for the first way only.
    rows: (number,) which images of the set these are.
    same_name: further images whose file has the name of another in training: perhaps by chance.
    example: one such name.
    """

    by: dict[str, int]
    rows: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64), compare=False)
    same_name: int = 0
    example: str = ""

    @property
    def number(self) -> int:
        return sum(self.by.values())

    @property
    def words(self) -> str:
        """How they were found, as in `20 with identical pixels, 29 near duplicates`."""
        return ", ".join(f"{number:,} {_WORDS[way]}" for way, number in self.by.items() if number)


def require_unseen(
    weights: str | None, dataset: PackedDataset, split: Split
) -> dict[str, int | None]:
    """RequestError where the run that a training begins from has learnt from evaluation images.

    weights: a run folder, a model file, or others (or none), of which nothing has to be known.

    The test set must not overlap with the earlier run's training or validation set, and the
    validation set not with its training set; near duplicates are told, since they may be of two
    objects. Returns the number of common images for `test` and
    `val`: 0, or None where it cannot be known; empty for other weights.
    """
    if not is_trained_model(weights):
        return {}
    numbers: dict[str, int | None] = {}
    for part, by in (("test", ("train", "val")), ("val", ("train",))):
        rows = split.rows(dataset, part)
        # A model file alone does not tell what it was trained on.
        known = Path(weights).is_dir()
        overlap = find_learnt(Run.open(weights), dataset, rows, by) if known else None
        numbers[part] = None if overlap is None else overlap.number
        if overlap is None or not overlap.number:
            continue
        found = f"{overlap.number:,} of the {len(rows):,} {part} images ({overlap.words})"
        if overlap.by["near_duplicate"] < overlap.number:
            raise RequestError(
                f"{weights} was trained on {found}; expected none: use its --seed and fractions, "
                "or another source"
            )
        say(f"{weights} was trained on images that look like {found}")
    unknown = [part for part, number in numbers.items() if number is None]
    if unknown and shipped_file(weights):
        say(f"{weights} has learnt from: {read_card(weights).learnt_from}")
    elif unknown:
        say(f"it is not known whether {weights} was trained on {' and '.join(unknown)} images")
    return numbers


def find_learnt(
    run: Run, dataset: PackedDataset, rows: np.ndarray, by: Sequence[str] = ("train", "val")
) -> Overlap | None:
    """Find the rows of a dataset that are among the images of a run's sets `by`.

    Images are the same if they have one source and id, or the name of one object; equal pixels, or
    pixels that show the same (near duplicates, also rotated or flipped); or one position on the
    sky, within the radius that the run was split by. None where it cannot be known: the run folder
    has no `learnt.parquet`, and its packed images are no longer in the cache.
    """
    learnt = read_learnt(run)
    if learnt is None:
        return None
    learnt = learnt[learnt["subset"].isin(by)].reset_index(drop=True)
    table = describe(dataset, rows)
    same_object, same_name = _named_alike(learnt, table)
    ways = {
        "same_id": _is_of(dataset, run) & table["id"].isin(learnt["id"]),
        "same_object": same_object,
        "identical": table["digest"].isin(learnt["digest"]),
        # The split of one dataset has looked for these already.
        "near_duplicate": dataset.key != run.provenance.dataset and _look_alike(learnt, table),
        "same_position": _at_one_place(learnt, table, run.recipe.split.sky_radius),
    }
    found = np.zeros(len(table), bool)
    numbers = {}
    for way, same in ways.items():
        numbers[way] = int(np.sum(same & ~found))
        found |= np.asarray(same)
    called = table["path"][same_name & ~found]
    return Overlap(numbers, rows[found], len(called), next(iter(called), ""))


def _is_of(dataset: PackedDataset, run: Run) -> bool:
    """Whether a dataset is of the source that a run was trained on, so that one id is one image."""
    about = run.provenance
    same_place = absolute_source(dataset.source) == about.location
    return dataset.key == about.dataset or (same_place and not is_in_memory(dataset.source))


def _named_alike(learnt: pd.DataFrame, table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Which rows (N,) have the name of an object learnt from, and which the path of its file.

    A path is that of a file in its folder, in another band or format perhaps: `disk/12`.
    """
    path = pd.concat([learnt["path"], table["path"]], ignore_index=True)
    path = object_names(path.dropna().astype("str")).reindex(path.index)
    path = path.map(lambda each: "/".join(each.split("/")[-2:]), na_action="ignore")
    ids = pd.concat([learnt["id"], table["id"]], ignore_index=True)
    number = len(learnt)
    names = pd.DataFrame({"id": ids, "path": path})
    names = names.map(lambda each: each.rpartition("/")[2], na_action="ignore")
    telling = names.where(names.map(names_object, na_action="ignore").eq(True))
    objects = set(telling[:number].stack().dropna())
    same_object = telling[number:].isin(objects).any(axis=1).to_numpy()
    return same_object, path[number:].isin(path[:number].dropna()).to_numpy()


def _look_alike(learnt: pd.DataFrame, table: pd.DataFrame) -> np.ndarray:
    """Which rows (N,) are near duplicates of an image learnt from."""
    (before, _), (now, rows) = flat_of(learnt), flat_of(table)
    pairs = similar_across(before, now)
    pairs, crowd = without_crowds(pairs, len(before) + len(now))
    if crowd:
        say(
            f"{crowd:,} images, here and in training, all look alike: too many to be copies of one "
            "object; which of them are the same cannot be told from their pixels"
        )
    same = np.zeros(len(table), bool)
    same[rows[pairs[:, 1] - len(before)]] = True
    return same


def _at_one_place(learnt: pd.DataFrame, table: pd.DataFrame, radius: float | None) -> np.ndarray:
    """Which rows (N,) are near an image learnt from on the sky, within a radius in arcsec."""
    if radius == 0 or not {"ra", "dec"} <= set(learnt) & set(table):
        return np.zeros(len(table), bool)
    places = []
    for each in (table, learnt):
        ra, dec = (each[name].to_numpy(float, copy=True) for name in ("ra", "dec"))
        ra[common_position(ra, dec)] = np.nan
        places.append((ra, dec))
    (ra, dec), others = places
    return near_to(ra, dec, *others, default_radius(learnt) if radius is None else radius)
