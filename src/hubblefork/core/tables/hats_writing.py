"""Tables of any length written as HATS catalogues: Parquet files by pixels of HEALPix.

The rows are read twice. `count_pixels` counts them in small pixels, from which follow the pixels of
the files: as large as they may be. `write_hats` then collects the rows of each file in a temporary
one, sorts them by position and writes them: one file after another is in memory.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hubblefork.core.errors import RequestError
from hubblefork.core.files import appearing
from hubblefork.core.progress import progress
from hubblefork.core.tables.columns import plain_type
from hubblefork.core.tables.hats import PROPERTIES, write_properties
from hubblefork.core.tables.parquet import GROUP_ROWS, with_notes

# The pixel of each row in NESTED order, at the finest order that 64 bits hold: 0.4 mas.
PIXEL = "_healpix_29"
_ORDER = 29

# Those of hats-import: rows of a file, and the order of the smallest pixel that has a file (3.4').
PARTITION_ROWS = 1_000_000
_FINEST = 10

# Rows that wait in memory before they are appended to the temporary files of their pixels.
_HELD_BYTES = 128 << 20

_CHANGED = "its rows have changed while they were read"


@dataclass
class PixelCounts:
    """How many rows are where on the sky.

    counts: (12 * 4^10,) rows in each pixel of order 10. rows: all that have a position. lost: those
    that have none. examples: of them, the values of the first column.
    """

    counts: np.ndarray = field(default_factory=lambda: np.zeros(12 * 4**_FINEST, np.int64))
    rows: int = 0
    lost: int = 0
    examples: list[object] = field(default_factory=list)


def count_pixels(tables: Iterable[pa.Table], ra: str, dec: str) -> PixelCounts:
    """Count the rows of a table by their positions, for `write_hats`.

    ra, dec: the columns of right ascension and declination, in degrees. A row has a position where
        both are finite, |ra| <= 360 and |dec| <= 90.

    Raises RequestError where the package cdshealpix is not installed.
    """
    found = PixelCounts()
    for table in tables:
        pixels = _pixels(table, ra, dec)
        known = pixels >= 0
        small, counts = np.unique(pixels[known] >> 2 * (_ORDER - _FINEST), return_counts=True)
        found.counts[small] += counts
        found.rows += int(known.sum())
        lost = np.flatnonzero(~known)
        found.lost += len(lost)
        left = max(0, 3 - len(found.examples))
        found.examples += table.column(0).take(lost[:left]).to_pylist()
    return found


def write_hats(
    folder: Path,
    schema: pa.Schema,
    tables: Iterable[pa.Table],
    counted: PixelCounts,
    ra: str,
    dec: str,
    meta: Mapping[str, str] = MappingProxyType({}),
    partition_rows: int = PARTITION_ROWS,
) -> None:
    """Write a HATS catalogue to a new folder, whole or not at all.

    schema: of all tables. counted: what `count_pixels` found in the same rows. meta: notes of one
    line. partition_rows: the most rows of a file, unless more are in one pixel of order 10.

    A column `_healpix_29` that is there already is computed again. Units are in the metadata of the
    columns, and where astropy looks for them.

    Raises ValueError where the rows are not those that were counted, OSError, and RequestError
    where the folder cannot be written to.
    """
    parts = _partitions(counted.counts, partition_rows)
    starts = np.array([pixel << 2 * (_ORDER - order) for order, pixel, _ in parts], np.int64)
    fields = [each.with_type(plain_type(each.type)) for each in schema if each.name != PIXEL]
    schema = with_notes(pa.schema([pa.field(PIXEL, pa.int64()), *fields]), meta)
    with appearing(folder) as temporary:
        spool = _Spool(temporary / "spool", starts)
        with progress("dividing by position", counted.rows, "rows") as advance:
            for table in tables:
                pixels = _pixels(table, ra, dec)
                if (pixels < 0).any():
                    raise ValueError(_CHANGED)
                columns = [pa.array(pixels), *(table[each.name] for each in fields)]
                plain = pa.table(columns, schema.names).cast(schema)
                spool.add(plain)
                advance(len(plain))
            spool.flush()
        files: list[pq.FileMetaData] = []
        dataset = temporary / "dataset"
        with progress("writing", counted.rows, "rows") as advance:
            for place, (order, pixel, rows) in enumerate(parts):
                table = spool.take(place)
                if len(table) != rows:
                    raise ValueError(_CHANGED)
                _write_part(table, dataset, order, pixel, files)
                advance(rows)
        spool.folder.rmdir()
        pq.write_metadata(schema, dataset / "_common_metadata")
        pq.write_metadata(schema, dataset / "_metadata", files)
        lines = [f"{order},{pixel}\n" for order, pixel, _ in parts]
        (temporary / "partition_info.csv").write_text("".join(["Norder,Npix\n", *lines]))
        size = sum(each.stat().st_size for each in dataset.rglob("*") if each.is_file())
        properties = {
            "obs_collection": folder.stem,
            "dataproduct_type": "object",
            "hats_nrows": counted.rows,
            "hats_col_ra": ra,
            "hats_col_dec": dec,
            "hats_col_healpix": PIXEL,
            "hats_col_healpix_order": _ORDER,
            "hats_npix_suffix": ".parquet",
            "hats_max_rows": max(rows for _, _, rows in parts),
            "hats_order": max(order for order, _, _ in parts),
            "hats_estsize": size >> 10,  # kB
            "hats_builder": "hubblefork",
            "hats_creation_date": f"{datetime.now(UTC):%Y-%m-%dT%H:%MUTC}",
            "hats_version": "v1.0",
        }
        for name in (PROPERTIES, "properties"):  # by the second, HATS and HiPS know it too
            write_properties(temporary / name, properties)


def _pixels(table: pa.Table, ra: str, dec: str) -> np.ndarray:
    """(n,) the pixel of each row at order 29; -1 where it has no position."""
    try:
        from cdshealpix.nested import lonlat_to_healpix
    except ImportError:
        raise RequestError(
            "a HATS catalogue needs the package cdshealpix: pip install 'hubblefork[survey]'"
        ) from None
    from astropy.coordinates import Latitude, Longitude

    lon, lat = (table[each].cast(pa.float64(), safe=False).to_numpy() for each in (ra, dec))
    known = (np.abs(lon) <= 360) & (np.abs(lat) <= 90)
    pixels = np.full(len(table), -1, np.int64)
    if known.any():
        # astropy wraps angles too, but -0, which has another pixel than 0, only beside others.
        pixels[known] = lonlat_to_healpix(
            Longitude(lon[known] % 360, "deg"), Latitude(lat[known], "deg"), _ORDER
        )
    return pixels


def _partitions(counts: np.ndarray, most: int) -> list[tuple[int, int, int]]:
    """Order, pixel and rows of the largest pixels with at most so many rows, along the sky.

    >>> counts = np.zeros(12 * 4**10, int)
    >>> counts[[0, 4**9, 5 * 4**10]] = 3, 2, 1
    >>> _partitions(counts, most=4)
    [(1, 0, 3), (1, 1, 2), (0, 5, 1)]
    """
    small = np.flatnonzero(counts)
    counts = counts[small]
    found = []
    for order in range(_FINEST + 1):
        pixels, first = np.unique(small >> 2 * (_FINEST - order), return_index=True)
        rows = np.add.reduceat(counts, first)
        whole = (rows <= most) | (order == _FINEST)
        here = zip(pixels[whole].tolist(), rows[whole].tolist(), strict=True)
        found += [(order, pixel, number) for pixel, number in here]
        divided = ~np.repeat(whole, np.diff([*first, len(small)]))
        small, counts = small[divided], counts[divided]
    return sorted(found, key=lambda part: part[1] << 2 * (_ORDER - part[0]))


class _Spool:
    """The rows of each file to write, collected in temporary files, of which one is open at a time.

    starts: the first pixel of order 29 of each file, ascending.
    """

    def __init__(self, folder: Path, starts: np.ndarray):
        self.folder, self._starts = folder, starts
        self._held: list[pa.Table] = []
        self._bytes = 0
        folder.mkdir()

    def add(self, table: pa.Table) -> None:
        """Take rows; their column of pixels says to which file they belong."""
        if not len(table):
            return
        self._held.append(table)
        self._bytes += table.nbytes
        if self._bytes >= _HELD_BYTES:
            self.flush()

    def flush(self) -> None:
        """Append the rows that wait to their files: a stream of Arrow behind the earlier ones."""
        if not self._held:
            return
        table, self._held, self._bytes = pa.concat_tables(self._held), [], 0
        places = np.searchsorted(self._starts, table[PIXEL].to_numpy(), side="right") - 1
        rows = np.argsort(places, kind="stable")
        table, places = table.take(rows), places[rows]
        edges = [0, *(np.flatnonzero(np.diff(places)) + 1), len(table)]
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        for first, last in pairwise(map(int, edges)):
            with (
                self._path(places[first]).open("ab") as file,
                pa.ipc.new_stream(file, table.schema, options=options) as stream,
            ):
                stream.write_table(table.slice(first, last - first))

    def take(self, place: int) -> pa.Table:
        """The rows of one file, in the order that they came in; its temporary file is removed."""
        path, found = self._path(place), []
        if not path.exists():
            raise ValueError(_CHANGED)
        with pa.OSFile(str(path)) as file:
            while file.tell() < file.size():
                found.append(pa.ipc.open_stream(file).read_all())
        path.unlink()
        return pa.concat_tables(found)

    def _path(self, place: int) -> Path:
        return self.folder / f"{place}.arrow"


def _write_part(
    table: pa.Table, dataset: Path, order: int, pixel: int, files: list[pq.FileMetaData]
) -> None:
    """Write the rows of one pixel by position, and append what the footer of their file says."""
    name = f"Norder={order}/Dir={pixel // 10_000 * 10_000}/Npix={pixel}.parquet"
    path = dataset / name
    path.parent.mkdir(parents=True, exist_ok=True)
    # Stable: rows of one position stay in the order of the table.
    table = table.take(pc.sort_indices(table[PIXEL]))
    pq.write_table(
        table, path, GROUP_ROWS, compression="zstd", metadata_collector=files,
        sorting_columns=[pq.SortingColumn(0)],
    )  # fmt: skip
    files[-1].set_file_path(name)
