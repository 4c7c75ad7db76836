"""Parquet and Arrow files with a column of encoded images, read slab by slab.

Images stand in them as bytes, alone or beside a path: struct<bytes: binary, path: string>, as
the `datasets` library of Hugging Face writes them. What its metadata says of the columns (which
are images, the names of classes) is understood.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

from hubblefork.core.errors import RequestError, first_few

SUFFIXES = (".parquet", ".arrow")

# A slab is in memory as it lies in the file and once more as the bytes handed on. 16 MB hold
# hundreds of cut-outs, so that reading a slab costs little beside decoding it.
_SLAB_BYTES = 16 << 20


class ImageTable(ABC):
    """One file.

    path: of the file.
    schema: its columns, as Arrow has them.
    """

    path: Path
    schema: pa.Schema

    @abstractmethod
    def slabs(self, column: str) -> list[int]:
        """Return the number of rows of each slab, when the images in `column` are read."""

    @abstractmethod
    def read_from(self, slab: int, column: str) -> Iterator[pa.Array]:
        """Give the values of `column` in this slab and, as they are asked for, in all later."""

    @abstractmethod
    def columns(self, names: Sequence[str]) -> pa.Table:
        """Read whole columns, which hold no images."""


class _Parquet(ImageTable):
    """Slabs are parts of row groups; a row group is read from its start."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with pq.ParquetFile(path) as file:
            self.schema, self._metadata = file.schema_arrow, file.metadata

    def slabs(self, column: str) -> list[int]:
        return [rows for group in range(self._metadata.num_row_groups)
                for rows in self._slabs_of(group, column)]  # fmt: skip

    def _slabs_of(self, group: int, column: str) -> list[int]:
        about = self._metadata.row_group(group)
        chunks = [about.column(place) for place in range(about.num_columns)]
        size = sum(chunk.total_uncompressed_size for chunk in chunks
                   if f"{chunk.path_in_schema}.".startswith(f"{column}."))  # fmt: skip
        return _equal_slabs(about.num_rows, size)

    def read_from(self, slab: int, column: str) -> Iterator[pa.Array]:
        # Read through a buffer, page by page; without, a row group's column is read whole, and
        # pandas writes a million rows to a group.
        with pq.ParquetFile(self.path, buffer_size=1 << 20, pre_buffer=False) as file:
            for group in range(self._metadata.num_row_groups):
                lengths = self._slabs_of(group, column)
                if slab >= len(lengths):
                    slab -= len(lengths)
                    continue
                batches = file.iter_batches(lengths[0], [group], [column], use_threads=False)
                for place, (batch, length) in enumerate(zip(batches, lengths, strict=True)):
                    if len(batch) != length:
                        raise pa.ArrowInvalid(f"{len(batch)} rows where {length} were announced")
                    if place >= slab:
                        yield batch.column(0)
                slab = 0

    def columns(self, names: Sequence[str]) -> pa.Table:
        with pq.ParquetFile(self.path) as file:
            return file.read(list(names))


class _Arrow(ImageTable):
    """Slabs are parts of record batches, which stay in the mapped file until they are used."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._open() as reader:
            self.schema = reader.schema

    @contextmanager
    def _open(self) -> Iterator[ipc.RecordBatchStreamReader | ipc.RecordBatchFileReader]:
        with pa.memory_map(str(self.path)) as file:
            is_file = file.read(6) == b"ARROW1"
            file.seek(0)
            with (ipc.open_file if is_file else ipc.open_stream)(file) as reader:
                yield reader

    def _batches(self) -> Iterator[pa.RecordBatch]:
        with self._open() as reader:
            if isinstance(reader, ipc.RecordBatchFileReader):
                for place in range(reader.num_record_batches):
                    yield reader.get_batch(place)
            else:
                yield from reader

    def slabs(self, column: str) -> list[int]:
        return [rows for batch in self._batches() for rows in _slabs_in(batch, column)]

    def read_from(self, slab: int, column: str) -> Iterator[pa.Array]:
        for batch in self._batches():
            start = 0
            for length in _slabs_in(batch, column):
                if slab <= 0:
                    yield batch.column(column).slice(start, length)
                start += length
                slab -= 1

    def columns(self, names: Sequence[str]) -> pa.Table:
        batches = [batch.select(names) for batch in self._batches()]
        schema = pa.schema([self.schema.field(name) for name in names])
        return pa.Table.from_batches(batches, schema)


def _slabs_in(batch: pa.RecordBatch, column: str) -> list[int]:
    images = batch.column(column)
    # Arrow trusts the file; offsets that lead out of it would be read all the same.
    images.validate(full=True)
    return _equal_slabs(len(images), images.nbytes)


def _equal_slabs(rows: int, size: int) -> list[int]:
    """Divide rows that take `size` bytes together into slabs."""
    length = max(1, min(rows, _SLAB_BYTES * rows // max(size, 1)))
    return [min(length, rows - start) for start in range(0, rows, length)]


def open_table(path: Path, name: str) -> ImageTable:
    """Open a .parquet or .arrow file; RequestError where it is damaged."""
    with told(path, name):
        table = (_Arrow if path.suffix.lower() == ".arrow" else _Parquet)(path)
        if len(set(table.schema.names)) < len(table.schema.names):
            raise ValueError("two columns have one name")
    return table


@contextmanager
def told(path: Path, name: str) -> Iterator[None]:
    """Tell what pyarrow finds wrong with a file in one line."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as error:  # its errors for a bad file
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        where = name if Path(name).name == path.name else f"{name}: {path.name}"
        raise RequestError(
            f"{where} cannot be read, it is damaged or incomplete: {reason}"
        ) from error


def features(schema: pa.Schema) -> dict[str, Any]:
    """What the `datasets` library noted of each column; empty where it did not write the file."""
    try:
        noted = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
    except ValueError:  # a note of someone else's under the same name
        return {}
    match noted:
        case {"info": {"features": dict(found)}}:
            return {key: value for key, value in found.items() if isinstance(value, dict)}
    return {}


def image_columns(schema: pa.Schema) -> list[str]:
    """Return the columns that can hold encoded images.

    >>> encoded = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    >>> image_columns(pa.schema({"image": encoded, "label": pa.int64()}))
    ['image']
    """
    able = [field.name for field in schema if _holds_bytes(field.type)]
    noted = [name for name in able if features(schema).get(name, {}).get("_type") == "Image"]
    # A catalogue names its images' files; bytes beside them are something else.
    names_files = any(
        name in schema.names and _is_text(schema.field(name).type) for name in ("image", "file_loc")
    )
    return noted or ([] if names_files else able)


def scalar_columns(schema: pa.Schema) -> list[str]:
    """Return the columns of numbers, text and dates: what a table can be made of."""
    return [
        field.name
        for field in schema
        if _is_text(field.type)
        or pa.types.is_integer(field.type)
        or pa.types.is_floating(field.type)
        or pa.types.is_decimal(field.type)
        or pa.types.is_boolean(field.type)
        or pa.types.is_temporal(field.type)
    ]


def passed_over(schemas: Iterable[pa.Schema], used: Collection[str] = ()) -> list[str]:
    """Say which columns, apart from those used, a table cannot be made of; nothing if it can."""
    others: set[str] = set()
    for schema in schemas:
        others |= set(schema.names) - {*scalar_columns(schema), *used}
    if not others:
        return []
    return [
        "Columns that are neither numbers, text nor dates are passed over: "
        f"{first_few(sorted(others))}."
    ]


def encoded(images: pa.Array) -> list[bytes | None]:
    """Return the bytes of each image; None where there are none."""
    if pa.types.is_struct(images.type):
        images = pc.struct_field(images, "bytes")
    return images.to_pylist()


def _holds_bytes(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        if kind.get_field_index("bytes") < 0:
            return False
        inner = kind.field("bytes").type
        # Where no row has bytes, pandas writes no type: the images are named by their paths.
        by_path = pa.types.is_null(inner) and kind.get_field_index("path") >= 0
        return by_path or _holds_bytes(inner)
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)
