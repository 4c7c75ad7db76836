"""Parquet and Arrow files with a column of encoded images, read batch by batch.

Images are stored as bytes, alone or beside a path: struct<bytes: binary, path: string>, as the
`datasets` library of Hugging Face writes them; its metadata says which columns are images, and the
class names.

pyarrow reads these files, and not `datasets`: that copies Parquet into a cache of its own, holds
whole row groups in memory (1 GB where 0.2 GB are taken here), and a damaged Arrow file crashes it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

from hubblefork.core.errors import RequestError, first_few, first_line
from hubblefork.core.parsing import TooLarge, check_columns, check_memory, parse_json
from hubblefork.core.tables.csv import EXACT
from hubblefork.core.text import shortened

SUFFIXES = (".parquet", ".arrow")

# A batch is in memory as Arrow has it and once more as the bytes handed on. 16 MB hold hundreds
# of cutouts, so that reading a batch costs little beside decoding it.
_BATCH_BYTES = 16 << 20
# Images that are stored once for many rows take a batch of so many times their size.
_MOST_IMAGES = 64


def read_schema(path: Path, name: str) -> pa.Schema:
    """Return the columns of a .parquet or .arrow file; RequestError where it is damaged."""
    with read_errors(path, name):
        if path.suffix.lower() == ".parquet":
            schema = pq.read_schema(path)
        else:
            with _arrow_reader(path) as reader:
                schema = reader.schema
        image_columns(schema)  # decodes the names within structs, which may be damaged
        check_columns(len(schema.names))
        if len(set(schema.names)) < len(schema.names):
            raise ValueError("two columns have one name")
    return schema


def record_batches(path: Path, columns: Sequence[str], name: str) -> Iterator[pa.RecordBatch]:
    """Read these columns from front to back, about 16 MB at a time.

    Raises RequestError where the file `path` of the source `name` is damaged.
    """
    read = _parquet_batches if path.suffix.lower() == ".parquet" else _arrow_batches
    with read_errors(path, name):
        for batch in read(path, columns):
            # Arrow trusts the file; offsets that point outside it would be read all the same.
            batch.validate(full=True)
            rows = max(1, _BATCH_BYTES * len(batch) // max(batch.nbytes, 1))
            for start in range(0, len(batch), rows):
                yield batch.slice(start, rows)


def read_scalars(path: Path, schema: pa.Schema, name: str) -> pd.DataFrame:
    """Read all columns of numbers, text and dates of one file, an index that pandas saved too.

    Raises RequestError where the file is damaged, and where it is small and its table is huge: text
    that is stored once can stand in any number of rows.
    """
    columns = scalar_columns(schema)
    # Without the notes of pandas, which it would follow: its index, and types of its own.
    fields = pa.schema([(each, _plain_type(schema.field(each).type)) for each in columns])
    size, needed, rows, batches = path.stat().st_size, 0, 0, []
    with read_errors(path, name):
        for batch in record_batches(path, columns, name):
            needed += sum(map(_bytes_in_memory, batch.columns))
            check_memory(needed, size)
            rows += len(batch)
            plain = map(_plain, batch.columns, fields.types)
            batches.append(pa.RecordBatch.from_arrays(list(plain), schema=fields))
        table = exact(pa.Table.from_batches(batches, fields)).to_pandas()
    table = table.reindex(range(rows))  # without columns, their number is lost
    return table.assign(**_noted_ranges(schema, rows, table.columns))


def _noted_ranges(schema: pa.Schema, rows: int, taken: Collection[str]) -> dict[str, range]:
    """Return the index that pandas saved, by its name, where it is consecutive numbers: those are
    no column of the file, but only noted."""
    try:
        noted = parse_json((schema.metadata or {}).get(b"pandas", b"{}"))
    except ValueError:  # another program's note under the same name
        return {}
    found: dict[str, range] = {}
    columns = noted.get("index_columns") if isinstance(noted, dict) else None
    for index in columns if isinstance(columns, list) else []:
        match index:
            case {"kind": "range", "name": str(name), "start": int(start), "step": int(step)} if (
                step and name not in taken and abs(start) + abs(step) * rows < 2**63
            ):
                found[name] = range(start, start + step * rows, step)
    return found


def exact(table: pa.Table) -> pa.Table:
    """Make text of whole numbers with gaps, which pandas would have as floats, where they are not
    exact as such."""
    for place, field in enumerate(table.schema):
        column = table.column(place)
        if pa.types.is_integer(field.type) and column.null_count:
            ends = pc.min_max(column).as_py()
            if max(abs(each or 0) for each in ends.values()) > EXACT:
                table = table.set_column(place, field.name, column.cast(pa.string()))
    return table


def _bytes_in_memory(column: pa.Array) -> int:
    """What a column takes once each of its rows has its own text."""
    if not pa.types.is_dictionary(column.type):
        return column.nbytes
    lengths = pc.binary_length(column.dictionary).cast(pa.int64())
    return len(column) * 8 + (pc.sum(lengths.take(column.indices)).as_py() or 0)


def _plain(column: pa.Array, kind: pa.DataType) -> pa.Array:
    return column.dictionary_decode().cast(kind) if pa.types.is_dictionary(column.type) else column


def _plain_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _parquet_batches(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    schema = pq.read_schema(path)
    text = [each for each in columns if _is_text(schema.field(each).type)]
    # Read through a buffer, page by page. Without it a row group's column is read whole, and
    # pandas writes a million rows to a group. Text that is stored once is read once.
    with pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False, read_dictionary=text) as file:
        groups = map(file.metadata.row_group, range(file.num_row_groups))
        row_bytes = [each.total_byte_size // max(each.num_rows, 1) for each in groups]
        # Encoded numbers may take no bytes at all, and encoded images be the same in every row.
        row_bytes += [8 * len(columns)]
        rows = max(1, _BATCH_BYTES // max([1, *row_bytes]))
        if any(_holds_bytes(schema.field(each).type) for each in columns):
            rows = min(rows, _MOST_IMAGES)
        yield from file.iter_batches(rows, columns=list(columns), use_threads=False)


def _arrow_batches(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    with _arrow_reader(path) as reader:
        if isinstance(reader, ipc.RecordBatchFileReader):
            batches = map(reader.get_batch, range(reader.num_record_batches))
        else:
            batches = iter(reader)
        for batch in batches:
            yield batch.select(columns)


@contextmanager
def _arrow_reader(path: Path) -> Iterator[ipc.RecordBatchStreamReader | ipc.RecordBatchFileReader]:
    with pa.memory_map(str(path)) as file:
        is_file = file.read(6) == b"ARROW1"
        file.seek(0)
        with (ipc.open_file if is_file else ipc.open_stream)(file) as reader:
            yield reader


@contextmanager
def read_errors(path: Path, name: str) -> Iterator[None]:
    """Turn pyarrow's errors for a bad file into a RequestError of one line."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as error:
        where = name if Path(name).name == path.name else f"{name}: {path.name}"
        why = "" if isinstance(error, TooLarge) else ", it is damaged or incomplete"
        raise RequestError(f"{where} cannot be read{why}: {first_line(error)}") from error


def features(schema: pa.Schema) -> dict[str, Any]:
    """Return what `datasets` noted about each column; empty where it did not write the file."""
    try:
        noted = parse_json((schema.metadata or {}).get(b"huggingface", b"{}"))
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
    others: dict[str, str] = {}
    for schema in schemas:
        others |= nested_columns(schema)
    return ignored_note({name: kind for name, kind in others.items() if name not in used})


def nested_columns(schema: pa.Schema) -> dict[str, str]:
    """Return what the columns are that a table cannot have.

    >>> nested_columns(pa.schema({"id": pa.int64(), "flux": pa.list_(pa.float32())}))
    {'flux': 'list<item: float>'}
    """
    plain = set(scalar_columns(schema))
    return {each.name: shortened(str(each.type), 60) for each in schema if each.name not in plain}


def ignored_note(columns: Mapping[str, str]) -> list[str]:
    """A note on ignored columns and what they are, if there are any."""
    if not columns:
        return []
    listed = first_few(f"{name} ({columns[name]})" for name in sorted(columns, key=str))
    return [f"Columns that are neither numbers, text nor dates are ignored: {listed}."]


def _holds_bytes(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        fields = {field.name: field.type for field in kind}
        kind = fields.get("bytes", pa.string())
        # Where no row has bytes, pandas writes no type: the images are named by their paths.
        if pa.types.is_null(kind):
            return "path" in fields
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    types = pa.types
    return types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
