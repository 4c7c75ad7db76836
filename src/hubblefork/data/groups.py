"""Which images show the same object, and so must stay in one subset of a split."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from hubblefork.core.errors import RequestError, nearest
from hubblefork.core.names import normalised
from hubblefork.data.companions import object_names, stems
from hubblefork.data.dataset import PackedDataset
from hubblefork.data.duplicates import connected, near_duplicates, without_crowds
from hubblefork.data.sky_positions import common_position, default_radius, extent, pairs_within


@dataclass(frozen=True)
class TieRules:
    """What keeps images together beside identical pixels and companion files.

    column: of which equal values do; None for `group`, if there is one.
    sky_radius: positions within so many arcsec do; 0 for none; None for those whose cut-outs
        overlap (`sky_positions.default_radius`).
    near_duplicates: whether images do that show the same, though their pixels differ.
    """

    column: str | None = None
    sky_radius: float | None = None
    near_duplicates: bool = True

    def __post_init__(self) -> None:
        if self.column is not None:  # as the columns of a source are called
            object.__setattr__(self, "column", normalised(self.column))


@dataclass(frozen=True, eq=False)
class Tie:
    """One reason for images to stay together.

    kind: `column`, `identical`, `companions`, `sky` or `near`. name: the same in words.
    pairs: of rows (n, 2). remedy: how it is loosened, in words; empty where it cannot be.
    """

    kind: str
    name: str
    pairs: np.ndarray = field(repr=False)
    remedy: str = ""

    def of_row(self, number: int) -> np.ndarray:
        """Return the group of each of so many rows by this tie alone."""
        return connected(self.pairs, number)


@dataclass(frozen=True, eq=False)
class Groups:
    """Images that stay together.

    of_row: the number of each row's group (N,), counted in the order of the rows.
    ties: what was looked for. notes: sentences on what was found that a user would not expect.
    """

    of_row: np.ndarray
    ties: tuple[Tie, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """What groups the rows, in words."""
        return [tie.name for tie in self.ties]

    def take(self, rows: np.ndarray) -> "Groups":
        """Return the groups of these rows alone, numbered in their order."""
        place = np.full(len(self.of_row), -1)
        place[rows] = np.arange(len(rows))
        ties = []
        for tie in self.ties:
            pairs = place[tie.pairs]
            ties.append(replace(tie, pairs=pairs[(pairs >= 0).all(axis=1)]))
        return Groups(pd.factorize(self.of_row[rows])[0], tuple(ties), self.notes)

    def blamed(self, rows: np.ndarray) -> str:
        """Say which tie has the most of these rows in one group, and what to do; or nothing."""
        most, words = 1, ""
        for tie in self.ties:
            largest = int(np.bincount(tie.of_row(len(self.of_row))[rows]).max(initial=0))
            if largest > most:
                most, words = largest, f"{tie.name} tie {largest:,} of them together"
                words += f": {tie.remedy}" if tie.remedy else ""
        return words


def dataset_groups(dataset: PackedDataset, rules: TieRules | None = None) -> Groups:
    """Return the groups of a packed dataset's images; see `find_groups`."""
    rules = rules or TieRules()
    pairs = near_duplicates(dataset)[0] if rules.near_duplicates else None
    return find_groups(dataset.table, rules, pairs)


def find_groups(
    table: pd.DataFrame, rules: TieRules | None = None, near: np.ndarray | None = None
) -> Groups:
    """Return the groups of a table's rows: whatever is connected, directly or through others.

    Rows are connected by equal values of a column, the same `digest`, file names in `origin` that
    are those of one object, positions (`ra`, `dec`) near one another, and the pairs `near` (n, 2)
    of near duplicates.

    Raises RequestError where there is no column of the name that the rules give.

    >>> table = pd.DataFrame({"digest": ["x", "y", "x", "z"], "group": ["A", "A", None, None]})
    >>> found = find_groups(table)
    >>> found.of_row, found.names
    (array([0, 0, 0, 1], dtype=int32), ['column group', 'identical images'])
    """
    rules = rules or TieRules()
    if rules.column is not None and rules.column not in table:
        raise RequestError(
            f"no column {rules.column!r} to group by; {nearest(rules.column, table.columns)}"
        )
    notes: list[str] = []
    ties = tuple(_ties(table, rules, near, notes))
    number = len(table)
    pairs = np.concatenate([np.empty((0, 2), np.int64), *(tie.pairs for tie in ties)])
    notes += [_note(tie, table) for tie in ties if tie.kind in _TOLD and len(tie.pairs)]
    return Groups(connected(pairs, number), ties, tuple(notes))


# Whoever names a column expects it to group, and identical images are no surprise.
_TOLD = ("companions", "sky", "near")


def _ties(
    table: pd.DataFrame, rules: TieRules, near: np.ndarray | None, notes: list[str]
) -> Iterator[Tie]:
    column = rules.column or "group"
    if column in table:
        yield Tie("column", f"column {column}", _equal_pairs(table[column]))
    if "digest" in table:
        yield Tie("identical", "identical images", _equal_pairs(table["digest"]))
    if "origin" in table:
        stem = stems(table["origin"])
        # One file in several rows is one image, or one with several labels: its digest tells.
        pairs = _equal_pairs(object_names(stem[stem.notna()]).reindex(table.index))
        if len(pairs := pairs[pairs[:, 0] != pairs[:, 1]]):
            yield Tie("companions", "companion files", pairs)
    if "ra" in table and "dec" in table and rules.sky_radius != 0:
        yield _sky_tie(table, rules.sky_radius, notes)
    if near is not None and len(near):
        pairs, crowd = without_crowds(near, len(table))
        if crowd:
            notes.append(
                f"{crowd:,} of {len(table):,} images look alike, each like another of them: too "
                "many to be copies of one object, so a split does not keep them together; equal "
                "values in a column `group` would"
            )
        if len(pairs):
            remedy = "--set split.tie_near_duplicates=false lets the split divide them"
            yield Tie("near", "near duplicates", pairs, remedy)


def _sky_tie(table: pd.DataFrame, radius: float | None, notes: list[str]) -> Tie:
    ra, dec = (table[each].to_numpy(float, copy=True) for each in ("ra", "dec"))
    if len(common := common_position(ra, dec)):
        notes.append(
            f"{len(common):,} of {len(table):,} images have the same sky position (ra "
            f"{ra[common[0]]:.5f}, dec {dec[common[0]]:.5f}), as cut-outs have that kept the "
            "header of the image they were cut from: it is not used to keep images together"
        )
        ra[common] = np.nan
    radius = default_radius(table) if radius is None else radius
    return Tie(
        "sky",
        f"sky positions within {radius:g} arcsec",
        pairs_within(ra, dec, radius),
        "--set split.sky_radius=1 sets a smaller distance, in arcsec, and 0 none",
    )


def _note(tie: Tie, table: pd.DataFrame) -> str:
    of_row = tie.of_row(len(table))
    size = np.bincount(of_row)
    tied, groups, largest = int(size[size > 1].sum()), int((size > 1).sum()), int(size.max())
    found = f"{largest:,} images"
    if tie.kind == "sky":
        rows = table[of_row == size.argmax()]
        found += f", {extent(rows['ra'].to_numpy(float), rows['dec'].to_numpy(float))} across"
    return (
        f"{tie.name} tie {tied:,} of {len(table):,} images into {groups:,} group"
        f"{'s' * (groups != 1)}, which stay together in a split (the largest: {found})"
        + (tie.remedy and f"; {tie.remedy}")
    )


def _equal_pairs(values: pd.Series) -> np.ndarray:
    """Pair each row with the first row of the same value, (n, 2); missing values are not paired."""
    codes, _ = pd.factorize(values)
    rows = np.flatnonzero(codes >= 0)
    _, first, inverse = np.unique(codes[rows], return_index=True, return_inverse=True)
    return np.column_stack([rows, rows[first][inverse]])


def commonest(group: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return each group's most common value (the lowest of several).

    >>> commonest(np.array([0, 0, 0, 1, 1]), np.array([5, 7, 7, 3, 2]))
    array([7, 2])
    """
    base = values.max() + 1
    pairs, count = np.unique(group * base + values, return_counts=True)
    owner, value = np.divmod(pairs, base)
    order = np.lexsort((value, -count, owner))
    _, first = np.unique(owner[order], return_index=True)
    return value[order][first]
