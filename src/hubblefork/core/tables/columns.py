"""Columns of Arrow tables: which are plain, what the others are, and how NumPy holds them.

A unit and a description are in the metadata of a field, as b"unit" and b"description".
"""

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hubblefork.core.text import shortened

# A batch of rows has about so many bytes: hundreds of images, or tens of thousands of numbers.
BATCH_BYTES = 16 << 20

# In FITS and VOTable, these are the types that vectors have.
_NUMBERS = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)


def is_text(kind: pa.DataType) -> bool:
    """Whether a column holds text, be it as a dictionary."""
    kind = plain_type(kind)
    types = pa.types
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def plain_type(kind: pa.DataType) -> pa.DataType:
    """The type of the values of a column that may be a dictionary."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def is_number(kind: pa.DataType) -> bool:
    """Whether a column holds whole or floating-point numbers or booleans."""
    return any(is_kind(kind) for is_kind in _NUMBERS)


def nested_columns(schema: pa.Schema) -> dict[str, str]:
    """Return what the columns are that hold neither numbers, text, dates nor booleans.

    >>> nested_columns(pa.schema({"id": pa.int64(), "flux": pa.list_(pa.float32())}))
    {'flux': 'list<item: float>'}
    """
    return {
        field.name: shortened(str(field.type), 60)
        for field in schema
        if not (
            pa.types.is_primitive(field.type)
            or pa.types.is_decimal(field.type)
            or pa.types.is_null(field.type)
            or is_text(field.type)
        )
    }


def vector(kind: pa.DataType) -> tuple[pa.DataType, tuple[int, ...]]:
    """Return the type of the elements of a vector column, and the shape of a cell.

    >>> vector(pa.list_(pa.list_(pa.float32(), 3), 2))
    (DataType(float), (2, 3))
    >>> vector(pa.int64())
    (DataType(int64), ())
    """
    shape: list[int] = []
    while pa.types.is_fixed_size_list(kind):
        shape.append(kind.list_size)
        kind = kind.value_type
    return kind, tuple(shape)


def is_vector(kind: pa.DataType) -> bool:
    """Whether each cell holds equally many numbers, which FITS, VOTable and ECSV can have."""
    element, shape = vector(kind)
    return bool(shape) and 0 not in shape and is_number(element)


def field(
    name: str, kind: pa.DataType, unit: object = None, description: str | None = None
) -> pa.Field:
    """A field with its unit and description, where it has them.

    >>> field("z", pa.float32(), description="redshift").metadata
    {b'description': b'redshift'}
    """
    notes = {"unit": unit, "description": description}
    metadata = {key: str(value) for key, value in notes.items() if value is not None and str(value)}
    return pa.field(name, kind, metadata=metadata or None)


def note(of: pa.Field, key: str) -> str | None:
    """The unit or description of a field; None where it has none."""
    value = (of.metadata or {}).get(key.encode())
    return None if value is None else value.decode()


def check_names(names: Sequence[str]) -> None:
    """ValueError where two columns have one name."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"two columns are called {name!r}; rename or remove one of them")
        seen.add(name)


def simple_type(kind: pa.DataType) -> pa.DataType:
    """The type of a column in formats that know numbers, booleans, vectors and text only: dates,
    decimals and times are text there."""
    kind = plain_type(kind)
    if pa.types.is_float16(kind):
        return pa.float32()
    return kind if is_number(kind) or is_vector(kind) else pa.string()


def simple(table: pa.Table) -> pa.Table:
    """A table whose columns have their simple types; exact, for each value."""
    fields = [each.with_type(simple_type(each.type)) for each in table.schema]
    return table.cast(pa.schema(fields))


def as_arrow(values: np.ndarray, mask: np.ndarray | None = None) -> pa.Array:
    """Return an array of NumPy, of one dimension or of n, as a column.

    values: (rows, ...) numbers, booleans or text. mask: of the same shape, or of the rows; True
        where a value is missing.

    >>> as_arrow(np.array([[1, 2], [3, 4]], ">i2"), np.array([False, True])).to_pylist()
    [[1, 2], [None, None]]
    """
    if values.dtype.kind == "c":
        raise ValueError("complex numbers; expected two columns of real numbers")
    if 0 in values.shape[1:]:
        return pa.nulls(len(values))
    if mask is not None:
        mask = mask.reshape(mask.shape + (1,) * (values.ndim - mask.ndim))
        mask = np.broadcast_to(mask, values.shape).ravel()
    flat = values.ravel()
    if flat.dtype.kind == "S":
        column = decoded(flat.tolist())
        if mask is not None:
            column = pc.if_else(pa.array(mask), pa.scalar(None, pa.string()), column)
    else:
        flat = flat.astype(flat.dtype.newbyteorder("="), copy=False)
        column = pa.array(flat, pa.string() if flat.dtype.kind == "U" else None, mask=mask)
    for size in reversed(values.shape[1:]):
        column = pa.FixedSizeListArray.from_arrays(column, size)
    return column


def decoded(cells: Sequence[bytes | None]) -> pa.Array:
    """Text of bytes: UTF-8, or else Latin-1, which old programs wrote."""
    try:
        return pa.array(cells, pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array([each and each.decode("latin-1") for each in cells], pa.string())


def as_numpy(column: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """Return a column of numbers, booleans, vectors of them, or text as NumPy has it.

    Returns the values (rows, ...), with 0, False or "" where they are missing, and a mask of their
    shape that is True there.

    >>> as_numpy(pa.chunked_array([[[1, None]]], pa.list_(pa.int8(), 2)))
    (array([[1, 0]], dtype=int8), array([[False,  True]]))
    """
    array = column.combine_chunks()
    _, shape = vector(array.type)
    mask = array.is_null().to_numpy(zero_copy_only=False)
    while pa.types.is_fixed_size_list(array.type):
        size = array.type.list_size
        # Not flatten(), which leaves out the elements of missing cells.
        array = array.values.slice(array.offset * size, len(array) * size)
        mask = mask.repeat(size) | array.is_null().to_numpy(zero_copy_only=False)
    if array.null_count:
        array = array.fill_null("" if is_text(array.type) else pa.scalar(0).cast(array.type))
    values = array.to_numpy(zero_copy_only=False)
    if is_text(array.type):
        values = values.astype(str) if len(values) else values.astype("U1")
    rows = len(column)
    return values.reshape(rows, *shape), mask.reshape(rows, *shape)


def regrouped(pieces: Iterable[pa.Table], rows: int, most: int | None = None) -> Iterator[pa.Table]:
    """Yield tables of so many rows, or of fewer where they are wide, `most` in all.

    >>> pieces = [pa.table({"a": [1, 2, 3]}), pa.table({"a": [4]}), pa.table({"a": [5, 6]})]
    >>> [each["a"].to_pylist() for each in regrouped(pieces, 2, most=5)]
    [[1, 2], [3, 4], [5]]
    """
    held: list[pa.Table] = []
    left = math.inf if most is None else most
    number = size = 0
    for piece in pieces:
        while len(piece) and left:
            taken = piece.slice(0, min(rows - number, left))
            piece = piece.slice(len(taken))
            held.append(taken)
            left, number, size = left - len(taken), number + len(taken), size + taken.nbytes
            if number == rows or size >= BATCH_BYTES:
                yield pa.concat_tables(held)
                held, number, size = [], 0, 0
        if not left:
            break
    if held:
        yield pa.concat_tables(held)


def skipping(pieces: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Leave out the first rows."""
    for piece in pieces:
        skipped = min(rows, len(piece))
        rows -= skipped
        if skipped < len(piece):
            yield piece.slice(skipped)
