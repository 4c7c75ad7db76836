"""CSV and TSV files with the types of their columns, found in a first pass, row by row.

Whole numbers are int64, or uint64 where they are larger; other numbers float64. Everything else is
text: words, `true` and `false`, dates, numbers with leading zeros, and columns of numbers that
would lose digits. An empty cell is missing, so empty text cannot be told from it.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from hubblefork.core.tables.csv import EXACT, read_header, text_batches

# Not -0, whose sign only a floating-point number has.
_WHOLE = r"^(?:\+?[0-9]+|-[1-9][0-9]*)$"
_LEADING_ZERO = r"^[+-]?0[0-9]"


def read_types(
    path: Path, text: Callable[[str], bool], delimiter: str | None = None
) -> tuple[pa.Schema, int, str]:
    """Return the columns of a CSV file, its number of rows, and its delimiter.

    text: by the name of a column, whether it is text whatever it holds.

    >>> _ = (folder / "a.csv").write_text("id,a,b,c\\n1,+1.5,007,18446744073709551615\\n2,,8,2\\n")
    >>> schema, rows, _ = read_types(folder / "a.csv", lambda name: name == "id")
    >>> [str(each) for each in schema.types], rows
    (['string', 'double', 'string', 'uint64'], 2)
    """
    names, delimiter = read_header(path, delimiter)
    found = [_Seen(number=not text(name)) for name in names]
    rows = 0
    for batch in text_batches(path, len(names), delimiter):
        rows += len(batch)
        for seen, cells in zip(found, batch.columns, strict=True):
            seen.see(cells)
    kinds = [seen.kind() for seen in found]
    return pa.schema(list(zip(names, kinds, strict=True))), rows, delimiter


def typed_tables(
    path: Path, schema: pa.Schema, columns: Sequence[str], delimiter: str
) -> Iterator[pa.Table]:
    """Yield the columns with the types that `read_types` found, about 8 MB of the file at once."""
    fields = [schema.field(name) for name in columns]
    places = [schema.get_field_index(name) for name in columns]
    for batch in text_batches(path, len(schema), delimiter):
        cells = [
            parsed(batch.column(place), field.type)
            for place, field in zip(places, fields, strict=True)
        ]
        yield pa.Table.from_arrays(cells, schema=pa.schema(fields))


def parsed(cells: pa.Array, kind: pa.DataType) -> pa.Array:
    """Numbers of text: exactly rounded, with or without a sign, and with blanks around."""
    if pa.types.is_string(kind):
        return cells
    return _stripped(cells).cast(kind)


def _stripped(cells: pa.Array) -> pa.Array:
    cells = pc.ascii_trim_whitespace(cells)
    return pc.replace_substring_regex(cells, r"^\+([0-9.])", r"\1")


class _Seen:
    """What the cells of a column, seen so far, can be read as."""

    def __init__(self, number: bool) -> None:
        self.number = number
        self.whole = True
        self.any = False
        self.low = self.high = 0

    def kind(self) -> pa.DataType:
        if not (self.number and self.any):
            return pa.string()
        if not self.whole:
            return pa.float64()
        return pa.int64() if self.high < 2**63 else pa.uint64()

    def see(self, cells: pa.Array) -> None:
        if not self.number:
            return
        cells = _stripped(cells.drop_null())
        if not len(cells):
            return
        self.any = True
        if _any_match(cells, _LEADING_ZERO):
            self.number = False
        elif self.whole and _all_match(cells, _WHOLE):
            self._see_whole(cells)
        else:
            self.whole = False
            self.number = max(-self.low, self.high) < EXACT and _are_numbers(cells)

    def _see_whole(self, cells: pa.Array) -> None:
        for kind in (pa.int64(), pa.uint64()):
            try:
                ends = pc.min_max(cells.cast(kind)).as_py()
            except pa.ArrowInvalid:
                continue
            self.low, self.high = min(self.low, ends["min"]), max(self.high, ends["max"])
            self.number = self.high < 2**63 or self.low >= 0
            return
        self.number = False


def _are_numbers(cells: pa.Array) -> bool:
    """Whether these are numbers, and floating-point numbers hold them."""
    try:
        numbers = cells.cast(pa.float64())
    except pa.ArrowInvalid:
        return False
    # Also 2^53 itself, to which the next number is rounded.
    large = cells.filter(pc.greater_equal(pc.abs(numbers), EXACT))
    too_large = cells.filter(pc.is_inf(numbers))
    return not _any_match(large, _WHOLE) and _all_match(too_large, r"(?i)^[+-]?inf")


def _all_match(cells: pa.Array, pattern: str) -> bool:
    return pc.all(pc.match_substring_regex(cells, pattern)).as_py() is not False


def _any_match(cells: pa.Array, pattern: str) -> bool:
    return pc.any(pc.match_substring_regex(cells, pattern)).as_py() is True
