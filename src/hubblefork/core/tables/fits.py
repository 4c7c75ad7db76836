"""Tables of FITS files, read in chunks of rows, also where they are gzipped.

Numbers keep their types: unsigned ones, which FITS stores with an offset, are exact. Missing are a
whole number that equals TNULL, a boolean that is neither T nor F, a NaN, and empty text. FITS does
not tell the last two from missing ones, nor text from the same with blanks at its end. Text is
ASCII by the standard; UTF-8 is read too.

Standard 4.0, 7.3: https://fits.gsfc.nasa.gov/fits_standard.html
"""

import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hubblefork.core.errors import first_line
from hubblefork.core.fits_parts import FitsPart, fits_parts
from hubblefork.core.parsing import check_columns, check_memory
from hubblefork.core.tables.astropy_tables import from_astropy
from hubblefork.core.tables.columns import (
    BATCH_BYTES,
    as_arrow,
    check_names,
    decoded,
    field,
)

# What is added to a stored number of a type gives one of another (FITS standard 4.0, table 19).
OFFSETS = {
    ("B", -128): np.int8,
    ("I", 2**15): np.uint16,
    ("J", 2**31): np.uint32,
    ("K", 2**63): np.uint64,
}
_LETTERS = {"L": "i1", "B": "u1", "I": "i2", "J": "i4", "K": "i8", "E": "f4", "D": "f8", "A": "S1"}
_TRUE, _FALSE = ord("T"), ord("F")


@dataclass(frozen=True)
class FitsTable:
    """The table of a FITS file. number: of the tables that the file has; this is the first."""

    path: Path
    part: FitsPart
    number: int
    schema: pa.Schema
    rows: int
    _columns: Sequence[Any]
    _record: np.dtype

    def tables(self, columns: Sequence[str], start: int) -> Iterator[pa.Table]:
        """Yield these columns from a row on, about 16 MB at a time."""
        fields = pa.schema([self.schema.field(name) for name in columns])
        places = [self.schema.get_field_index(name) for name in columns]
        width = self._record.itemsize
        at_once = max(1, BATCH_BYTES // max(1, width))
        with _opened(self.path) as file:
            for first in range(start, self.rows, at_once):
                rows = min(at_once, self.rows - first)
                file.seek(self.part.start + first * width)
                content = file.read(rows * width)
                if len(content) < rows * width:
                    raise ValueError(f"it ends before the last of its {self.rows:,} rows")
                records = np.frombuffer(content, self._record, rows)
                cells = [self._read(place, records[str(place)], file) for place in places]
                yield pa.Table.from_arrays(cells, schema=fields)

    def _read(self, place: int, raw: np.ndarray, file: IO[bytes]) -> pa.Array:
        column, kind = self._columns[place], self.schema.field(place).type
        if column.format.format in "PQ":
            return self._heap(column, kind, raw, file)
        return _cells(raw, column).cast(kind)

    def _heap(self, column: Any, kind: pa.DataType, raw: np.ndarray, file: IO[bytes]) -> pa.Array:
        """Vectors of different lengths, which lie behind the rows."""
        if _is_gzipped(self.path):
            raise ValueError(f"column {column.name!r} has vectors of different lengths; gunzip it")
        letter = column.format.p_format
        base = np.dtype(_LETTERS[letter]).newbyteorder(">")
        heap = self.part.number("THEAP", self.rows * self._record.itemsize)
        counts, offsets = raw[..., 0].ravel().astype(object), raw[..., 1].ravel().astype(object)
        check_memory(int(counts.sum()) * base.itemsize, self.part.size)
        parts = []
        for count, offset in zip(counts, offsets, strict=True):
            end = heap + offset + count * base.itemsize
            if count < 0 or offset < 0 or end > self.part.size:
                raise ValueError(f"column {column.name!r} points outside of the file")
            file.seek(self.part.start + heap + offset)
            parts.append(file.read(count * base.itemsize))
        if letter == "A":
            return _text(parts)
        values = np.frombuffer(b"".join(parts), base)
        if len(values) != counts.sum():
            raise ValueError("it is shorter than its header says")
        ends = np.cumsum([0, *counts], dtype=np.int64)
        column = pa.LargeListArray.from_arrays(ends, _scaled(values, letter, column))
        return column.cast(kind)


def open_fits(path: Path) -> FitsTable | pa.Table:
    """Open the first table of a FITS file; ValueError where it has none, or is damaged.

    A table whose cells are text (ASCII), as VizieR makes them, is read whole by astropy.
    """
    from astropy.io import fits
    from astropy.table import Table

    with _opened(path) as file:
        tables = [(place, part) for place, part in enumerate(fits_parts(file)) if part.is_table]
    if not tables:
        raise ValueError("it has no table, only images")
    place, part = tables[0]
    rows, width = part.number("NAXIS2", 0), part.number("NAXIS1", 0)
    if rows < 0 or width < 0:
        raise ValueError("its table has a negative size")
    check_columns(part.number("TFIELDS", 0))
    check_memory(width, path.stat().st_size)
    if not _is_gzipped(path) and part.start + part.size > path.stat().st_size:
        raise ValueError(f"it ends before the last of its {rows:,} rows; it is incomplete")
    try:
        if part.cards["XTENSION"].strip("' ") == "TABLE":
            check_memory(part.size, path.stat().st_size)
            return _without_blanks(from_astropy(Table.read(path, hdu=place)))
        columns = fits.BinTableHDU.fromstring(part.header).columns
        header = fits.Header.fromstring(part.header)
        comments = [header.get(f"TCOMM{place + 1}") for place in range(len(columns))]
    except fits.VerifyError as error:
        raise ValueError(f"its header is damaged ({first_line(error)})") from None
    layout = columns.dtype
    formats = [layout.fields[name] for name in layout.names or ()]
    record = np.dtype(
        {
            "names": [str(place) for place in range(len(formats))],
            "formats": [each[0].newbyteorder(">") for each in formats],
            "offsets": [each[1] for each in formats],
            "itemsize": width,
        }
    )
    names = [column.name or f"col{place + 1}" for place, column in enumerate(columns)]
    check_names(names)
    nothing = np.zeros(0, record)
    kinds = [_kind(column, nothing[str(place)]) for place, column in enumerate(columns)]
    fields = [
        field(name, kind, column.unit, comment)
        for name, kind, column, comment in zip(names, kinds, columns, comments, strict=True)
    ]
    return FitsTable(path, part, len(tables), pa.schema(fields), rows, list(columns), record)


def _without_blanks(table: pa.Table) -> pa.Table:
    """A table of text without the blanks that fill its cells, which astropy keeps in some."""
    for place, each in enumerate(table.schema):
        if pa.types.is_string(each.type):
            cells = pc.utf8_rtrim(table[each.name], " ")
            empty = pc.equal(cells, "")
            table = table.set_column(place, each, pc.if_else(empty, pa.scalar(None), cells))
    return table


def is_fits_table(path: Path) -> bool:
    """Whether a FITS file holds a table and no image."""
    found = False
    try:
        with _opened(path) as file:
            for part in fits_parts(file):
                if part.is_image:
                    return False
                found = found or part.is_table
    except (ValueError, OSError, EOFError, zlib.error):
        return False
    return found


def _is_gzipped(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


def _opened(path: Path) -> IO[bytes]:
    opener: Any = gzip.open if _is_gzipped(path) else open
    file: IO[bytes] = opener(path, "rb")
    return file


def _kind(column: Any, nothing: np.ndarray) -> pa.DataType:
    """The Arrow type of a column. nothing: no rows of it, as they are stored."""
    letter = column.format.format
    inner = column.format.p_format if letter in "PQ" else letter
    if inner not in _LETTERS and letter != "X":
        raise ValueError(
            f"column {column.name!r} has complex numbers; expected two columns of real ones"
            if inner in "CM"
            else f"column {column.name!r} has the unknown type {column.format}"
        )
    if letter not in "PQ":
        return _cells(nothing, column).type
    if inner == "A":
        return pa.string()
    return pa.list_(_scaled(np.zeros(0, _LETTERS[inner]), inner, column).type)


def _cells(raw: np.ndarray, column: Any) -> pa.Array:
    """The column that stored values stand for. raw: (rows, ...)."""
    letter, repeat = column.format.format, column.format.repeat
    if raw.dtype.itemsize == 0 or 0 in raw.shape[1:]:
        return pa.nulls(len(raw), pa.string() if letter == "A" else pa.null())
    if letter == "X":
        bits = np.unpackbits(raw.reshape(len(raw), prod(raw.shape[1:])), axis=1)
        return as_arrow(bits[:, :repeat].astype(bool))
    flat = raw.ravel()
    cells = _text(flat.tolist()) if letter == "A" else _scaled(flat, letter, column)
    for size in reversed(raw.shape[1:]):
        cells = pa.FixedSizeListArray.from_arrays(cells, size)
    return cells


def _scaled(flat: np.ndarray, letter: str, column: Any) -> pa.Array:
    """Stored numbers as those that they stand for, null where they are missing."""
    if letter == "L":
        return as_arrow(flat == _TRUE, (flat != _TRUE) & (flat != _FALSE))
    has_null = column.null not in (None, "") and flat.dtype.kind != "f"
    mask = flat == column.null if has_null else np.zeros(len(flat), bool)
    scale = 1 if column.bscale in (None, "") else column.bscale
    zero = 0 if column.bzero in (None, "") else column.bzero
    if scale == 1 and (letter, zero) in OFFSETS:
        flat = shifted(flat.astype(flat.dtype.newbyteorder("=")), OFFSETS[letter, zero])
    elif scale != 1 or zero != 0:
        flat = flat * float(scale) + float(zero)
    if flat.dtype.kind == "f":
        mask = mask | np.isnan(flat)
    return as_arrow(flat, mask)


def shifted(values: np.ndarray, to: type) -> np.ndarray:
    """Numbers as FITS stores those of the other sign, and back: half of their range is added.

    >>> shifted(np.array([-128, 127], np.int8), np.uint8), shifted(np.uint8([0, 255]), np.int8)
    (array([  0, 255], dtype=uint8), array([-128,  127], dtype=int8))
    """
    bits = 8 * values.dtype.itemsize
    unsigned = values.view(f"u{bits // 8}") ^ np.array(1 << (bits - 1), f"u{bits // 8}")
    return unsigned.view(to)


def _text(cells: list[bytes]) -> pa.Array:
    # A NUL ends text, and blanks at its end mean nothing.
    return decoded([each.split(b"\0", 1)[0].rstrip(b" ") or None for each in cells])
