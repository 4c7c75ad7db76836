"""VOTables (https://www.ivoa.net/documents/VOTable/), read row by row.

The element FIELD and the cells are read by astropy's own converters. Rows that are XML are read one
after another; those that are base64 (BINARY, BINARY2) are one piece of text, and in memory as such.
Missing text and empty text are the same but in BINARY2.
"""

import base64
import re
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from hubblefork.core.parsing import TooLarge, check_columns
from hubblefork.core.tables.columns import (
    check_names,
    field,
)
from hubblefork.core.tables.notes import PREFIX

_TYPES = {
    "boolean": pa.bool_(),
    "bit": pa.bool_(),
    "unsignedByte": pa.uint8(),
    "short": pa.int16(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
}
# Scalars of BINARY and BINARY2.
_STRUCTS = {
    "unsignedByte": "B",
    "short": ">h",
    "int": ">i",
    "long": ">q",
    "float": ">f",
    "double": ">d",
}
# The `xtype` of text that is whole numbers without sign.
LARGE = "uint64"
_ROWS = 4096
# Elements of a vector: astropy allocates them for each column.
_MOST_ELEMENTS = 1 << 20
_DATA = ("TABLEDATA", "BINARY", "BINARY2", "FITS", "PARQUET")

Event = tuple[bool, str, Any, Any]


class _Header:
    """Hands all events to astropy but those of the data, of which it notes what they are."""

    def __init__(self) -> None:
        self.tables = self.rows = 0
        self.data: str | None = None

    def __call__(self, events: Iterator[Event]) -> Iterator[Event]:
        inside = False
        for start, tag, data, pos in events:
            if tag == "DATA":
                inside = start
            elif inside:
                self._note(start, tag, data)
                continue
            if start and tag == "TABLE":
                self.tables += 1
                # astropy would allocate as many rows as it says.
                data = {key: value for key, value in data.items() if key != "nrows"}
            if start and tag in ("FIELD", "PARAM"):
                _check_size(data)
            yield start, tag, data, pos

    def _note(self, start: bool, tag: str, data: Any) -> None:
        if start and tag in _DATA:
            self.data = tag
        if start and tag == "STREAM" and "href" in data:
            raise ValueError("its rows are in another file; expected them in this one")
        self.rows += start and tag == "TR"


def _check_size(attributes: Mapping[str, str]) -> None:
    sizes = [int(each) for each in re.findall(r"\d{1,18}", attributes.get("arraysize", ""))]
    if prod(sizes) > _MOST_ELEMENTS:
        raise TooLarge(
            f"column {attributes.get('name')!r} has {prod(sizes):,} elements in each row; expected "
            f"at most {_MOST_ELEMENTS:,}"
        )


@contextmanager
def _events(path: Path) -> Iterator[Iterator[Event]]:
    from astropy.utils.xml.iterparser import get_xml_iterator

    with path.open("rb") as file, get_xml_iterator(file) as events:
        yield events


class VOTable:
    """The table of a VOTable file.

    Raises ValueError where it has none or several, refers to other files, or is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        header = _Header()
        with _events(path) as events:
            self._file = _parsed(header(events))
        if header.tables != 1:
            raise ValueError(f"it has {header.tables or 'no'} tables; expected one")
        if header.data in ("FITS", "PARQUET"):
            raise ValueError(f"its rows are {header.data}; expected TABLEDATA, BINARY or BINARY2")
        self._data = header.data
        # Only the rows of XML are counted.
        self.rows = None if header.data in ("BINARY", "BINARY2") else header.rows
        self._fields = list(self._file.get_first_table().fields)
        check_columns(len(self._fields))
        check_names([each.name for each in self._fields])
        self.schema = pa.schema(
            [field(each.name, _kind(each), each.unit, _description(each)) for each in self._fields]
        )

    def tables(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Yield these columns, some thousand rows at a time."""
        places = [self.schema.get_field_index(name) for name in columns]
        wanted = pa.schema([self.schema.field(place) for place in places])
        rows: list[Sequence[Any]] = []
        for row in self._rows(places):
            rows.append(row)
            if len(rows) == _ROWS:
                yield _table(rows, wanted)
                rows = []
        if rows:
            yield _table(rows, wanted)

    def meta(self) -> dict[str, str]:
        """What `writing_votable` noted."""
        infos = [each for each in self._file.infos if each.name.startswith(PREFIX)]
        return {each.name.removeprefix(PREFIX): each.value for each in infos}

    def _rows(self, places: Sequence[int]) -> Iterator[list[Any]]:
        if self._data is None:
            return
        with _events(self.path) as events:
            for start, tag, data, _ in events:
                if self._data == "TABLEDATA" and start and tag == "TR":
                    yield self._xml_row(events, places)
                elif not start and tag == "STREAM":
                    yield from self._binary_rows(data, places)

    def _xml_row(self, events: Iterator[Event], places: Sequence[int]) -> list[Any]:
        cells: list[str] = []
        line = None
        for start, tag, data, pos in events:
            line = pos[0]
            if start and data.get("encoding"):
                raise ValueError(f"line {line}: a cell in base64; expected text")
            if not start and tag == "TD":
                cells.append(data)
            elif not start and tag == "TR":
                break
        if len(cells) != len(self._fields):
            raise ValueError(
                f"line {line}: a row of {len(cells):,} cells; expected {len(self._fields):,}"
            )
        try:
            return [_xml_cell(self._fields[place], cells[place]) for place in places]
        except ValueError as error:
            raise ValueError(f"the row that ends in line {line}: {error}") from None

    def _binary_rows(self, text: str, places: Sequence[int]) -> Iterator[list[Any]]:
        content = base64.b64decode(text)
        stream = BytesIO(content)
        # Only BINARY2 tells what is missing from NaN and from empty text.
        readers = [_binary_reader(each, self._data == "BINARY2") for each in self._fields]
        mask_bytes = -(-len(self._fields) // 8) if self._data == "BINARY2" else 0

        def read(length: int) -> bytes:
            found = stream.read(length)
            if len(found) < length:
                raise ValueError("it ends in the middle of a row; it is incomplete")
            return found

        while stream.tell() < len(content):
            bits = np.unpackbits(np.frombuffer(read(mask_bytes), np.uint8)).tolist()
            row = [reader(read) for reader in readers]
            if mask_bytes:
                row = [None if bit else cell for bit, cell in zip(bits, row, strict=False)]
            yield [row[place] for place in places]


def _parsed(events: Iterator[Event]) -> Any:
    from astropy.io.votable.tree import VOTableFile

    config: dict[str, Any] = {
        "columns": None, "invalid": "exception", "verify": "ignore", "chunk_size": 1,
        "table_number": None, "filename": None, "unit_format": None, "datatype_mapping": {},
    }  # fmt: skip
    return VOTableFile(config=config, pos=(1, 1)).parse(events, config)


def _kind(each: Any) -> pa.DataType:
    if each.datatype in ("char", "unicodeChar"):
        return pa.uint64() if each.xtype == LARGE else pa.string()
    if each.datatype not in _TYPES:
        raise ValueError(
            f"column {each.name!r} has complex numbers; expected two columns of real ones"
        )
    kind = _TYPES[each.datatype]
    sizes = each.arraysize.split("x") if each.arraysize else []
    for size in sizes:
        kind = pa.list_(kind) if size.endswith("*") else pa.list_(kind, int(size))
    return kind


def _description(each: Any) -> str | None:
    return " ".join(each.description.split()) if each.description else None


def _binary_reader(each: Any, exact: bool) -> Callable[[Callable[[int], bytes]], Any]:
    """Return what reads the next cell of a column; exact: whether NaN and empty text are values."""
    converter = each.converter
    if each.datatype in _STRUCTS and not each.arraysize:
        # astropy's converters take ten times as long.
        parts, null = struct.Struct(_STRUCTS[each.datatype]), converter.null

        def number(read: Callable[[int], bytes]) -> Any:
            [value] = parts.unpack(read(parts.size))
            is_nan = value != value
            return None if value == null or (is_nan and not exact) else value

        return number

    def cell(read: Callable[[int], bytes]) -> Any:
        value, missing = converter.binparse(read)
        return value if exact and isinstance(value, str) else _cell(value, missing, exact)

    return cell


def _xml_cell(each: Any, text: str) -> Any:
    config = each._config
    if not text.strip():
        return None
    value, missing = each.converter.parse(text, config)
    return _cell(value, missing, True)


def _cell(value: Any, missing: Any, nan_is_value: bool = False) -> Any:
    """A cell for Arrow: None for what is missing, lists for vectors."""
    if isinstance(value, str):
        return value or None
    values = np.ma.getdata(value)
    missing = (
        np.ma.getmaskarray(value) | missing if isinstance(value, np.ma.MaskedArray) else missing
    )
    if nan_is_value and values.dtype.kind == "f":
        missing = missing & ~np.isnan(values)
    if values.dtype.kind != "O":
        return np.where(missing, np.array(None), values).tolist()
    return [_cell(each, False, nan_is_value) for each in value]


def _table(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.Table:
    cells = []
    for each, values in zip(schema, zip(*rows, strict=True), strict=True):
        is_large = each.type == pa.uint64()
        column = pa.array(values, pa.string() if is_large else each.type)
        cells.append(column.cast(each.type))
    return pa.Table.from_arrays(cells, schema=schema)
