"""Which files are the tiles of a survey: in a folder, by a table, or one alone."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from hubblefork.core.errors import RequestError, first_few, first_line
from hubblefork.core.folders import files_below
from hubblefork.core.names import stem
from hubblefork.core.tables.stored import is_table, open_table
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
    if is_table(place):
        return _by_table(place, bands)
    if not place.name.lower().endswith(FITS_SUFFIXES):
        raise RequestError(f"{place}: {_EXPECTED}")
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


def _by_table(place: Path, bands: Sequence[str]) -> list[list[Path]]:
    try:
        table = open_table(place, text=lambda name: True)
        names = table.schema.names
        columns = [f"image_{band}" for band in bands]
        if not columns:
            columns = [name for name in names if name.startswith("image_")]
            columns = ["image"] if "image" in names else columns
        missing = [name for name in columns or ["image or image_BAND"] if name not in names]
        if missing:
            raise RequestError(
                f"{place} has no column {missing[0]}; its columns are {first_few(names, 10)}"
            )
        rows = [row for batch in table.batches(columns=columns) for row in batch.to_pylist()]
    except OSError as error:
        raise RequestError(f"{place} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise RequestError(f"{place} cannot be read ({first_line(error)})") from error
    if not rows:
        raise RequestError(f"{place} has no rows; expected one for each tile")
    return [_row(place, number, row) for number, row in enumerate(rows, 1)]


def _row(place: Path, number: int, row: dict[str, object]) -> list[Path]:
    files = []
    for column, value in row.items():
        text = "" if value is None else str(value).strip()
        if not text:
            raise RequestError(f"{place}: row {number} has no {column}")
        file = located(os.path.expanduser(text), place.parent)
        if protocol_of(file):
            raise RequestError(f"{place}: row {number}: {file} is a URL; download mosaics first")
        files.append(Path(file))
    return files
