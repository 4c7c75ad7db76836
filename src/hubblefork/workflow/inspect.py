"""Look at a source before training: what it holds, and what would spoil a result."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hubblefork.core.progress import say
from hubblefork.data.dataset import PackedDataset
from hubblefork.data.images.decoded import DecodedImage
from hubblefork.data.inspection import Inspection, inspect_dataset
from hubblefork.data.packing import pack
from hubblefork.data.sources import open_source
from hubblefork.data.sources.base import Source
from hubblefork.recipes.recipe import load_recipe
from hubblefork.report.inspect import PAGE, Look, shown_rows, write_look
from hubblefork.report.page import check_page
from hubblefork.runs.run import short_name

# Pixels of an image on the page: enough to judge it by eye, few enough to send the page.
_SIDE = 256


@dataclass(frozen=True)
class Looked:
    """The page that was written, and what stands on it."""

    page: Path
    inspection: Inspection


def inspect(
    source: Any,
    *,
    out: str | Path | None = None,
    crop: int | None = None,
    size: int | None = None,
    grey: bool = False,
    classes: str | Mapping[str, Mapping[str, float]] | None = None,
    group: str | None = None,
) -> Looked:
    """Measure what a source holds, and write it as one HTML page.

    Images are packed as the recipe `default` packs them, so that a training that follows need
    not read them again.

    Parameters
    ----------
    source
        Images with or without labels: see `hubblefork.open_source`.
    out
        The page to write; by default `data-<source>.html` in this folder. Such a page that is
        there is replaced.
    crop, size, grey
        As in training: the centre square to keep, the side to pack, one channel.
    classes
        A rule that turns votes into classes: `galaxy10`, `five`, or a TOML file.
    group
        The column that the split should keep together.

    Raises RequestError where the source cannot be used.

    >>> looked = inspect(galaxies, out=folder / "page.html", size=24)
    >>> looked.inspection.counts, looked.page.is_file()
    (array([40, 40]), True)
    """
    given = {"data.crop": crop, "data.size": size, "data.grey": grey or None,
             "data.classes": classes, "split.group": group}  # fmt: skip
    settings: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    recipe = load_recipe("default", settings)
    opened = open_source(source, recipe.data.classes, labelled=False)
    page = check_page(out or f"data-{short_name(opened.name)}.html", PAGE)
    data = recipe.data
    framing = opened.framing(data.crop, data.size, data.grey, data.stretch.stretch())
    dataset = pack(opened, framing)
    shares = (recipe.split.train, recipe.split.val, recipe.split.test)
    inspection = inspect_dataset(dataset, shares, seed=0, group=recipe.split.group)
    looked = Look(
        title=f"{short_name(dataset.source)}: a look at the data",
        inspection=inspection,
        notes=opened.notes,
        images=_read_again(opened, dataset, shown_rows(inspection)),
        made=f"{datetime.now():%Y-%m-%d %H:%M}",
    )
    write_look(looked, page)
    return Looked(page, inspection)


def _read_again(source: Source, dataset: PackedDataset, rows: np.ndarray) -> dict[int, np.ndarray]:
    """Read the images of these rows at a size for eyes; the packed one where it cannot be."""
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
