"""VOTables written block by block as BINARY2, which tells missing values from NaN and empty text.

VOTable has no whole numbers of 64 bits without sign: they are text with `xtype="uint64"`, which is
read back as numbers. Other numbers that it has not are of the next larger type.
"""

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa

from hubblefork.core.tables.columns import as_numpy, is_text, note, simple, vector
from hubblefork.core.tables.notes import PREFIX, Append
from hubblefork.core.tables.votable import LARGE

_DATATYPES = {
    "bool": ("boolean", "S1"),
    "int8": ("short", ">i2"),
    "uint8": ("unsignedByte", "u1"),
    "int16": ("short", ">i2"),
    "uint16": ("int", ">i4"),
    "int32": ("int", ">i4"),
    "uint32": ("long", ">i8"),
    "int64": ("long", ">i8"),
    "float": ("float", ">f4"),
    "double": ("double", ">f8"),
}


@contextmanager
def writing_votable(
    file: IO[bytes], schema: pa.Schema, meta: Mapping[str, str], folder: Path
) -> Iterator[Append]:
    """Append tables to a VOTable, its rows as BINARY2."""
    above, below = _around(schema, meta)
    file.write(above)
    rest = b""

    def append(table: pa.Table) -> None:
        nonlocal rest
        content = rest + _rows_of(simple(table))
        # Three bytes are four letters.
        whole = len(content) // 3 * 3
        file.write(base64.b64encode(content[:whole]))
        rest = content[whole:]

    yield append
    file.write(base64.b64encode(rest) + below)


def _around(schema: pa.Schema, meta: Mapping[str, str]) -> tuple[bytes, bytes]:
    """What stands above the rows and below them."""
    from astropy.io.votable.tree import Field, Info, Resource, TableElement, VOTableFile
    from astropy.utils.xml.check import check_id

    names = set(schema.names)

    def unused(name: str) -> str:
        while name in names:
            name += "_"
        return name

    document = VOTableFile(version="1.4")
    quiet = {**document._get_version_checks(), "verify": "ignore"}
    for number, (key, value) in enumerate(meta.items(), 1):
        document.infos.append(
            Info(ID=unused(f"note{number}"), name=PREFIX + key, value=value, config=quiet)
        )
    resource, table = Resource(), TableElement(document)
    document.resources.append(resource)
    resource.tables.append(table)
    for number, each in enumerate(simple(schema.empty_table()).schema, 1):
        element, shape = vector(each.type)
        as_text = is_text(element) or element == pa.uint64()
        size = "x".join(map(str, reversed(shape)))
        made = Field(
            document,
            # By which astropy calls columns, where it is not told to take their names.
            ID=each.name if check_id(each.name) else unused(f"col{number}"),
            name=each.name,
            datatype="unicodeChar" if as_text else _DATATYPES[str(element)][0],
            arraysize="*" if as_text else size or None,
            unit=note(each, "unit"),
            xtype=LARGE if element == pa.uint64() else None,
            config=quiet,
        )
        made.description = note(each, "description")
        table.fields.append(made)
    table.create_arrays(0)
    buffer = BytesIO()
    document.to_xml(buffer)
    above, end, below = buffer.getvalue().rpartition(b"</TABLE>")
    opening = b'<DATA><BINARY2><STREAM encoding="base64">\n'
    return above + opening, b"\n</STREAM></BINARY2></DATA>\n" + end + below


def _rows_of(table: pa.Table) -> bytes:
    """Rows as BINARY2: the bits of what is missing, then the cells."""
    missing = np.zeros((len(table), table.num_columns), bool)
    columns: list[list[bytes]] = []
    for place, each in enumerate(table.schema):
        column = table.column(place)
        missing[:, place] = column.is_null().to_numpy()
        columns.append(_cells_of(column, each))
    bits = np.packbits(missing, axis=1)
    return b"".join(part for row in zip(map(bytes, bits), *columns, strict=True) for part in row)


def _cells_of(column: pa.ChunkedArray, each: pa.Field) -> list[bytes]:
    element, _ = vector(each.type)
    if is_text(element) or element == pa.uint64():
        return [_text_cell(text or "") for text in column.cast(pa.string()).to_pylist()]
    if not len(column):
        return []
    values, mask = as_numpy(column)
    if pa.types.is_boolean(element):
        stored = np.where(mask, b"?", np.where(values, b"T", b"F"))
    elif pa.types.is_floating(element):
        stored = np.where(mask, values.dtype.type(np.nan), values)
    else:
        whole = column.is_null().to_numpy()
        if mask.ndim > 1 and mask[~whole].any():
            raise ValueError(
                f"column {each.name!r} has vectors with missing whole numbers, which VOTable "
                "cannot hold; write .parquet, which can"
            )
        stored = values
    stored = stored.astype(_DATATYPES[str(element)][1]).reshape(len(column), -1)
    return list(map(bytes, stored))


def _text_cell(text: str) -> bytes:
    encoded = text.encode("utf-16-be")
    return (len(encoded) // 2).to_bytes(4, "big") + encoded
