"""A table that lies beside folders of images, such as credits.csv: what more it tells of them."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from hubblefork.core.errors import first_few
from hubblefork.data.sources.table_columns import as_text, degrees

# A table that names a smaller share of the images than this, and of whose rows a smaller share
# names one, is about something else.
_LEAST_SHARE = 0.5

# Columns whose meaning the folders themselves, or packing, have given already.
_TAKEN = {"id", "label", "origin", "split", "digest", "width", "height", "bands"}


def columns_beside(path: Path, files: Sequence[str], name: str) -> tuple[pd.DataFrame, str] | None:
    """Return the further columns of a CSV table for each of the images, and what to say of it.

    One of its columns must name the images: by their paths relative to the table's folder, or
    by their file names, with or without suffix, where no other image is called the same. Of
    several, the one that names most.

    path: the table.
    files: the images, relative to the table's folder.
    name: the source, as the user gave it.

    None if this is no table of these images. Raises RequestError for positions off the sky.
    """
    try:
        table = pd.read_csv(path, dtype="str", keep_default_na=False, encoding="utf-8-sig")
    except (ValueError, OSError):  # pandas' errors for what is no table
        return None
    table = table.rename(columns=str.strip).apply(as_text)
    place = _places(files)
    named = {column: table[column].map(place) for column in table if column}
    if not named or not table.columns.is_unique:
        return None
    key = max(named, key=lambda column: named[column].notna().sum())
    # An image that two rows name cannot take the words of either.
    known = named[key][named[key].notna() & ~named[key].duplicated(keep=False)].astype(np.int64)
    if len(known) < _LEAST_SHARE * min(len(files), len(table)) or known.empty:
        return None

    columns = [column for column in table if column not in (key, "") and column not in _TAKEN]
    joined = table.loc[known.index, columns].set_index(known.to_numpy()).reindex(range(len(files)))
    for column, limit in (("ra", 360.0), ("dec", 90.0)):
        if column in joined:
            joined[column] = degrees(joined[column], limit, name)
    note = (
        f"{path.name}: columns {first_few(columns, 6) or '(none)'} joined to {len(known):,} of "
        f"{len(files):,} images"
    )
    if len(known) < len(table):
        note += f"; {len(table) - len(known):,} of its rows name no image, or the same as another"
    return joined, f"{note}."


def _places(files: Sequence[str]) -> dict[str, int]:
    """Return the number of each image by every name that is its alone."""
    places: dict[str, int] = {}
    shared: set[str] = set()
    for number, file in enumerate(files):
        path = Path(file).as_posix()
        base = os.path.basename(path)
        for word in {path, os.path.splitext(path)[0], base, os.path.splitext(base)[0]}:
            if places.setdefault(word, number) != number:
                shared.add(word)
    return {word: number for word, number in places.items() if word not in shared}
