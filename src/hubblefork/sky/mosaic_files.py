"""Which files are the tiles of a survey: in a folder, by a table, or one alone."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from hubblefork.core.errors import RequestError, first_few, first_line
from hubblefork.core.folders import files_below
from hubblefork.core.names import stem
from hubblefork.core.tables.csv import read_csv
from hubblefork.core.urls import located, protocol_of
from hubblefork.sky.fits_images import FITS_SUFFIXES

_EXPECTED = "expected a folder of FITS mosaics, one FITS file, or a table with a column image"


def files_of(place: Path, bands: Sequence[str]) -> list[list[Path]]:
    """Return the files of each tile: one, or one for each band.

    bands: words in names of files, or columns `image_BAND` of a table.

    Raises RequestError where there are none, or where it is not plain which.
    """
    if place.is_dir():
        files = [file for file in files_below(place) if file.lower().endswith(FITS_SUFFIXES)]
        if not files:
            raise RequestError(f"no FITS files are in {place}; {_EXPECTED}")
        if bands:
            return _by_band(place, files, bands)
        return [[place / file] for file in files]
    if not place.exists():
        raise RequestError(f"mosaics: no such file or folder: {place}; {_EXPECTED}")
    table = _read_table(place)
    if table is not None:
        return _of_table(place, table, bands)
    if bands:
        raise RequestError(f"{place} is one file; bands= is for a folder, or a table, of several")
    return [[place]]


def _by_band(place: Path, files: Sequence[str], bands: Sequence[str]) -> list[list[Path]]:
    tiles: dict[tuple[str, ...], dict[str, str]] = {}
    for file in files:
        words = re.findall("[A-Za-z0-9]+", os.path.join(os.path.dirname(file), stem(file)))
        found = [number for number, word in enumerate(words) if word in bands]
        if len(found) > 1:
            raise RequestError(
                f"{place / file}: {first_few(words[each] for each in found)} could each be its "
                "band; a table with columns image_BAND says which"
            )
        if found:
            band = words.pop(found[0])
            other = tiles.setdefault(tuple(words), {}).setdefault(band, file)
            if other != file:
                raise RequestError(f"{place / other} and {file} are the same band of one tile")
    if not tiles:
        raise RequestError(
            f"no file in {place} has a word {' or '.join(bands)} in its name, such as {files[0]}"
        )
    for found_bands in tiles.values():
        if missing := [band for band in bands if band not in found_bands]:
            example = place / next(iter(found_bands.values()))
            raise RequestError(
                f"{example} has no file beside it for the band {missing[0]}: every tile needs "
                f"all of bands={','.join(bands)}; use fewer bands, or a table of the tiles to use"
            )
    return [[place / each[band] for band in bands] for each in tiles.values()]


def _read_table(path: Path) -> pd.DataFrame | None:
    """Return a table; None for a FITS file of images."""
    from astropy.io import fits
    from astropy.table import Table

    name = path.name.lower()
    try:
        if name.endswith((".csv", ".tsv", ".txt")):
            return read_csv(path)
        if name.endswith((".parquet", ".pq")):
            return pd.read_parquet(path)
        if name.endswith(FITS_SUFFIXES):
            with fits.open(path) as hdus:
                if any(hdu.is_image and hdu.size for hdu in hdus):
                    return None
        table = Table.read(path)
        return table[[each for each in table.colnames if table[each].ndim == 1]].to_pandas()
    except OSError as error:
        raise RequestError(f"{path} cannot be read: {error.strerror or error}") from error
    # Readers of tables meet what is none with errors of almost every kind.
    except Exception as error:
        raise RequestError(f"{path} cannot be read ({first_line(error)}); {_EXPECTED}") from error


def _of_table(place: Path, table: pd.DataFrame, bands: Sequence[str]) -> list[list[Path]]:
    columns = [f"image_{band}" for band in bands]
    if not columns:
        columns = [name for name in table.columns if str(name).startswith("image_")]
        columns = ["image"] if "image" in table else columns
    missing = [name for name in columns if name not in table]
    if not columns or missing:
        raise RequestError(
            f"{place} has no column {missing[0] if missing else 'image or image_BAND'}; its "
            f"columns are {first_few(table.columns, 10)}"
        )
    if table.empty:
        raise RequestError(f"{place} has no rows: expected one for each tile")
    tiles = []
    for row, files in enumerate(table[columns].itertuples(index=False), 1):
        texts = ["" if pd.isna(file) else _text(file).strip() for file in files]
        if "" in texts:
            raise RequestError(f"{place}: row {row} has no {columns[texts.index('')]}")
        places = [located(os.path.expanduser(text), place.parent) for text in texts]
        if urls := list(filter(protocol_of, places)):
            raise RequestError(f"{place}: row {row}: {urls[0]} is a URL; download mosaics first")
        tiles.append(list(map(Path, places)))
    return tiles


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
