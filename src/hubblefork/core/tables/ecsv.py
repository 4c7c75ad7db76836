"""ECSV (https://github.com/astropy/astropy-APEs/blob/main/APE6.rst): the header by astropy, and the
rows as those of CSV files, streamed.

astropy's own reader holds all cells as text in memory. An empty cell is missing, text too: empty
text cannot be told from it. Vectors are JSON, as astropy writes them.
"""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from itertools import chain
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv

from hubblefork.core.errors import first_line
from hubblefork.core.parsing import TooLarge, check_columns
from hubblefork.core.tables.columns import check_names, field, is_vector, simple
from hubblefork.core.tables.csv import text_batches
from hubblefork.core.tables.notes import PREFIX, Append
from hubblefork.core.tables.typed_csv import parsed

# Read by a parser that takes seconds for this many: ten thousand columns have as much.
_LONGEST_HEADER = 1 << 20
_BEGINNING = "%ECSV "


@dataclass(frozen=True)
class Ecsv:
    """An ECSV file. meta: the notes of its header; rows: only reading tells."""

    path: Path
    schema: pa.Schema
    meta: Mapping[str, Any]
    _lines: int
    _delimiter: str

    def tables(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Yield these columns, about 8 MB of the file at once."""
        fields = [self.schema.field(name) for name in columns]
        places = [self.schema.get_field_index(name) for name in columns]
        for batch in text_batches(self.path, len(self.schema), self._delimiter, self._lines):
            cells = [
                _parsed(batch.column(place), each)
                for place, each in zip(places, fields, strict=True)
            ]
            yield pa.Table.from_arrays(cells, schema=pa.schema(fields))


def open_ecsv(path: Path) -> Ecsv:
    """Read the header of an ECSV file; ValueError where it has none, or is damaged."""
    from astropy.table.meta import YamlParseError, get_header_from_yaml

    lines, number, names_line = _header_lines(path)
    if not lines or not lines[0].startswith(_BEGINNING):
        raise ValueError("its first line is not '# %ECSV 1.0'")
    try:
        header = get_header_from_yaml(lines)
        found = [(each["name"], each) for each in header["datatype"]]
    except (YamlParseError, KeyError, TypeError) as error:
        raise ValueError(f"its header is damaged ({first_line(error)})") from None
    delimiter = header.get("delimiter", " ")
    if delimiter not in (" ", ","):
        raise ValueError(f"its delimiter is {delimiter!r}; expected a comma or a blank")
    names = [name for name, _ in found]
    check_columns(len(names))
    check_names(names)
    below = next(csv.reader([names_line], delimiter=delimiter), [])
    if below != names:
        raise ValueError("the names of its columns differ from those in its header")
    fields = [
        field(name, _kind(name, each), each.get("unit"), each.get("description"))
        for name, each in found
    ]
    meta = header.get("meta")
    return Ecsv(path, pa.schema(fields), meta if isinstance(meta, dict) else {}, number, delimiter)


def _header_lines(path: Path) -> tuple[list[str], int, str]:
    """Return the header without its marks, the number of lines above the names, and the names."""
    lines, size = [], 0
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(_LONGEST_HEADER), b"")):
            size += len(line)
            if size > _LONGEST_HEADER:
                raise TooLarge(f"its header has more than {_LONGEST_HEADER >> 20} MB")
            text = line.decode("utf-8-sig" if number == 0 else "utf-8")
            if text.startswith("# "):
                lines.append(text[2:].rstrip("\r\n"))
            elif text.strip() and not text.startswith("##"):
                return lines, number, text
    raise ValueError("it ends with its header; expected the names of its columns")


def _kind(name: str, about: Mapping[str, Any]) -> pa.DataType:
    datatype, subtype = str(about.get("datatype")), about.get("subtype")
    if not subtype or subtype == "json":
        return _scalar(name, datatype)
    element, bracket, shape = str(subtype).partition("[")
    kind = _scalar(name, element)
    for size in reversed(json.loads(bracket + shape or "[]")):
        kind = pa.list_(kind) if size is None else pa.list_(kind, int(size))
    return kind


def _scalar(name: str, datatype: str) -> pa.DataType:
    if datatype.startswith("complex") or datatype in ("float128", "complex"):
        raise ValueError(f"column {name!r} has the type {datatype}; expected float64 at most")
    if datatype == "float16":
        return pa.float32()
    # Older programs wrote other types of NumPy, such as dates; they are text.
    known = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
             "float32", "float64")  # fmt: skip
    return pa.type_for_alias(datatype) if datatype in known else pa.string()


def _parsed(cells: pa.Array, of: pa.Field) -> pa.Array:
    try:
        if pa.types.is_nested(of.type):
            values = [None if cell is None else json.loads(cell) for cell in cells.to_pylist()]
            return pa.array(values, of.type)
        return parsed(cells, of.type)
    except (pa.ArrowException, ValueError) as error:
        raise ValueError(f"column {of.name!r}: {error}") from None


@contextmanager
def writing_ecsv(
    file: IO[bytes], schema: pa.Schema, meta: Mapping[str, str], folder: Path
) -> Iterator[Append]:
    """Append tables to an ECSV file."""
    from hubblefork.core.tables.astropy_tables import to_astropy

    empty = to_astropy(simple(schema.empty_table()))
    empty.meta.update({PREFIX + key: value for key, value in meta.items()})
    header = StringIO()
    empty.write(header, format="ascii.ecsv", delimiter=",")
    file.write(header.getvalue().encode())
    yield lambda table: write_rows(file, _as_cells(simple(table)), ",")


def write_rows(file: IO[bytes], table: pa.Table, delimiter: str) -> None:
    """Append rows of CSV: numbers as short as they are exact, text in quotes, nothing for null."""
    if table.num_columns == 1:
        # A row that is an empty line would be none.
        table = table.cast(pa.schema([table.schema.field(0).with_type(pa.string())]))
        table = table.set_column(0, table.schema.field(0), table.column(0).fill_null(""))
    options = pa.csv.WriteOptions(include_header=False, delimiter=delimiter)
    pa.csv.write_csv(table, file, options)


def _as_cells(table: pa.Table) -> pa.Table:
    """Vectors as JSON, and booleans as Python writes them."""
    for place, each in enumerate(table.schema):
        column = table.column(place)
        if is_vector(each.type):
            values = [None if cell is None else json.dumps(cell) for cell in column.to_pylist()]
            table = table.set_column(place, each.name, pa.array(values, pa.string()))
        elif pa.types.is_boolean(each.type):
            words = pa.array(["False", "True"])
            cells = chain.from_iterable(
                words.take(chunk.cast(pa.int8())).to_pylist() for chunk in column.chunks
            )
            table = table.set_column(place, each.name, pa.array(list(cells), pa.string()))
    return table


def ecsv_meta(path: Path) -> dict[str, str]:
    """What `writing_ecsv` noted."""
    meta = open_ecsv(path).meta
    return {
        key.removeprefix(PREFIX): value for key, value in meta.items() if key.startswith(PREFIX)
    }
