"""The table in a file or folder that a source names, with the options behind its path."""

from pathlib import Path

import pyarrow as pa

from hubblefork.core.errors import RequestError, first_line
from hubblefork.core.path_options import check_options, split_options
from hubblefork.core.tables.hats import position_columns
from hubblefork.core.tables.stored import StoredTable, open_table
from hubblefork.data.sources.column_roles import ROLES, is_text
from hubblefork.data.sources.mosaic_options import MOSAIC_OPTIONS

OPTIONS = (*ROLES, *MOSAIC_OPTIONS, "hdu")
# As files of arrays and data sets of Hugging Face call the options that here have one name.
_OTHER_NAMES = {"images": "image", "labels": "label"}


def open_stored(text: str, typed: bool = False) -> tuple[StoredTable, Path, dict[str, str]]:
    """The table that a source's text names, its path, and the options behind it.

    Of a HATS catalogue, its properties say which columns are ra and dec where the text does not.

    typed: whether ids, labels and paths in a file of text are numbers where they can be without
        losing a digit, as other programs read them; otherwise they are text.

    Raises RequestError where it cannot be read as a table.
    """
    place, options = split_options(text)
    options = {_OTHER_NAMES.get(key, key): value for key, value in options.items()}
    check_options(options, OPTIONS, text)
    path = Path(place).expanduser()
    asked = set(options.values())

    def stays_text(name: str) -> bool:
        return name in asked or is_text(name)

    try:
        table = open_table(path, (lambda _: False) if typed else stays_text)
        if typed and any(pa.types.is_floating(e.type) and stays_text(e.name) for e in table.schema):
            # 1e5 is a name here, and not 100000.
            floats = [e.name for e in table.schema if pa.types.is_floating(e.type)]
            table = open_table(path, lambda name: name in floats and stays_text(name))
        if path.is_dir():
            told = position_columns(path)
            options = {r: c for r, c in told.items() if c in table.schema.names} | options
    except (ValueError, OSError) as error:
        raise RequestError(f"{text} cannot be read as a table: {first_line(error)}") from error
    return table, path, options
