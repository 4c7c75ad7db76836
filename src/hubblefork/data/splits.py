"""Divide a dataset into train, val and test: stratified, grouped, seeded and saved.

A split is made on ids, before any augmentation. Images that show the same thing (one group,
one position on the sky, the very same pixels) are always in the same part.
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
from hubblefork.data.dataset import PackedDataset
from hubblefork.data.groups import commonest, find_groups
from hubblefork.data.subsets import SUBSETS
from hubblefork.tasks.task import Task

DEFAULT_FRACTIONS = (0.8, 0.1, 0.1)

# Raised whenever the rules below would give another split for the same request.
_VERSION = 1

_FIRST_LINE = re.compile(r"# rule: (.*); seed: (\d+); sha256: ([0-9a-f]{64})")


@dataclass(frozen=True, eq=False)
class Split:
    """Which part each image belongs to.

    subset: "train", "val" or "test" for each id (the index).
    rule: in words, how the parts were chosen.
    seed: of the random choice.
    """

    subset: pd.Series = field(repr=False)
    rule: str
    seed: int

    @property
    def sha256(self) -> str:
        """SHA-256 over rule, seed, ids and parts."""
        return hashlib.sha256(
            f"{self.rule}\n{self.seed}\n{self._rows_as_csv()}".encode()
        ).hexdigest()

    def rows(self, dataset: PackedDataset, part: str) -> np.ndarray:
        """Return the row numbers of `dataset` that belong to `part`, in order, as (n,) int64."""
        if part not in SUBSETS:
            raise RequestError(f"no part is called {part!r}; {nearest(part, SUBSETS)}")
        parts = dataset.table["id"].map(self.subset)
        unknown = dataset.table["id"][parts.isna()]
        if len(unknown):
            raise RequestError(
                f"the split does not know {len(unknown):,} of the {len(dataset):,} images of "
                f"{dataset.source} ({first_few(unknown)}); it was made for other images"
            )
        return np.flatnonzero(parts == part)

    def counts(self) -> dict[str, int]:
        """Return the number of images in each part."""
        return {part: int((self.subset == part).sum()) for part in SUBSETS}

    def save(self, path: str | Path) -> None:
        """Write the split as CSV (id, subset) below one line with its rule, seed and hash."""
        with replacing(path) as file:
            file.write(f"# rule: {self.rule}; seed: {self.seed}; sha256: {self.sha256}\n")
            file.write(self._rows_as_csv())

    @classmethod
    def load(cls, path: str | Path) -> "Split":
        """Read what `save` wrote; RequestError if it is another file or was changed since."""
        with open(path, encoding="utf-8", newline="") as file:
            first, rest = file.readline(), file.read()
        match = _FIRST_LINE.fullmatch(first.rstrip("\r\n"))
        if not match:
            raise RequestError(
                f"{path} is no split of hubblefork; expected a first line '# rule: ...; seed: ...'"
            )
        rows = pd.read_csv(StringIO(rest), dtype=str, keep_default_na=False)
        part = rows.set_index("id")["subset"]
        split = cls(part, rule=match[1], seed=int(match[2]))
        if split.sha256 != match[3]:
            raise RequestError(
                f"{path} was changed after it was written: its hash does not fit; "
                "make the split again"
            )
        return split

    def _rows_as_csv(self) -> str:
        rows = pd.DataFrame({"id": self.subset.index, "subset": self.subset.to_numpy()})
        return rows.to_csv(index=False, lineterminator="\n")


def saved_split(
    dataset: PackedDataset,
    fractions: Sequence[float] = DEFAULT_FRACTIONS,
    seed: int = 0,
    group_column: str | None = None,
) -> Split:
    """Return the split of `dataset` by `make_split`, made once and kept beside its images."""
    request = json.dumps([_VERSION, [float(each) for each in fractions], seed, group_column])
    name = hashlib.sha256(request.encode()).hexdigest()[:16]
    path = dataset.path / "splits" / f"{name}.csv"
    if path.exists():
        return Split.load(path)
    split = make_split(dataset.table, dataset.task, fractions, seed, group_column)
    split.save(path)
    return split


def make_split(
    table: pd.DataFrame,
    task: Task,
    fractions: Sequence[float] = DEFAULT_FRACTIONS,
    seed: int = 0,
    group_column: str | None = None,
) -> Split:
    """Divide the rows of `table` into train, val and test.

    table: columns as in a packed dataset: `id`; labels; where known `digest`, `ra`, `dec`,
        `group`, and `split`, which is honoured: its val and test stay, and a part that it lacks
        is cut from its train.
    fractions: of train, val and test; they sum to 1, and val or test may be 0.
    group_column: a column whose equal values are never divided; None for `group` where there.

    Each class (for votes: the commonest first answer) is divided by itself, to within one
    image of its fraction where images stand alone. The order of the rows does not matter.

    Raises RequestError where a class has fewer images or groups than there are parts to fill,
    and where the source's own split leaves nothing to train.

    >>> from hubblefork.tasks.classes import Classes
    >>> table = pd.DataFrame({"id": list("abcdefghij"), "label": [0, 1] * 5})
    >>> make_split(table, Classes(("x", "y")), (0.6, 0.2, 0.2)).counts()
    {'train': 6, 'val': 2, 'test': 2}
    """
    fractions = _checked(fractions, seed)
    table = table.sort_values("id", kind="stable", ignore_index=True)
    group, grouping = find_groups(table, group_column)
    strata = task.strata(table)
    size = np.bincount(group)
    stratum = commonest(group, strata.codes)

    # Parts as numbers: 0 train, 1 val, 2 test; a higher one is more protected.
    part = np.zeros(len(size), np.int64)
    wanted = np.flatnonzero(fractions)
    rule = f"stratified by {strata.rule}"
    if "split" in table:
        given = table["split"].map(SUBSETS.index).to_numpy()
        if given.all():
            raise RequestError(
                "no image's split is train; expected images to learn from, and if this is a "
                "test set, hubblefork evaluate measures a run on it"
            )
        np.maximum.at(part, group, given)
        moved = int((part[group] != given).sum())
        wanted = np.setdiff1d(wanted, np.unique(given[given > 0]))
        rule = "as the source gives it" + (f", {moved} moved to stay with their like" * (moved > 0))
        if len(wanted) > 1:
            rule += " and " + " and ".join(SUBSETS[each] for each in wanted[1:]) + " cut from train"

    open_groups = np.flatnonzero(part == 0)
    if not strata.complete:
        stratum = _without_small(stratum, open_groups, len(wanted))
    for each, name in enumerate(strata.names):
        members = open_groups[stratum[open_groups] == each]
        if strata.complete:
            _check_enough(name, members, size, wanted)
        # A generator for each class: what is drawn for one does not depend on the others.
        random = np.random.default_rng([seed, each])
        part[members] = wanted[_deal(size[members], fractions[wanted], random)]

    fraction_words = ", ".join(f"{f:g} {name}" for f, name in zip(fractions, SUBSETS, strict=True))
    rule += f"; {fraction_words}" + (f"; grouped by {', '.join(grouping)}" if grouping else "")
    parts = np.array(SUBSETS)[part[group]]
    series = pd.Series(parts, index=pd.Index(table["id"], name="id"), name="subset", dtype="str")
    return Split(series, rule, seed)


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
    """Join strata with too few groups for every part to the largest one.

    Few galaxies are voted a star or artefact. Votes are no classes, so none has to be everywhere.
    """
    count = np.bincount(stratum[members])
    small = np.flatnonzero(count < least)
    return np.where(np.isin(stratum, small), count.argmax(), stratum)


def _check_enough(name: str, members: np.ndarray, size: np.ndarray, wanted: np.ndarray) -> None:
    if len(members) >= len(wanted):
        return
    images = int(size[members].sum())
    found = f"{images} image{'s' * (images != 1)}"
    if images != len(members):
        found += f" in {len(members)} group{'s' * (len(members) != 1)}"
    if len(wanted) == 1:
        raise RequestError(
            f"class {name!r} has {found} left for train; it needs some to learn from"
        )
    *others, last = (SUBSETS[each] for each in wanted)
    raise RequestError(
        f"class {name!r} has {found}, but a split into {', '.join(others)} and {last} needs "
        f"{len(wanted)}; add images or leave the class out"
    )


def _deal(size: np.ndarray, fractions: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Deal groups of these sizes to the parts; returns the part's place in `fractions` for each.

    In random order, but the larger before the smaller, each group goes to the part that lacks the
    most images. Every part gets a group as long as there are enough of them.
    """
    lacks = _quotas(int(size.sum()), fractions, random).tolist()
    without = set(range(len(fractions)))
    order = random.permutation(len(size))
    order = order[np.argsort(-size[order], kind="stable")]
    dealt = np.empty(len(size), np.int64)
    for place, each in enumerate(order):
        remaining = len(order) - place
        choice = without if without and remaining <= len(without) else range(len(lacks))
        to = max(choice, key=lambda part: (lacks[part], -part))
        dealt[each] = to
        lacks[to] -= size[each]
        without.discard(to)
    return dealt


def _quotas(number: int, fractions: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Divide `number` by `fractions` into whole numbers, none 0 where there are enough.

    What is left after rounding down goes to the largest remainders; chance chooses among equals.

    >>> random = np.random.default_rng(0)
    >>> shares = np.array([0.8, 0.1, 0.1])
    >>> _quotas(17, shares, random), _quotas(3, shares, random)
    (array([13,  2,  2]), array([1, 1, 1]))
    """
    exact = number * fractions / fractions.sum()
    # A hair above, so that 0.1 x 30 is 3 whatever the last bit says.
    quota = np.floor(exact + 1e-9).astype(np.int64)
    remainder = np.round(exact - quota, 9)
    largest_first = np.lexsort((random.random(len(quota)), -remainder))
    quota[largest_first[: number - quota.sum()]] += 1
    while number >= len(quota) and (quota == 0).any():
        quota[quota.argmax()] -= 1
        quota[quota.argmin()] += 1
    return quota
