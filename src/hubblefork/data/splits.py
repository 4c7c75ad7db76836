"""Split a dataset into training, validation and test set: stratified, grouped, seeded and saved.

A split is made on ids, before any augmentation. Images of the same object (one group, one position
on the sky, identical pixels) are always in the same subset.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd

from hubblefork.core.errors import RequestError, first_few, nearest
from hubblefork.core.files import replacing
from hubblefork.core.progress import say
from hubblefork.core.tables.csv import csv_text
from hubblefork.core.text import one_line
from hubblefork.data.dataset import PackedDataset
from hubblefork.data.groups import Groups, commonest, dataset_groups, find_groups
from hubblefork.data.subsets import SUBSETS
from hubblefork.tasks.task import Task

DEFAULT_FRACTIONS = (0.8, 0.1, 0.1)

# Raised whenever the rules below would give another split for the same request.
_VERSION = 1

_FIRST_LINE = re.compile(r"# rule: (.*); seed: (\d+); sha256: ([0-9a-f]{64})")


@dataclass(frozen=True, eq=False)
class Split:
    """Which subset each image belongs to.

    subset: "train", "val" or "test" for each id (the index).
    rule: how the subsets were chosen, in words.
    seed: of the random choice.
    """

    subset: pd.Series = field(repr=False)
    rule: str
    seed: int

    @property
    def sha256(self) -> str:
        """SHA-256 over rule, seed, ids and subsets."""
        return hashlib.sha256(
            f"{self.rule}\n{self.seed}\n{self._rows_as_csv()}".encode()
        ).hexdigest()

    def rows(self, dataset: PackedDataset, subset: str) -> np.ndarray:
        """Return the row numbers of `dataset` in a subset, in order, (n,) int64."""
        if subset not in SUBSETS:
            raise RequestError(f"no subset is called {subset!r}; {nearest(subset, SUBSETS)}")
        subsets = dataset.table["id"].map(self.subset)
        unknown = dataset.table["id"][subsets.isna()]
        if len(unknown):
            raise RequestError(
                f"the split does not know {len(unknown):,} of the {len(dataset):,} images of "
                f"{dataset.source} ({first_few(unknown)}); it was made for other images"
            )
        return np.flatnonzero(subsets == subset)

    def counts(self) -> dict[str, int]:
        """Return the number of images in each subset."""
        return {each: int((self.subset == each).sum()) for each in SUBSETS}

    def save(self, path: str | Path) -> None:
        """Write the split as CSV (id, subset) below one line with its rule, seed and hash."""
        with replacing(path) as file:
            file.write(f"# rule: {self.rule}; seed: {self.seed}; sha256: {self.sha256}\n")
            file.write(self._rows_as_csv())

    @classmethod
    def load(cls, path: str | Path) -> "Split":
        """Read what `save` wrote; RequestError if it is another file or was edited since."""
        with open(path, encoding="utf-8", newline="") as file:
            first, rest = file.readline(), file.read()
        match = _FIRST_LINE.fullmatch(first.rstrip("\r\n"))
        if not match:
            raise RequestError(
                f"{path} is not a saved split; expected a first line '# rule: ...; seed: ...'"
            )
        try:
            rows = pd.read_csv(StringIO(rest), dtype=str, keep_default_na=False)
            subset = rows.set_index("id")["subset"]
        except (ValueError, KeyError):
            raise RequestError(
                f"{path} has no table of id and subset below its first line; make the split again"
            ) from None
        split = cls(subset, rule=match[1], seed=int(match[2]))
        if split.sha256 != match[3]:
            raise RequestError(
                f"{path} was changed after it was written: its hash differs; make the split again"
            )
        return split

    def _rows_as_csv(self) -> str:
        rows = pd.DataFrame({"id": self.subset.index, "subset": self.subset.to_numpy()})
        return csv_text(rows)


def saved_split(
    dataset: PackedDataset,
    fractions: Sequence[float] = DEFAULT_FRACTIONS,
    seed: int = 0,
    groups: Groups | None = None,
) -> Split:
    """Return the split of `dataset` by `make_split`, made once and kept beside its images.

    groups: of its images; None for those that `dataset_groups` finds.
    """
    groups = groups or dataset_groups(dataset)
    together = hashlib.sha256(groups.of_row.astype("<i8").tobytes()).hexdigest()
    request = [_VERSION, [float(each) for each in fractions], seed, groups.names, together]
    name = hashlib.sha256(json.dumps(request).encode()).hexdigest()[:16]
    path = dataset.path / "splits" / f"{name}.csv"
    if path.exists():
        try:
            return Split.load(path)
        except (RequestError, OSError, ValueError, KeyError):
            say(f"the split at {path} is damaged; making it again")
    split = make_split(dataset.table, dataset.task, fractions, seed, groups)
    split.save(path)
    return split


def make_split(
    table: pd.DataFrame,
    task: Task,
    fractions: Sequence[float] = DEFAULT_FRACTIONS,
    seed: int = 0,
    groups: Groups | None = None,
) -> Split:
    """Split the rows of `table` into training, validation and test set.

    table: columns as in a packed dataset: `id`; labels; and where known `split`, which is kept: its
        val and test stay, and a subset that it lacks is drawn from its train.
    fractions: of train, val and test; they sum to 1, and val or test may be 0.
    groups: of the rows, each of which stays together; None for those that `find_groups` finds.

    Each class (for votes: the commonest first answer) is split separately, to within one image of
    its fraction where there are no groups. The order of the rows does not matter.

    Raises RequestError where a class has fewer images or groups than there are subsets to fill,
    and where the source's own split leaves no training set.

    >>> from hubblefork.tasks.classes import Classes
    >>> table = pd.DataFrame({"id": list("abcdefghij"), "label": [0, 1] * 5})
    >>> make_split(table, Classes(("x", "y")), (0.6, 0.2, 0.2)).counts()
    {'train': 6, 'val': 2, 'test': 2}
    """
    checked = _checked(fractions, seed)
    groups = groups or find_groups(table)
    order = np.argsort(table["id"].to_numpy(object), kind="stable")
    table, groups = table.iloc[order].reset_index(drop=True), groups.take(order)
    group, grouping = groups.of_row, groups.names
    strata = task.strata(table)
    size = np.bincount(group)
    stratum = commonest(group, strata.codes)

    # Subsets as numbers: 0 train, 1 val, 2 test; groups go to the highest that any image has.
    subset = np.zeros(len(size), np.int64)
    wanted = np.flatnonzero(checked)
    rule = f"stratified by {strata.rule}"
    if "split" in table:
        given = table["split"].map(SUBSETS.index).to_numpy()
        if given.all():
            raise RequestError(
                "no image's split is train; expected images to learn from; hubblefork evaluate "
                "measures a run on a test set"
            )
        np.maximum.at(subset, group, given)
        moved = int((subset[group] != given).sum())
        wanted = np.setdiff1d(wanted, np.unique(given[given > 0]))
        rule = "as the source gives it" + (
            f", {moved} moved to stay with their group" * (moved > 0)
        )
        if len(wanted) > 1:
            rule += " and " + " and ".join(SUBSETS[each] for each in wanted[1:]) + " cut from train"

    open_groups = np.flatnonzero(subset == 0)
    if not strata.complete:
        stratum = _without_small(stratum, open_groups, len(wanted))
    for each, name in enumerate(strata.names):
        members = open_groups[stratum[open_groups] == each]
        if strata.complete:
            rows = np.flatnonzero((strata.codes == each) & (subset[group] == 0))
            _check_enough(name, len(members), rows, wanted, groups)
        # A generator for each class: one class does not depend on the others.
        random = np.random.default_rng([seed, each])
        subset[members] = wanted[_assign(size[members], checked[wanted], random)]

    fraction_words = ", ".join(f"{f:g} {name}" for f, name in zip(checked, SUBSETS, strict=True))
    rule += f"; {fraction_words}" + (f"; grouped by {', '.join(grouping)}" if grouping else "")
    words = np.array(SUBSETS)[subset[group]]
    series = pd.Series(words, index=pd.Index(table["id"], name="id"), name="subset", dtype="str")
    return Split(series, one_line(rule), seed)


def _checked(fractions: Sequence[float], seed: int) -> np.ndarray:
    values = np.array(fractions, float)
    sensible = values.shape == (3,) and np.all(values >= 0) and abs(values.sum() - 1) < 1e-6
    if not sensible or values[0] == 0:
        raise RequestError(
            f"fractions are {tuple(fractions)}; expected three for train, val and test that sum "
            "to 1, with train above 0"
        )
    if seed < 0:
        raise RequestError(f"seed is {seed}; expected 0 or a positive whole number")
    return values


def _without_small(stratum: np.ndarray, members: np.ndarray, least: int) -> np.ndarray:
    """Join strata with too few groups for every subset to the largest one.

    Few galaxies are voted a star or artefact; votes are not classes, so none has to be everywhere.
    """
    count = np.bincount(stratum[members])
    small = np.flatnonzero(count < least)
    return np.where(np.isin(stratum, small), count.argmax(), stratum)


def _check_enough(
    name: str, groups_of_it: int, rows: np.ndarray, wanted: np.ndarray, groups: Groups
) -> None:
    """RequestError where a class, whose images are these rows, has too few groups of its own."""
    if groups_of_it >= len(wanted):
        return
    found = f"{len(rows):,} image{'s' * (len(rows) != 1)}"
    if len(rows) != groups_of_it:
        found += f" in {groups_of_it} group{'s' * (groups_of_it != 1)}"
    if len(wanted) == 1:
        raise RequestError(
            f"class {name!r} has {found} left for train; it needs some to learn from"
        )
    *others, last = (SUBSETS[each] for each in wanted)
    blamed = groups.blamed(rows)
    raise RequestError(
        f"class {name!r} has {found}, but a split into {', '.join(others)} and {last} needs "
        f"{len(wanted)}" + (f"; {blamed}" if blamed else "; add images or leave the class out")
    )


def _assign(size: np.ndarray, fractions: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Assign groups of these sizes to the subsets; returns an index into `fractions` for each.

    In random order, but the larger before the smaller, each group goes to the subset that lacks
    the most images. Every subset gets a group as long as there are enough of them.
    """
    lacks = _quotas(int(size.sum()), fractions, random).tolist()
    without = set(range(len(fractions)))
    order = random.permutation(len(size))
    order = order[np.argsort(-size[order], kind="stable")]
    assigned = np.empty(len(size), np.int64)
    for place, each in enumerate(order):
        remaining = len(order) - place
        choice = without if without and remaining <= len(without) else range(len(lacks))
        to = max(choice, key=lambda subset: (lacks[subset], -subset))
        assigned[each] = to
        lacks[to] -= size[each]
        without.discard(to)
    return assigned


def _quotas(number: int, fractions: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Divide `number` by `fractions` into whole numbers, none 0 where there are enough.

    What is left after rounding down goes to the largest remainders; ties are drawn at random.

    >>> random = np.random.default_rng(0)
    >>> fractions = np.array([0.8, 0.1, 0.1])
    >>> _quotas(17, fractions, random), _quotas(3, fractions, random)
    (array([13,  2,  2]), array([1, 1, 1]))
    """
    exact = number * fractions / fractions.sum()
    # Slightly above, so that rounding errors do not make 0.1 x 30 less than 3.
    quota = np.floor(exact + 1e-9).astype(np.int64)
    remainder = np.round(exact - quota, 9)
    largest_first = np.lexsort((random.random(len(quota)), -remainder))
    quota[largest_first[: number - quota.sum()]] += 1
    while number >= len(quota) and (quota == 0).any():
        quota[quota.argmax()] -= 1
        quota[quota.argmin()] += 1
    return quota
