"""FITS tables, written row by row: how wide text is and what is missing is known at the end, so the
rows wait in a temporary file."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc as ipc

from hubblefork.core.errors import first_line
from hubblefork.core.fits_parts import fits_parts
from hubblefork.core.tables.columns import (
    BATCH_BYTES,
    as_numpy,
    is_text,
    note,
    simple,
    simple_type,
    vector,
)
from hubblefork.core.tables.fits import OFFSETS, shifted
from hubblefork.core.tables.notes import Append
from hubblefork.core.temporary import temporary_folder

_BLOCK = 2880
_LETTERS = {"u1": "B", "i2": "I", "i4": "J", "i8": "K", "f4": "E", "f8": "D"}
_SHIFTED = {np.dtype(kind): (letter, zero) for (letter, zero), kind in OFFSETS.items()}
# Of these values of a type, from its ends on, one that no row has stands for a missing one.
_CANDIDATES = 16
# A file may be so much larger than the rows are without blanks at the end of text.
_LEAST_BYTES, _MOST_GROWTH = 1 << 30, 50
# A longer name would be cut where it is read.
LONGEST_NAME = 68
# The keyword of a note, with a number.
_NOTE = "HFNOTE"


@dataclass
class _Column:
    """What is to be known of a column before its first row can be written."""

    kind: pa.DataType  # of an element
    shape: tuple[int, ...]
    width: int = 1  # of text, in bytes
    nulls: bool = False
    used: set[int] = field(default_factory=set)  # of the candidates

    def see(self, column: pa.ChunkedArray, name: str) -> None:
        if is_text(self.kind):
            if pc.any(pc.match_substring(column, "\0")).as_py():
                raise ValueError(f"column {name!r} has text with a NUL, where FITS ends it")
            self.width = max(self.width, pc.max(pc.binary_length(column)).as_py() or 0)
        elif pa.types.is_integer(self.kind):
            values, mask = as_numpy(column)
            self.nulls = self.nulls or bool(mask.any())
            self.used |= set(values[~mask][np.isin(values[~mask], self._candidates())].tolist())

    def _candidates(self) -> np.ndarray:
        ends = np.iinfo(self.kind.to_pandas_dtype())
        steps = range(_CANDIDATES)
        values = [ends.max - each for each in steps] + [ends.min + each for each in steps]
        return np.array(values, ends.dtype)

    def stored(self) -> tuple[np.dtype, int | None]:
        """The type of the numbers as they are written, and the value of a missing one."""
        kind = np.dtype(self.kind.to_pandas_dtype())
        if not self.nulls:
            return kind, None
        free = [each for each in self._candidates().tolist() if each not in self.used]
        if free:
            return kind, free[0]
        if kind.itemsize == 8:
            raise ValueError("whole numbers that leave no value to stand for a missing one")
        wider = np.dtype(f"i{2 * kind.itemsize}")
        return wider, int(np.iinfo(wider).max)


@contextmanager
def writing_fits(
    file: IO[bytes], schema: pa.Schema, meta: Mapping[str, str], folder: Path
) -> Iterator[Append]:
    """Append tables to a FITS file, which is written on leaving. folder: for the temporary file."""
    simple_schema = pa.schema([each.with_type(simple_type(each.type)) for each in schema])
    columns = [_Column(*vector(each.type)) for each in simple_schema]
    with temporary_folder(folder) as place:
        rows = 0
        with ipc.new_file(place / "rows.arrow", simple_schema) as spool:

            def append(table: pa.Table) -> None:
                nonlocal rows
                table = simple(table).cast(simple_schema)
                for column, each in zip(columns, simple_schema, strict=True):
                    column.see(table[each.name], each.name)
                spool.write_table(table)
                rows += len(table)

            yield append
        _write(file, place / "rows.arrow", simple_schema, columns, rows, meta)


def _write(
    file: IO[bytes],
    spool: Path,
    schema: pa.Schema,
    columns: list[_Column],
    rows: int,
    meta: Mapping[str, str],
) -> None:
    from astropy.io import fits

    made = [_made(each, column) for each, column in zip(schema, columns, strict=True)]
    record = np.dtype([(str(place), *each[1]) for place, each in enumerate(made)])
    at_once = max(1, BATCH_BYTES // max(1, record.itemsize))
    _check_size(rows * record.itemsize, spool.stat().st_size, schema, columns)
    header = fits.BinTableHDU.from_columns([each[0] for each in made], nrows=0).header
    header["NAXIS1"], header["NAXIS2"] = record.itemsize, rows
    for place, each in enumerate(schema, 1):
        if text := note(each, "description"):
            header.set(f"TCOMM{place}", _ascii(text), after=f"TFORM{place}")
    for number, (key, value) in enumerate(meta.items(), 1):
        header[f"{_NOTE}{number}"] = _ascii(f"{key}: {value}")
    for each in (fits.PrimaryHDU().header, header):
        file.write(each.tostring().encode("ascii"))
    with pa.memory_map(str(spool)) as source, ipc.open_file(source) as reader:
        for batch in map(reader.get_batch, range(reader.num_record_batches)):
            for first in range(0, len(batch), at_once):
                table = pa.Table.from_batches([batch.slice(first, at_once)])
                records = np.zeros(len(table), record)
                for place, (column, (_, _, null)) in enumerate(zip(columns, made, strict=True)):
                    records[str(place)] = _raw(table.column(place), column, null)
                file.write(records.tobytes())
    file.write(bytes(-rows * record.itemsize % _BLOCK))


def _check_size(size: int, needed: int, schema: pa.Schema, columns: list[_Column]) -> None:
    """ValueError where one long text would make each row as long."""
    if size > max(_LEAST_BYTES, _MOST_GROWTH * needed):
        widest = max(range(len(columns)), key=lambda place: columns[place].width)
        raise ValueError(
            f"column {schema.names[widest]!r} has text of {columns[widest].width:,} bytes, as long "
            f"as each cell would be in FITS ({size >> 20:,} MB in all); write .parquet"
        )


def _made(each: pa.Field, column: _Column) -> tuple[Any, tuple[Any, ...], int | None]:
    """The astropy Column, the type and shape of a stored cell, and the value of a missing one."""
    from astropy.io import fits

    unit = _unit(note(each, "unit"))
    if is_text(column.kind):
        return fits.Column(each.name, f"{column.width}A", unit), (f"S{column.width}",), None
    repeat = int(np.prod(column.shape, dtype=int))
    dim = str(column.shape[::-1]).replace(" ", "") if len(column.shape) > 1 else None
    zero = null = raw_null = None
    if pa.types.is_boolean(column.kind):
        letter, stored = "L", np.dtype("i1")
    else:
        try:
            kind, null = column.stored()
        except ValueError as error:
            raise ValueError(f"column {each.name!r} has {error}") from None
        letter, zero = _SHIFTED.get(kind, (_LETTERS.get(kind.str[1:], ""), None))
        stored = np.dtype(_STORED[letter])
        raw_null = null
        if zero is not None and null is not None:
            raw_null = null - zero
    made = fits.Column(each.name, f"{repeat}{letter}", unit, raw_null, bzero=zero, dim=dim)
    return made, (stored.newbyteorder(">"), column.shape), null


_STORED = {"B": "u1", "I": "i2", "J": "i4", "K": "i8", "E": "f4", "D": "f8"}


def _raw(cells: pa.ChunkedArray, column: _Column, null: int | None) -> np.ndarray:
    """Cells as they are stored."""
    if is_text(column.kind):
        cells = cells.cast(pa.binary()).fill_null(b"")
        return cells.to_numpy(zero_copy_only=False).astype(f"S{column.width}")
    values, mask = as_numpy(cells)
    if pa.types.is_boolean(column.kind):
        return np.where(mask, 0, np.where(values, ord("T"), ord("F"))).astype("i1")
    if pa.types.is_floating(column.kind):
        return np.where(mask, values.dtype.type(np.nan), values)
    kind, _ = column.stored()
    values = values.astype(kind)
    if null is not None:
        values[mask] = null
    if kind in _SHIFTED:
        return shifted(values, np.dtype(_STORED[_SHIFTED[kind][0]]).type)
    return values


def _unit(text: str | None) -> str | None:
    """A unit as FITS writes it, where astropy knows it; else as it is."""
    from astropy import units

    if not text:
        return None
    try:
        return str(units.Unit(text).to_string("fits"))
    except (ValueError, TypeError):
        return _ascii(text)


def _ascii(text: str) -> str:
    """Text of ASCII, which headers need; other characters are escapes."""
    return text.encode("unicode_escape").decode("ascii")


def fits_meta(path: Path) -> dict[str, str]:
    """What `writing_fits` noted."""
    from astropy.io import fits

    with path.open("rb") as file:
        part = next((each for each in fits_parts(file) if each.is_table), None)
    if part is None:
        return {}
    header = fits.Header.fromstring(part.header)
    found = {}
    for number in range(1, len(header)):
        try:
            text = header.get(f"{_NOTE}{number}")
        except fits.VerifyError as error:
            raise ValueError(f"its header is damaged ({first_line(error)})") from None
        if text is None:
            break
        key, _, value = text.encode("ascii").decode("unicode_escape").partition(": ")
        found[key] = value
    return found
