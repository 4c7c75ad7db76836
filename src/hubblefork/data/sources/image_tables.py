"""Parquet and Arrow files with a column of encoded images, read batch by batch.

Images are stored as bytes, alone or beside a path: struct<bytes: binary, path: string>, as the
`datasets` library of Hugging Face writes them. Its metadata (which columns are images, the class
names) are used.

pyarrow reads these files, and not `datasets`: that copies Parquet into a cache of its own, holds
whole row groups in memory (1 GB where pyarrow takes 0.2 GB), and a damaged Arrow file ends the
process.
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

# A batch is in memory as Arrow has it and once more as the bytes handed on. 16 MB hold hundreds
# of cutouts, so that reading a batch costs little beside decoding it.
_BATCH_BYTES = 16 << 20


class ImageTable(ABC):
    """One file: its path, and its schema as Arrow has it."""

    path: Path
    schema: pa.Schema

    @abstractmethod
    def group_rows(self) -> list[int]:
        """Return the number of rows of each group; reading can start at any group."""

    @abstractmethod
    def batches(self, group: int, column: str) -> Iterator[pa.Array]:
        """Read one column of a group, about 16 MB at a time."""

    @abstractmethod
    def columns(self, names: Sequence[str]) -> pa.Table:
        """Read whole columns, which hold no images."""


class _Parquet(ImageTable):
    def __init__(self, path: Path) -> None:
        self.path = path
        with pq.ParquetFile(path) as file:
            self.schema, self._metadata = file.schema_arrow, file.metadata

    def group_rows(self) -> list[int]:
        groups = range(self._metadata.num_row_groups)
        return [self._metadata.row_group(group).num_rows for group in groups]

    def batches(self, group: int, column: str) -> Iterator[pa.Array]:
        about = self._metadata.row_group(group)
        size = sum(chunk.total_uncompressed_size
                   for chunk in map(about.column, range(about.num_columns))
                   if f"{chunk.path_in_schema}.".startswith(f"{column}."))  # fmt: skip
        rows = _batch_rows(about.num_rows, size)
        # Read through a buffer, page by page. Without it a row group's column is read whole, and
        # pandas writes a million rows to a group.
        options = {"metadata": self._metadata, "buffer_size": 1 << 20, "pre_buffer": False}
        with pq.ParquetFile(self.path, **options) as file:
            for batch in file.iter_batches(rows, [group], [column], use_threads=False):
                yield batch.column(0)

    def columns(self, names: Sequence[str]) -> pa.Table:
        with pq.ParquetFile(self.path) as file:
            return file.read(list(names))


class _Arrow(ImageTable):
    """A memory-mapped file, which is a single group: a stream is read from its start."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._reader() as reader:
            self.schema = reader.schema

    @contextmanager
    def _reader(self) -> Iterator[ipc.RecordBatchStreamReader | ipc.RecordBatchFileReader]:
        with pa.memory_map(str(self.path)) as file:
            is_file = file.read(6) == b"ARROW1"
            file.seek(0)
            with (ipc.open_file if is_file else ipc.open_stream)(file) as reader:
                yield reader

    def _record_batches(self) -> Iterator[pa.RecordBatch]:
        with self._reader() as reader:
            if isinstance(reader, ipc.RecordBatchFileReader):
                yield from map(reader.get_batch, range(reader.num_record_batches))
            else:
                yield from reader

    def group_rows(self) -> list[int]:
        return [sum(map(len, self._record_batches()))]

    def batches(self, group: int, column: str) -> Iterator[pa.Array]:
        for batch in self._record_batches():
            values = batch.column(column)
            # Arrow trusts the file; offsets that point outside it would be read all the same.
            values.validate(full=True)
            rows = _batch_rows(len(values), values.nbytes)
            for start in range(0, len(values), rows):
                yield values.slice(start, rows)

    def columns(self, names: Sequence[str]) -> pa.Table:
        batches = [batch.select(names) for batch in self._record_batches()]
        schema = pa.schema([self.schema.field(name) for name in names])
        return pa.Table.from_batches(batches, schema)


def _batch_rows(rows: int, size: int) -> int:
    """Return how many of `rows` rows, of `size` bytes together, make a batch."""
    return max(1, min(rows, _BATCH_BYTES * rows // max(size, 1)))


def open_table(path: Path, name: str) -> ImageTable:
    """Open a .parquet or .arrow file; RequestError where it is damaged."""
    with read_errors(path, name):
        table = (_Arrow if path.suffix.lower() == ".arrow" else _Parquet)(path)
        if len(set(table.schema.names)) < len(table.schema.names):
            raise ValueError("two columns have one name")
    return table


@contextmanager
def read_errors(path: Path, name: str) -> Iterator[None]:
    """Turn pyarrow's errors for a bad file into a RequestError of one line."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        where = name if Path(name).name == path.name else f"{name}: {path.name}"
        raise RequestError(
            f"{where} cannot be read, it is damaged or incomplete: {reason}"
        ) from error


def features(schema: pa.Schema) -> dict[str, Any]:
    """Return what `datasets` noted about each column; empty where it did not write the file."""
    try:
        noted = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
    except ValueError:  # another program's note under the same name
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
    about = features(schema)
    noted = [name for name in able if about.get(name, {}).get("_type") == "Image"]
    # A catalogue names its images' files; bytes beside them are something else.
    is_catalogue = any(
        field.name in ("image", "file_loc") and _is_text(field.type) for field in schema
    )
    return noted or ([] if is_catalogue else able)


def scalar_columns(schema: pa.Schema) -> list[str]:
    """Return the columns of numbers, text and dates, which a table can have."""
    types = pa.types
    return [
        field.name
        for field in schema
        if types.is_primitive(field.type) or types.is_decimal(field.type) or _is_text(field.type)
    ]


def ignored_columns(schemas: Iterable[pa.Schema], used: Collection[str] = ()) -> list[str]:
    """Return a note on the columns, apart from those used, that a table cannot have, if any."""
    others: set[str] = set()
    for schema in schemas:
        others |= set(schema.names) - {*scalar_columns(schema), *used}
    if not others:
        return []
    listed = first_few(sorted(others))
    return [f"Columns that are neither numbers, text nor dates are ignored: {listed}."]


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
