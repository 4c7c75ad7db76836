"""What stands beside the images in a tar, as columns: classes, the values of .json, texts."""

from collections.abc import Sequence

import pandas as pd
import pyarrow as pa

from hubblefork.core.errors import first_few
from hubblefork.core.parsing import TooLarge, check_columns, check_memory, parse_json
from hubblefork.data.sources.image_tables import exact, ignored_note

# A label, a caption, or what a survey knows of an object.
MOST_BYTES = 1 << 20


def is_column(suffix: str) -> bool:
    """Whether members with this suffix are read as columns.

    >>> [is_column(each) for each in ("cls", "json", "meta.json", "txt", "jpg")]
    [True, True, True, True, False]
    """
    return suffix == "cls" or suffix.rpartition(".")[2] in ("json", "txt")


class SampleColumns:
    """Columns of which each sample may have any.

    size: bytes of the tars, which limit what the columns may take in memory.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._columns: dict[str, list[object]] = {}
        self._classes: list[object] = []
        self._nested: dict[str, str] = {}
        self._unreadable: list[str] = []

    def add(self, row: int, suffix: str, content: bytes, name: str) -> None:
        """Add what a member holds to the row of its sample.

        name: of the member. Raises TooLarge for more than a table can have.
        """
        before, _, kind = suffix.rpartition(".")
        try:
            text = content.decode("utf-8-sig").strip()
            if kind == "cls":
                _put(self._classes, row, text or None)
            elif kind == "txt":
                self._put(row, before or "txt", text or None)
            elif not isinstance(values := parse_json(text), dict):
                self._unreadable.append(name)
            else:
                for key, value in values.items():
                    column = f"{before}.{key}" if before else key
                    if isinstance(value, dict | list):
                        self._nested[column] = "nested"
                    else:
                        self._put(row, column, value)
        except TooLarge:
            raise
        except ValueError:  # also of what is no text in UTF-8
            self._unreadable.append(name)

    def _put(self, row: int, column: str, value: object) -> None:
        if value is None:
            return
        if column not in self._columns:
            check_columns(len(self._columns) + 1)
            check_memory(8 * (len(self._columns) + 1) * (row + 1), self._size)
        _put(self._columns.setdefault(column, []), row, value)

    def table(self, rows: int) -> pd.DataFrame:
        """Return the columns of so many rows; `label` is that of `.cls` members, if there are."""
        columns = self._columns | ({"label": self._classes} if self._classes else {})
        check_memory(8 * len(columns) * rows, self._size)
        for values in columns.values():
            values += [None] * (rows - len(values))
        arrays = {name: _array(values) for name, values in columns.items()}
        return exact(pa.table(arrays)).to_pandas().reindex(range(rows))

    def notes(self) -> list[str]:
        """Return sentences on what is not in the table."""
        notes = ignored_note(self._nested)
        if self._classes and "label" in self._columns:
            notes.append("The label is that of the .cls members; `label` in .json was not used.")
        if self._unreadable:
            notes.append(
                f"{len(self._unreadable):,} members are not text in UTF-8, or not JSON objects, "
                f"and were ignored: {first_few(self._unreadable)}."
            )
        return notes


def _put(column: list[object], row: int, value: object) -> None:
    column += [None] * (row + 1 - len(column))
    column[row] = value


def _array(values: Sequence[object]) -> pa.Array:
    """Return values as numbers or text; as text where they are of several kinds."""
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError):
        text = [None if each is None else str(each) for each in values]
        # JSON can hold halves of characters.
        return pa.array([each and each.encode("utf-8", "replace").decode() for each in text])
