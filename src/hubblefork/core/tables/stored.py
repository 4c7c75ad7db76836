"""Tables in files, whatever their format: their columns, and their rows batch by batch."""

import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from hubblefork.core.errors import first_few, first_line
from hubblefork.core.parsing import TooLarge
from hubblefork.core.regular_files import not_a_file
from hubblefork.core.tables.columns import nested_columns, regrouped, skipping
from hubblefork.core.tables.ecsv import open_ecsv
from hubblefork.core.tables.fits import is_fits_table, open_fits
from hubblefork.core.tables.hats import is_collection
from hubblefork.core.tables.parquet import parquet_files, parquet_tables, read_parquet_schema
from hubblefork.core.tables.typed_csv import read_types, typed_tables
from hubblefork.core.tables.votable import VOTable

_FITS = (".fits", ".fit", ".fits.gz")
_VOTABLE = (".vot", ".votable", ".xml")
READABLE = (".csv", ".tsv", ".parquet", *_FITS, *_VOTABLE, ".ecsv")

# Where the first element of a VOTable is, below what XML may have above it.
_XML_BYTES = 4096


@dataclass(frozen=True)
class StoredTable:
    """A table in a file or folder.

    schema: the columns; a unit and a description are in the metadata of a field.
    rows: their number; None where only reading tells.
    kind: what it is, in words.
    nested: what the columns are that hold neither numbers, text, dates nor booleans.
    """

    path: Path
    kind: str
    schema: pa.Schema
    rows: int | None
    nested: dict[str, str] = field(init=False)
    _tables: Callable[[Sequence[str], int], Iterator[pa.Table]]

    def __post_init__(self) -> None:
        if not self.schema.names:
            raise ValueError("it has no columns")
        object.__setattr__(self, "nested", nested_columns(self.schema))

    def batches(
        self,
        rows: int = 32_768,
        columns: Sequence[str] | None = None,
        start: int = 0,
        stop: int | None = None,
    ) -> Iterator[pa.Table]:
        """Yield the rows from `start` to before `stop`, in order, so many at a time.

        A batch of wide rows, as of images, has fewer: about 16 MB. Parquet and FITS begin at
        `start`; in other formats, what is above it is read too. columns: these only, in this order.

        Raises ValueError with a reason where the file is damaged, and OSError.
        """
        names = self.schema.names if columns is None else list(columns)
        # Without columns, the number of rows is lost.
        read = names or self.schema.names[:1]
        for name in names:
            if name not in self.schema.names:
                raise ValueError(f"no column {name!r}; found {first_few(self.schema.names, 8)}")
        most = None if stop is None else max(0, stop - start)
        with reading_errors():
            for table in regrouped(self._tables(read, start), rows, most):
                yield table.select(names)


def is_table(path: Path) -> bool:
    """Whether a file or folder is a table that `open_table` reads, by its name and beginning.

    A FITS file with an image is an image; one of tables only is a table. A folder is a table where
    Parquet files are in it, or below it as in a HATS catalogue.

    >>> _ = (folder / "a.csv").write_text("id\\n1\\n")
    >>> is_table(folder / "a.csv"), is_table(folder)
    (True, False)
    """
    if path.is_dir():
        try:
            return is_collection(path) or bool(parquet_files(path))
        except (ValueError, OSError):
            return False
    if not path.is_file():
        return False
    suffix = _suffix(path)
    if suffix in _FITS:
        return is_fits_table(path)
    if suffix == ".xml":
        with path.open("rb") as file:
            return b"VOTABLE" in file.read(_XML_BYTES)
    return suffix in READABLE


def open_table(path: Path, text: Callable[[str], bool] = lambda name: False) -> StoredTable:
    """Open a table; its rows are read by `StoredTable.batches`.

    text: by the name of a column of CSV, whether it is text whatever it holds, as ids are. In other
        formats each column has the type that the file gives it.

    CSV files are read once here, to find their types. Masked values are null, and 64-bit whole
    numbers exact, with and without sign.

    Raises ValueError with a reason where it cannot be read as a table, and OSError.

    >>> _ = (folder / "a.csv").write_text("id,z\\n007,0.1\\n008,\\n")
    >>> table = open_table(folder / "a.csv")
    >>> table.kind, table.rows, [str(kind) for kind in table.schema.types]
    ('CSV table', 2, ['string', 'double'])
    >>> [each["z"].to_pylist() for each in table.batches(rows=1)]
    [[0.1], [None]]
    """
    suffix = "" if path.is_dir() else _suffix(path)
    if not path.is_dir():
        if reason := not_a_file(path):
            raise ValueError(reason)
        if suffix not in READABLE:
            raise ValueError(f"expected a name ending in {', '.join(READABLE)}")
    # astropy warns of what is against a standard and can be read all the same.
    with reading_errors(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if suffix in (".csv", ".tsv"):
            return _open_csv(path, text, suffix)
        if suffix in _FITS:
            return _open_fits(path)
        if suffix in _VOTABLE:
            found = VOTable(path)
            return StoredTable(
                path, "VOTable", found.schema, found.rows,
                lambda columns, start: skipping(found.tables(columns), start),
            )  # fmt: skip
        if suffix == ".ecsv":
            ecsv = open_ecsv(path)
            return StoredTable(
                path, "ECSV table", ecsv.schema, None,
                lambda columns, start: skipping(ecsv.tables(columns), start),
            )  # fmt: skip
        return _open_parquet(path)


def _open_csv(path: Path, text: Callable[[str], bool], suffix: str) -> StoredTable:
    schema, rows, delimiter = read_types(path, text, "\t" if suffix == ".tsv" else None)

    def tables(columns: Sequence[str], start: int) -> Iterator[pa.Table]:
        return skipping(typed_tables(path, schema, columns, delimiter), start)

    return StoredTable(path, f"{suffix[1:].upper()} table", schema, rows, tables)


def _open_fits(path: Path) -> StoredTable:
    found = open_fits(path)
    if isinstance(found, pa.Table):
        return StoredTable(
            path, "FITS table", found.schema, len(found),
            lambda columns, start: iter([found.select(columns).slice(start)]),
        )  # fmt: skip
    kind = "FITS table" + f" (the first of {found.number})" * (found.number > 1)
    return StoredTable(path, kind, found.schema, found.rows, found.tables)


def _open_parquet(path: Path) -> StoredTable:
    files = parquet_files(path) if path.is_dir() else [path]
    schema, rows = read_parquet_schema(files, path if path.is_dir() else None)
    kind = f"folder of {len(files):,} Parquet files" if path.is_dir() else "Parquet table"
    if path.is_dir() and any("Norder=" in str(each.relative_to(path)) for each in files):
        kind = "HATS catalogue"

    def tables(columns: Sequence[str], start: int) -> Iterator[pa.Table]:
        return parquet_tables(files, schema, columns, start)

    return StoredTable(path, kind, schema, rows, tables)


def _suffix(path: Path) -> str:
    name = path.name.lower()
    return ".fits.gz" if name.endswith(".fits.gz") else path.suffix.lower()


@contextmanager
def reading_errors() -> Iterator[None]:
    """Turn what libraries raise for a damaged file into a ValueError of one line."""
    try:
        yield
    except (TooLarge, OSError):
        raise
    except (
        pa.ArrowException, ArithmeticError, EOFError, LookupError, MemoryError, RecursionError,
        TypeError, ValueError, zlib.error,
    ) as error:  # fmt: skip
        raise ValueError(first_line(error)) from error
