"""A table beside folders of images, such as credits.csv: its columns join those of the images."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from hubblefork.core.errors import first_few, first_line
from hubblefork.core.names import normalised, stem
from hubblefork.core.regular_files import not_a_file
from hubblefork.core.tables.csv import read_csv
from hubblefork.data.sources.table_columns import as_text, known_columns, with_plain_names

# A table that names a smaller fraction of the images than this, and of whose rows a smaller
# fraction names an image, is about something else.
_LEAST_FRACTION = 0.5

# Columns that the folders themselves, or packing, give already.
_TAKEN = {"id", "label", "origin", "split", "digest", "width", "height", "bands"}


def columns_beside(path: Path, files: Sequence[str], name: str) -> tuple[pd.DataFrame, str] | None:
    """Return the further columns of a CSV table for each of the images, and a note.

    A column `id` is among them, which the note does not name: images have ids already.

    One of its columns must name the images: by their paths relative to the table's folder, or
    by their file names, with or without suffix, where these are unique. Of several, the one that
    names most.

    path: the table.
    files: the images, relative to the table's folder.
    name: the source, as the user gave it.

    None if this is not a table of these images; without columns, and with the reason in the note,
    if it is none that can be read. Raises RequestError for invalid positions.
    """
    if not_a_file(path):
        return None
    try:
        table = read_csv(path)
    except (ValueError, OSError) as error:
        note = f"{path.name} cannot be read as a table, and was not used: {first_line(error)}."
        return pd.DataFrame(index=range(len(files))), note
    table = with_plain_names(table, f"{name}: {path.name}").apply(as_text)
    place = _places(files)
    named = {column: table[column].map(place) for column in table if column}
    if not named:
        return None
    key = max(named, key=lambda column: named[column].notna().sum())
    # An image that two rows name is left without either.
    known = named[key][named[key].notna() & ~named[key].duplicated(keep=False)].astype(np.int64)
    if len(known) < _LEAST_FRACTION * min(len(files), len(table)) or known.empty:
        return None

    columns = [column for column in table if column not in (key, *_TAKEN)]
    kept = [*columns, *(["id"] if "id" in table else [])]
    joined = table.loc[known.index, kept].set_index(known.to_numpy()).reindex(range(len(files)))
    joined = known_columns(joined, name)
    note = (
        f"{path.name}: columns {first_few(columns, 6) or '(none)'} joined to {len(known):,} of "
        f"{len(files):,} images"
    )
    if len(known) < len(table):
        note += f"; {len(table) - len(known):,} of its rows name no image, or the same as another"
    return joined, f"{note}."


def _places(files: Sequence[str]) -> dict[str, int]:
    """Return the index of each image by every name that is unique to it."""
    places: dict[str, int] = {}
    shared: set[str] = set()
    for number, file in enumerate(files):
        path = normalised(Path(file).as_posix())
        base = os.path.basename(path)
        for word in {path, stem(path), base, stem(base)}:
            if places.setdefault(word, number) != number:
                shared.add(word)
    return {word: number for word, number in places.items() if word not in shared}
