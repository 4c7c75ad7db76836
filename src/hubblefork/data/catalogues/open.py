"""Open a catalogue: a table file, a folder of Parquet files, or a table in memory."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hubblefork.core.path_options import split_options
from hubblefork.core.tables.memory import table_in_memory
from hubblefork.core.tables.stored import is_table
from hubblefork.data.catalogues.catalogue import Catalogue, open_catalogue
from hubblefork.data.sources.column_roles import with_options
from hubblefork.data.sources.table_files import open_stored


def is_catalogue(text: str) -> bool:
    """Whether a source's text is the path of a table, with options behind it or not.

    >>> is_catalogue("simulated:100"), is_catalogue(str(galaxies))
    (False, False)
    """
    path = Path(split_options(text)[0]).expanduser()
    return os.path.exists(path) and is_table(path)


def open_path(text: str, hdu: str | None = None) -> Catalogue:
    """Open the table at a path: `sky.fits:id=OBJ:mosaics=tiles/:size=30`.

    Raises RequestError where it cannot be read or used.
    """
    table, path, options = open_stored(text, typed=True)
    folder = path if path.is_dir() else path.parent
    return open_catalogue(table, text, folder, options, options.get("hdu", hdu))


def open_memory(given: Any, asked: Mapping[str, str], hdu: str | None = None) -> Catalogue:
    """Open a table in memory; paths are relative to the current folder.

    Raises RequestError where it cannot be used.
    """
    table = table_in_memory(given)
    name = f"table ({table.rows:,} row{'s' * (table.rows != 1)})"
    text = with_options("", asked)
    options = split_options(text)[1]
    return open_catalogue(table, name, Path.cwd(), options, options.get("hdu", hdu))
