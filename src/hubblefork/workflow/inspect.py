"""Inspect a source before training: its contents, and what could make results wrong."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hubblefork.core.progress import say
from hubblefork.data.dataset import PackedDataset
from hubblefork.data.images.decoded import DecodedImage
from hubblefork.data.inspection import inspect_dataset
from hubblefork.data.packing import pack
from hubblefork.data.sources import open_source, with_columns
from hubblefork.data.sources.base import Source
from hubblefork.data.sources.path_options import absolute_source
from hubblefork.recipes.recipe import load_recipe
from hubblefork.report.inspect import SourceInspection, inspection_page, shown_rows
from hubblefork.report.page import check_page, write_page
from hubblefork.runs.run import output_name, short_name

# Pixels of an image on the page: enough to judge it by eye, few enough to send the page.
_SIDE = 256


def inspect(
    source: Any,
    *,
    out: str | Path | None = None,
    recipe: str | Path | None = None,
    columns: str | Mapping[str, str] | None = None,
    mosaics: str | None = None,
    crop: int | None = None,
    size: int | None = None,
    grey: bool = False,
    classes: str | Mapping[str, Mapping[str, float]] | None = None,
    group: str | None = None,
) -> SourceInspection:
    """Measure the contents of a source, and write one HTML page.

    Images are packed and split as with the recipe, so that a later training need not read them
    again.

    Parameters
    ----------
    source
        Images with or without labels: see `hubblefork.open_source`.
    out
        The page to write; by default `data-<source>.html` in this folder, by the name of a file or
        of a folder. An earlier page of the same source is replaced, and no other file.
    recipe
        The name of a recipe or the path of a TOML file; `default` where none is given.
    columns, mosaics
        Of a catalogue: see `hubblefork.open_source`.
    crop, size, grey
        As in training: the centre square to keep, the side to pack, one channel.
    classes
        A rule that converts votes to classes: `galaxy10`, `five`, or a TOML file.
    group
        A column whose values each stay in one set of the split.

    Returns the measurements, with the path of the `page`.

    Raises RequestError where the source cannot be used.

    >>> found = inspect(galaxies, out=folder / "page.html", size=24)
    >>> found.counts, found.page.is_file()
    (array([40, 40]), True)
    """
    given = {"data.crop": crop, "data.size": size, "data.grey": grey or None,
             "data.classes": classes, "split.group": group}  # fmt: skip
    settings: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    resolved = load_recipe("default" if recipe is None else recipe, settings)
    source = with_columns(source, columns, mosaics, labelled=False)
    opened = open_source(source, resolved.data.classes, labelled=False)
    about = absolute_source(opened.name)
    page = f"data-{output_name(opened.name)}.html" if out is None else out
    page = check_page(page, "inspect", about)
    data = resolved.data
    stretch = data.stretch.stretch()
    framing = opened.framing(data.crop, data.size, data.grey, stretch, data.transforms)
    dataset = pack(opened, framing)
    fractions = (resolved.split.train, resolved.split.val, resolved.split.test)
    inspection = inspect_dataset(dataset, fractions, seed=0, rules=resolved.split.ties())
    found = SourceInspection.of(
        inspection,
        page=page,
        title=f"Images of {short_name(dataset.source)}",
        notes=opened.notes,
        images=_read_again(opened, dataset, shown_rows(inspection)),
        recipe=resolved.name,
    )
    write_page(inspection_page(found), page, "inspect", about=about)
    return found


def _read_again(source: Source, dataset: PackedDataset, rows: np.ndarray) -> dict[int, np.ndarray]:
    """Read the images of these rows at a size to look at; packed ones where this is impossible."""
    table = dataset.table.iloc[rows]
    framing = dataset.framing
    side = framing.crop or int(table[["width", "height"]].min(axis=1).max())
    framing = replace(framing, size=min(_SIDE, side))
    places = pd.Index(source.table["id"]).get_indexer(table["id"])
    # In the source's order, so that a file of many images is read once from front to back.
    order = np.argsort(places)
    read = source.read(places[order], framing)
    images = {int(row): dataset.images[row] for row in rows}
    for row, image in zip(rows[order], read, strict=True):
        if isinstance(image, DecodedImage):
            images[int(row)] = image.pixels
        else:
            say(f"shown as packed, since it cannot be read again: {image.reason}")
    return images
