"""Which rows of a table show the same object, and so must stay in one subset of a split."""

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from hubblefork.core.errors import RequestError, nearest

# Two images whose centres are nearer than this show the same galaxy: about half of a cut-out of
# Galaxy10 DECaLS (256 pixels of 0.262 arcsec), so that each has the other's centre in it.
SAME_POSITION_ARCSEC = 36.0


def find_groups(
    table: pd.DataFrame, group_column: str | None = None
) -> tuple[np.ndarray, list[str]]:
    """Return the number of each row's group (N,), and what groups rows, in words.

    Rows are connected by equal values of `group_column` (None for `group`, if any), by the same
    `digest`, and by positions (`ra`, `dec`) within SAME_POSITION_ARCSEC; groups are the connected
    components.

    >>> table = pd.DataFrame({"digest": ["x", "y", "x", "z"], "group": ["A", "A", None, None]})
    >>> find_groups(table)
    (array([0, 0, 0, 1], dtype=int32), ['column group', 'identical images'])
    """
    if group_column is not None and group_column not in table:
        raise RequestError(
            f"no column {group_column!r} to group by; {nearest(group_column, table.columns)}"
        )
    pairs, names = [], []
    column = group_column or "group"
    if column in table:
        pairs.append(_equal_pairs(table[column]))
        names.append(f"column {column}")
    if "digest" in table:
        pairs.append(_equal_pairs(table["digest"]))
        names.append("identical images")
    if "ra" in table and "dec" in table:
        pairs.append(_near_pairs(table["ra"].to_numpy(), table["dec"].to_numpy()))
        names.append(f"sky positions within {SAME_POSITION_ARCSEC:g} arcsec")
    if not pairs:
        return np.arange(len(table)), []
    return connected(np.concatenate(pairs), len(table)), names


def connected(pairs: np.ndarray, number: int) -> np.ndarray:
    """Return which group each of so many rows is in (number,), where pairs (n, 2) connect them.

    >>> connected(np.array([[0, 2]]), 3)
    array([0, 1, 0], dtype=int32)
    """
    graph = coo_array((np.ones(len(pairs), bool), tuple(pairs.T)), shape=(number, number))
    return connected_components(graph, directed=False)[1]


def _equal_pairs(values: pd.Series) -> np.ndarray:
    """Pair each row with the first row of the same value, (n, 2); missing values are not paired."""
    codes, _ = pd.factorize(values)
    rows = np.flatnonzero(codes >= 0)
    _, first, inverse = np.unique(codes[rows], return_index=True, return_inverse=True)
    return np.column_stack([rows, rows[first][inverse]])


def _near_pairs(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """Return the pairs of rows within SAME_POSITION_ARCSEC on the sky, as (n, 2)."""
    known = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec))
    if not len(known):
        return np.empty((0, 2), np.int64)
    a, d = np.radians(ra[known]), np.radians(dec[known])
    unit = np.column_stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)])
    # The chord between two directions that are this angle apart.
    chord = 2 * np.sin(np.radians(SAME_POSITION_ARCSEC / 3600) / 2)
    return known[cKDTree(unit).query_pairs(chord, output_type="ndarray")]


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
