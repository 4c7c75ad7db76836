"""Parquet files and folders of them, read batch by batch; among them HATS catalogues."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hubblefork.core.errors import first_line
from hubblefork.core.parsing import check_columns
from hubblefork.core.tables.columns import (
    BATCH_BYTES,
    check_names,
    field,
    is_text,
    note,
    plain_type,
)
from hubblefork.core.tables.hats import main_catalogue
from hubblefork.core.tables.notes import PREFIX, Append

# Images, or long text, that are stored once for many rows: a batch has so many rows at most.
_MOST_BYTES_ROWS = 64
# astropy keeps the units of a table under this name.
_ASTROPY = b"table_meta_yaml"
_MOST_YAML = 1 << 20
# Rows of a group: what is read at once where a column is wanted whole.
GROUP_ROWS = 32_768


def parquet_files(folder: Path) -> list[Path]:
    """Return the Parquet files of a folder by their names; empty where it is no table.

    They are in it. Of a HATS catalogue, only those below `Norder=...` are its rows. Hidden files,
    and those with a name that begins with `_`, are none.

    Of a collection of HATS catalogues, those of its main one.

    Raises ValueError where that is not there, and for other folders with a `=` in their name, which
    stand for columns that are not in the files.

    >>> (folder / "Norder=0" / "Dir=0").mkdir(parents=True)
    >>> for name in ("Norder=0/Dir=0/Npix=4.parquet", "data_thumbnail.parquet"):
    ...     (folder / name).touch()
    >>> [path.name for path in parquet_files(folder)]
    ['Npix=4.parquet']
    """
    folder = main_catalogue(folder)
    top = folder / "dataset"
    top = top if any(top.glob("Norder=*")) else folder
    partitions = sorted(top.glob("Norder=*"))
    return [path for each in partitions or [top] for path in _below(each)]


def _below(folder: Path) -> Iterator[Path]:
    # Npix=7.parquet may be a folder of files.
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "_")):
            continue
        if path.is_dir():
            if path.name.startswith(("Norder=", "Dir=", "Npix=")):
                yield from _below(path)
            elif "=" in path.name:
                raise ValueError(f"its folder {path.name} stands for a column that no file has")
        elif path.suffix.lower() == ".parquet":
            yield path


def read_parquet_schema(files: Sequence[Path], folder: Path | None) -> tuple[pa.Schema, int]:
    """Return the columns that all files have, and the number of rows of all.

    Raises ValueError with the name of the file and the column where they differ, and OSError.
    """
    first, rows = None, 0
    for path in files:
        where = f"{path.relative_to(folder)}: " if folder else ""
        try:
            with pq.ParquetFile(path) as file:
                schema, metadata = file.schema_arrow, file.metadata
                check_columns(len(schema.names))
                check_names(schema.names)
                rows += metadata.num_rows
        except (ValueError, OSError, pa.ArrowException) as error:
            raise ValueError(f"{where}{first_line(error)}") from None
        plain = _with_units(schema)
        if first is None:
            first = plain
        elif problem := _difference(plain, first):
            raise ValueError(f"{where}{problem} in {files[0].name}; all files need the same")
    if first is None:
        raise ValueError("it has no Parquet file")
    return first, rows


def _difference(found: pa.Schema, expected: pa.Schema) -> str:
    for name in dict.fromkeys([*expected.names, *found.names]):
        ours, first = (
            str(each.field(name).type) if name in each.names else "not there"
            for each in (found, expected)
        )
        if ours != first:
            return f"column {name!r} is {ours}, and {first}"
    return ""


def _with_units(schema: pa.Schema) -> pa.Schema:
    """The schema without dictionaries, and with the units that astropy noted."""
    noted = _astropy_notes((schema.metadata or {}).get(_ASTROPY, b""))
    fields = []
    for each in schema:
        about = noted.get(each.name, {})
        unit, description = (note(each, key) or about.get(key) for key in ("unit", "description"))
        notes = field(each.name, each.type, unit, description).metadata or {}
        kind = plain_type(each.type)
        fields.append(pa.field(each.name, kind, metadata={**(each.metadata or {}), **notes}))
    return pa.schema(fields, schema.metadata)


def _astropy_notes(text: bytes) -> dict[str, dict[str, Any]]:
    if not text or len(text) > _MOST_YAML:
        return {}
    from astropy.table.meta import YamlParseError, get_header_from_yaml

    try:
        found = get_header_from_yaml(text.decode().split("\n"))
        return {each["name"]: each for each in found["datatype"]}
    except (YamlParseError, LookupError, TypeError, ValueError):  # of another program
        return {}


def parquet_tables(
    files: Sequence[Path], schema: pa.Schema, columns: Sequence[str], start: int
) -> Iterator[pa.Table]:
    """Yield these columns from a row on, about 16 MB at a time."""
    fields = pa.schema([schema.field(name) for name in columns])
    for path in files:
        text = [each.name for each in fields if is_text(each.type)]
        # Read through a buffer, page by page. Without it a row group's column is read whole, and
        # pandas writes a million rows to a group. Text that is stored once is read once.
        with pq.ParquetFile(
            path, buffer_size=1 << 20, pre_buffer=False, read_dictionary=text
        ) as file:
            groups = [file.metadata.row_group(each) for each in range(file.num_row_groups)]
            first = 0
            while first < len(groups) and start >= groups[first].num_rows:
                start -= groups[first].num_rows
                first += 1
            if first == len(groups):
                continue
            for batch in file.iter_batches(
                _rows_at_once(groups, fields),
                row_groups=list(range(first, len(groups))),
                columns=list(columns),
                use_threads=False,
            ):
                skipped = min(start, len(batch))
                start -= skipped
                if skipped < len(batch):
                    # Arrow trusts the file; offsets outside it would be read all the same.
                    batch.validate(full=True)
                    yield from _decoded(batch.slice(skipped).select(columns), fields)


def _rows_at_once(groups: Sequence[Any], fields: pa.Schema) -> int:
    row_bytes = [each.total_byte_size // max(each.num_rows, 1) for each in groups]
    # Encoded numbers may take no bytes at all.
    rows = max(1, BATCH_BYTES // max([1, *row_bytes, 8 * len(fields)]))
    plain = all(pa.types.is_primitive(each.type) or is_text(each.type) for each in fields)
    return rows if plain else min(rows, _MOST_BYTES_ROWS)


def _decoded(batch: pa.RecordBatch, fields: pa.Schema) -> Iterator[pa.Table]:
    """Divide a batch where each of its rows has its own text, so that it stays small."""
    needed = max(1, sum(map(_bytes_in_memory, batch.columns)))
    rows = max(1, BATCH_BYTES * len(batch) // needed)
    for start in range(0, len(batch), rows):
        piece = batch.slice(start, rows)
        cells = [
            each.dictionary_decode() if pa.types.is_dictionary(each.type) else each
            for each in piece.columns
        ]
        table = pa.Table.from_arrays(cells, names=fields.names)
        yield table.cast(fields)


def _bytes_in_memory(column: pa.Array) -> int:
    if not pa.types.is_dictionary(column.type) or not is_text(column.type):
        return int(column.nbytes)
    lengths = pc.binary_length(column.dictionary).cast(pa.int64())
    return len(column) * 8 + (pc.sum(lengths.take(column.indices)).as_py() or 0)


@contextmanager
def writing_parquet(
    file: IO[bytes], schema: pa.Schema, meta: Mapping[str, str], folder: Path
) -> Iterator[Append]:
    """Append tables to a Parquet file; astropy finds the units in it as in its own."""
    with pq.ParquetWriter(file, with_notes(schema, meta)) as writer:
        yield lambda table: writer.write_table(table, GROUP_ROWS)


def with_notes(schema: pa.Schema, meta: Mapping[str, str]) -> pa.Schema:
    """The schema of a file with notes that `parquet_meta` reads, and units that astropy reads."""
    kept = {key: value for key, value in (schema.metadata or {}).items() if key != _ASTROPY}
    kept |= {f"{PREFIX}{key}".encode(): value.encode() for key, value in meta.items()}
    if any(each.metadata for each in schema):
        # JSON is YAML.
        about = [
            {"name": each.name, "datatype": str(each.type)}
            | {key: text for key in ("unit", "description") if (text := note(each, key))}
            for each in schema
        ]
        kept[_ASTROPY] = json.dumps({"datatype": about}).encode()
    return schema.with_metadata(kept or None)


def parquet_meta(path: Path) -> dict[str, str]:
    """What `writing_parquet` noted."""
    start = PREFIX.encode()
    return {
        key[len(start) :].decode(): value.decode()
        for key, value in (pq.read_schema(path).metadata or {}).items()
        if key.startswith(start)
    }
