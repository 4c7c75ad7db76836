"""Tables written to files of any format, row by row; a file appears whole or not at all."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import IO

import pyarrow as pa

from hubblefork.core.files import replacing
from hubblefork.core.tables.columns import check_names, is_vector, nested_columns, simple
from hubblefork.core.tables.ecsv import ecsv_meta, write_rows, writing_ecsv
from hubblefork.core.tables.fits_writing import LONGEST_NAME, fits_meta, writing_fits
from hubblefork.core.tables.notes import Append, check_notes
from hubblefork.core.tables.parquet import parquet_meta, writing_parquet
from hubblefork.core.tables.stored import reading_errors
from hubblefork.core.tables.votable import VOTable
from hubblefork.core.tables.votable_writing import writing_votable
from hubblefork.core.text import one_line


@contextmanager
def _writing_csv(
    file: IO[bytes], schema: pa.Schema, meta: Mapping[str, str], folder: Path, delimiter: str = ","
) -> Iterator[Append]:
    names = pa.table({str(place): [name] for place, name in enumerate(schema.names)})
    write_rows(file, names, delimiter)
    yield lambda table: write_rows(file, simple(table), delimiter)


@contextmanager
def _writing_tsv(
    file: IO[bytes], schema: pa.Schema, meta: Mapping[str, str], folder: Path
) -> Iterator[Append]:
    with _writing_csv(file, schema, meta, folder, "\t") as append:
        yield append


_WRITERS = {
    ".csv": _writing_csv,
    ".tsv": _writing_tsv,
    ".parquet": writing_parquet,
    ".fits": writing_fits,
    ".vot": writing_votable,
    ".ecsv": writing_ecsv,
}
WRITABLE = tuple(_WRITERS)
# They hold vectors of numbers, all of one length.
_WITH_VECTORS = (".fits", ".vot", ".ecsv")


def check_writable(schema: pa.Schema, path: Path) -> None:
    """ValueError with a reason where a table of these columns cannot be written there.

    >>> check_writable(pa.schema({"id": pa.int64(), "ID": pa.int64()}), Path("a.fits"))
    Traceback (most recent call last):
    ValueError: the columns 'id' and 'ID' differ only in case, which .fits does not tell; ...
    >>> check_writable(pa.schema({"images": pa.list_(pa.binary())}), Path("a.csv"))
    Traceback (most recent call last):
    ValueError: .csv cannot hold column 'images' (list<item: binary>); write .parquet, which can
    """
    suffix = path.suffix.lower()
    if suffix not in WRITABLE:
        raise ValueError(f"expected a name ending in {', '.join(WRITABLE)}")
    check_names(schema.names)
    if suffix == ".parquet":
        return
    for name, kind in nested_columns(schema).items():
        if not (suffix in _WITH_VECTORS and is_vector(schema.field(name).type)):
            raise ValueError(
                f"{suffix} cannot hold column {name!r} ({kind}); write .parquet, which can"
            )
    if suffix in (".fits", ".vot"):
        _check_names(schema.names, suffix)


def _check_names(names: list[str], suffix: str) -> None:
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.lower(), name)
        if other != name:
            raise ValueError(
                f"the columns {other!r} and {name!r} differ only in case, which {suffix} does not "
                "tell; rename one of them, or write .parquet"
            )
        printable = name and name == name.strip() and name == one_line(name)
        short = suffix != ".fits" or (name.isascii() and len(name) <= LONGEST_NAME)
        if not (printable and short):
            raise ValueError(
                f"{suffix} cannot have a column called {name!r}; rename it, or write .parquet"
            )


@contextmanager
def writing_table(
    path: Path, schema: pa.Schema, meta: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Append]:
    """Yield a function that appends tables of this schema to a file, which appears on leaving.

    meta: notes of one line, which `read_meta` reads back; CSV and TSV have none.

    What a format cannot tell: in CSV, TSV and ECSV, empty text is missing; in FITS too, and a NaN,
    and blanks at the end of text; units and descriptions have escapes there for what is not ASCII.
    In all but Parquet, dates, times and decimals are text, and float16 is float32. VOTable has no
    int8, uint16 and uint32: they are written as the next larger type.

    Raises ValueError as `check_writable`, and for rows that the format cannot hold; OSError;
    RequestError where the folder cannot be written to.

    >>> schema = pa.schema({"id": pa.int64(), "z": pa.float32()})
    >>> with writing_table(folder / "a.csv", schema) as append:
    ...     append(pa.table({"id": [1, 2], "z": [0.1, None]}, schema))
    >>> (folder / "a.csv").read_text()
    '"id","z"\\n1,0.1\\n2,\\n'
    """
    check_writable(schema, path)
    check_notes(meta)
    write = _WRITERS[path.suffix.lower()]
    with replacing(path, binary=True) as file, write(file, schema, meta, path.parent) as append:
        yield lambda table: append(table.select(schema.names).cast(schema))


def read_meta(path: Path) -> dict[str, str]:
    """Return what `writing_table` noted in a file; empty for CSV and TSV.

    Raises ValueError with a reason where the file is damaged, and OSError.

    >>> with writing_table(folder / "a.vot", pa.schema({"id": pa.int64()}), {"model": "x"}):
    ...     pass
    >>> read_meta(folder / "a.vot")
    {'model': 'x'}
    """
    suffix = path.suffix.lower()
    with reading_errors():
        if suffix == ".parquet":
            return parquet_meta(path)
        if suffix == ".fits":
            return fits_meta(path)
        if suffix == ".vot":
            return VOTable(path).meta()
        return ecsv_meta(path) if suffix == ".ecsv" else {}
