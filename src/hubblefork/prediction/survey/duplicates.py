"""Repeated ids among any number of rows, found without holding the ids in memory."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

# Rows that are compared in memory at once, and that wait to be written: 24 bytes each.
_AT_ONCE, _WAITING = 500_000, 200_000

# Two hashes of 64 bits with different keys: among 10^9 ids, two different ones would count as
# the same with a probability of 10^-21.
_KEYS = ("hubblefork ids 1", "hubblefork ids 2")
_ROW = np.dtype([("first", np.uint64), ("second", np.uint64), ("row", np.int64)])


class IdCheck:
    """Ids are added as they come, and repeated ones are found at the end.

    folder: for files of 24 bytes a row, which are gone with it. expected: about how many rows come.

    >>> check = IdCheck(folder, expected=4)
    >>> check.add(np.array(["a", "b"], object)); check.add(np.array(["b", "b"], object))
    >>> check.repeated()
    (2, [2, 3])
    """

    def __init__(self, folder: Path, expected: int):
        self._row = 0
        self._waiting: list[np.ndarray] = []
        number = expected // _AT_ONCE + 1
        self._files = [folder / f"ids-{place}" for place in range(number)]
        for each in self._files:
            each.touch()

    def add(self, ids: np.ndarray) -> None:
        """Add the next ids, (n,) text."""
        rows = np.empty(len(ids), _ROW)
        for name, key in zip(("first", "second"), _KEYS, strict=True):
            rows[name] = pd.util.hash_array(ids, hash_key=key, categorize=False)
        rows["row"] = np.arange(self._row, self._row + len(ids))
        self._row += len(ids)
        self._waiting.append(rows)
        if sum(map(len, self._waiting)) >= _WAITING:
            self._write()

    def _write(self) -> None:
        rows = np.concatenate([np.empty(0, _ROW), *self._waiting])
        self._waiting = []
        places = rows["first"] % np.uint64(len(self._files))
        for place, path in enumerate(self._files):
            with path.open("ab") as file:
                file.write(rows[places == place].tobytes())

    def repeated(self, examples: int = 3) -> tuple[int, list[int]]:
        """How many rows have the id of an earlier one, and which are the first of them."""
        self._write()
        found = list(self._repeated())
        return sum(map(len, found)), sorted(int(r) for rows in found for r in rows)[:examples]

    def _repeated(self) -> Iterator[np.ndarray]:
        for path in self._files:
            rows = np.fromfile(path, _ROW)
            rows = rows[np.lexsort((rows["row"], rows["second"], rows["first"]))]
            same = (rows["first"][1:] == rows["first"][:-1]) & (
                rows["second"][1:] == rows["second"][:-1]
            )
            yield rows["row"][1:][same]
