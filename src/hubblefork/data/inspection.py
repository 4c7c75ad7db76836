"""What to know of a dataset before training, measured on packed images block by block.

`hubblefork inspect SOURCE` shows it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from hubblefork.core.errors import RequestError
from hubblefork.data.dataset import PackedDataset
from hubblefork.data.duplicates import connected, near_duplicates
from hubblefork.data.groups import Groups, TieRules, dataset_groups
from hubblefork.data.images.blank import BLANK
from hubblefork.data.sky_positions import SCALES
from hubblefork.data.splits import DEFAULT_FRACTIONS, Split, saved_split
from hubblefork.data.subsets import SUBSETS
from hubblefork.evaluation.vote_metrics import VoteSummary, summarise_votes

# Columns of a packed table that every source has, or that packing and splits use already.
OWN_COLUMNS = (
    "id",
    "label",
    "origin",
    "digest",
    "width",
    "height",
    "bands",
    "split",
    "ra",
    "dec",
    *SCALES,
)

# Ties whose groups are shown as they are; near duplicates have a similarity too.
_SHOWN = ("identical", "companions", "sky")

# A column can group images if it has enough values to fill the subsets of a split, and more than
# one image for most of them.
_FEWEST_GROUPS = 10

_BLOCK_BYTES = 32 << 20


@dataclass(frozen=True, eq=False)
class Alike:
    """Images that show, or seem to show, the same object.

    rows: of the dataset, two or more.
    differ: whether their labels differ.
    divided: whether the split has them in more than one subset.
    similarity: of the least similar pair that connects them, where that was measured.
    """

    rows: np.ndarray
    differ: bool
    divided: bool
    similarity: float | None = None


@dataclass(frozen=True)
class Column:
    """A column of a source's table with more information than the labels.

    values: how many different ones; known: how many images have one; examples: some of them.
    groups: whether it could keep images together; pure: whether each value is of one class.
    """

    name: str
    values: int
    known: int
    examples: tuple[str, ...]
    groups: bool
    pure: bool


@dataclass(frozen=True, eq=False)
class Inspection:
    """What was measured.

    names: of the classes; for votes, of the answers to the first question; or none.
    codes: the class of each image, or its commonest first answer (N,); None without labels.
    light: one row per image: brightness (mean, 0 to 255), std (of the mean of its channels),
        black and saturated (fractions of pixels with 0 in all, or 255 in any channel), and the mean
        of each channel in the columns 0, 1, ...
    identical, companions, near, same_place: images with identical packed bytes; files of one
        object; near duplicates; near one another on the sky (None where no positions are known,
        or none are looked at).
    groups: what a split keeps together.
    split: the split that training would use by default; None, with the reason in `refused`, where
        there is none.
    columns: further columns of the source's table.
    grouped: whether a column groups images already.
    """

    dataset: PackedDataset
    names: tuple[str, ...]
    codes: np.ndarray | None = field(repr=False)
    light: pd.DataFrame = field(repr=False)
    identical: list[Alike] = field(repr=False)
    companions: list[Alike] = field(repr=False)
    near: list[Alike] = field(repr=False)
    same_place: list[Alike] | None = field(repr=False)
    split: Split | None
    refused: str
    columns: list[Column]
    grouped: bool
    groups: Groups = field(repr=False)

    @cached_property
    def blank(self) -> np.ndarray:
        """The rows of images with almost no contrast."""
        return np.flatnonzero(self.light["std"] < BLANK)

    @cached_property
    def counts(self) -> np.ndarray:
        """Images of each class (K,)."""
        codes = np.empty(0, int) if self.codes is None else self.codes
        return np.bincount(codes, minlength=len(self.names))

    @cached_property
    def parts(self) -> dict[str, np.ndarray]:
        """Images of each class (K,) in each subset of the split that has any."""
        if self.split is None or self.codes is None:
            return {}
        rows = {part: self.split.rows(self.dataset, part) for part in SUBSETS}
        return {
            part: np.bincount(self.codes[rows[part]], minlength=len(self.names))
            for part in SUBSETS
            if len(rows[part])
        }

    @cached_property
    def votes(self) -> VoteSummary:
        """A summary of the votes. Raises RequestError where the labels are no votes."""
        return summarise_votes(self.dataset.labels, self.dataset.task.tree)


def inspect_dataset(
    dataset: PackedDataset,
    fractions: Sequence[float] = DEFAULT_FRACTIONS,
    seed: int = 0,
    rules: TieRules | None = None,
) -> Inspection:
    """Measure a packed dataset; only some numbers an image are held in memory.

    fractions, seed: of the split, as `saved_split` takes them. rules: what it keeps together.

    Raises RequestError where there is no column of the name that the rules give.
    """
    table = dataset.table
    rules = rules or TieRules()
    # Errors here are the user's mistake, not a property of the data.
    groups = dataset_groups(dataset, rules)
    light = measure_light(dataset.images)
    names: tuple[str, ...] = ()
    codes = None
    if dataset.task.label_columns:
        strata = dataset.task.strata(table)
        names, codes = strata.names, strata.codes
    split, refused = None, ""
    if codes is not None:
        try:
            split = saved_split(dataset, fractions, seed, groups)
        except RequestError as error:
            refused = str(error)
    part = None if split is None else pd.factorize(table["id"].map(split.subset))[0]

    def alike(rows: np.ndarray, similarity: float | None = None) -> Alike:
        differ = codes is not None and len(set(codes[rows])) > 1
        divided = part is not None and len(set(part[rows])) > 1
        return Alike(rows, differ, divided, similarity)

    by = {tie.kind: _sets(tie.of_row(len(table))) for tie in groups.ties if tie.kind in _SHOWN}
    together = {kind: [alike(rows) for rows in sets] for kind, sets in by.items()}
    return Inspection(
        dataset=dataset,
        names=names,
        codes=codes,
        light=light,
        identical=together["identical"],
        companions=together.get("companions", []),
        near=[alike(*each) for each in _tied(*near_duplicates(dataset))],
        same_place=together.get("sky"),
        split=split,
        refused=refused,
        columns=describe_columns(table, codes, rules.column, dataset.task.label_columns),
        grouped=(rules.column or "group") in table,
        groups=groups,
    )


def measure_light(images: np.ndarray) -> pd.DataFrame:
    """Measure the light of (N, H, W, C) uint8, as `Inspection.light` holds it.

    >>> measure_light(np.full((1, 4, 4, 3), 255, np.uint8)).loc[0, ["brightness", "saturated"]]
    brightness    255.0
    saturated       1.0
    Name: 0, dtype: float32
    """
    pixels, channels = images.shape[1] * images.shape[2], images.shape[3]
    columns = ["brightness", "std", "black", "saturated", *map(str, range(channels))]
    light = np.empty((len(images), len(columns)), np.float32)
    length = max(1, _BLOCK_BYTES // (pixels * channels))
    for start in range(0, len(images), length):
        block = images[start : start + length]
        # Channel by channel: sums over the last, short axis take ten times as long.
        planes = np.ascontiguousarray(np.moveaxis(block, 3, 0)).reshape(channels, len(block), -1)
        brightest = planes.max(axis=0)
        means = planes.mean(axis=2, dtype=np.float32).T
        light[start : start + length] = np.column_stack(
            [
                means.mean(axis=1),
                planes.mean(axis=0, dtype=np.float32).std(axis=1),
                (brightest == 0).mean(axis=1),
                (brightest == 255).mean(axis=1),
                means,
            ]
        )
    return pd.DataFrame(light, columns=columns)


def describe_columns(
    table: pd.DataFrame,
    codes: np.ndarray | None,
    group: str | None = None,
    labels: Collection[str] = (),
) -> list[Column]:
    """Describe the columns that are neither labels nor in every packed table.

    group: the column that the split groups by already, which is left out, as are the columns of
    the labels.

    >>> table = pd.DataFrame({"id": range(40), "species": [f"s{n // 2}" for n in range(40)]})
    >>> describe_columns(table, np.repeat([0, 1], 20))[0].groups
    True
    >>> describe_columns(pd.DataFrame({"z": np.float32([0.1, 0.25])}), None)[0].examples
    ('0.1', '0.25')
    """
    known_already = {*OWN_COLUMNS, *labels, group or "group"}
    described = []
    for name in table.columns:
        if name in known_already:
            continue
        number, values = pd.factorize(table[name])
        known = number >= 0
        # A number with decimals is a measurement, not the name of a group.
        names_groups = table[name].dtype.kind != "f"
        pure = False
        if codes is not None and known.any():
            pairs = np.unique(np.column_stack([number, codes])[known], axis=0)
            pure = len(pairs) == len(values)
        described.append(
            Column(
                name=str(name),
                values=len(values),
                known=int(known.sum()),
                examples=tuple(
                    f"{value:.6g}" if isinstance(value, float | np.floating) else str(value)
                    for value in values[:3]
                ),
                groups=names_groups and _FEWEST_GROUPS <= len(values) <= int(known.sum()) / 2,
                pure=pure,
            )
        )
    return described


def _sets(group: np.ndarray) -> list[np.ndarray]:
    """Return the rows of each group (N,) that has two or more, in the order of their first."""
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order])) + 1
    several = [rows for rows in np.split(order, starts) if len(rows) > 1]
    return sorted(several, key=lambda rows: rows[0])


def _tied(pairs: np.ndarray, similarity: np.ndarray) -> list[tuple[np.ndarray, float]]:
    """Return the sets of rows that pairs (n, 2) connect, and the smallest similarity in each.

    The most similar come first.
    """
    rows, place = np.unique(pairs, return_inverse=True)
    place = place.reshape(-1, 2)
    group = connected(place, len(rows))
    least = np.ones(len(rows))
    np.minimum.at(least, group[place[:, 0]], similarity)
    sets = [(np.sort(rows[members]), float(least[group[members[0]]])) for members in _sets(group)]
    return sorted(sets, key=lambda each: -each[1])
