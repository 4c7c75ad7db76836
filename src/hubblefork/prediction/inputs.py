"""What `predict` and `explain` are given: image files, folders of them, sources, arrays."""

import os
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from hubblefork.core.errors import RequestError, first_few
from hubblefork.core.folders import files_below
from hubblefork.core.names import normalised
from hubblefork.core.path_options import check_options, split_options
from hubblefork.core.tables.memory import is_table_in_memory
from hubblefork.core.urls import protocol_of
from hubblefork.data.catalogues.open import is_catalogue, open_memory, open_path
from hubblefork.data.folders import is_archive, kinds, passed_over
from hubblefork.data.images.read import is_image_name
from hubblefork.data.rows import ImageStream, SourceStream
from hubblefork.data.sources import open_source
from hubblefork.data.sources.base import ImageFiles, Source, display_text
from hubblefork.data.sources.column_roles import asked_of, with_options
from hubblefork.data.sources.file_names import is_array_name, is_tar_name
from hubblefork.data.sources.huggingface import holds_images
from hubblefork.data.sources.webdataset import holds_tars
from hubblefork.tasks.task import Unlabelled

_TABLES = (".csv", ".tsv", ".parquet", ".arrow")


def are_images(given: Any) -> bool:
    """Whether something is images in memory: an array, an image of Pillow, or a list of these.

    >>> are_images(np.zeros((8, 8, 3), np.uint8)), are_images("galaxy.jpg"), are_images([])
    (True, False, False)
    """
    if isinstance(given, list | tuple):
        return bool(given) and all(map(are_images, given))
    return isinstance(given, np.ndarray | Image.Image)


def open_inputs(given: Any, hdu: str | None = None) -> list[Source]:
    """Open what is to be predicted: images, folders of them, and sources, in this order.

    given: a path, a source (see `open_source`), or a sequence of paths. A folder stands for every
    image below it, by name. A file that is named itself is read as an image whatever it is called,
    unless it is called as a table, a file of arrays or a tar is; so is a URL. An id is the path of
    an image, or what its source says.

    hdu: what the image to read of FITS files with several is called, unless `:hdu=` after a path
        names another.

    Raises RequestError for what is not there or cannot be read, and where there are no images.
    """
    if isinstance(given, str | Path):
        given = [given]
    elif not isinstance(given, list | tuple) or not all(isinstance(e, str | Path) for e in given):
        return [open_source(given, labelled=False, hdu=hdu)]
    if not given:
        raise RequestError("no images are given; expected one path or more")
    sources: list[Source] = []
    for (are_sources, asked), group in groupby(map(str, given), _kind):
        if are_sources:
            sources += [open_source(place, labelled=False, hdu=hdu) for place in group]
        else:
            paths = [split_options(place)[0] for place in group]
            sources.append(_open_images(paths, asked or hdu))
    return sources


def open_streams(
    given: Any,
    hdu: str | None = None,
    columns: str | Mapping[str, str] | None = None,
    mosaics: str | None = None,
) -> list[ImageStream]:
    """The same as `open_inputs`, for prediction: catalogues are read row by row.

    columns: of a catalogue, the column of each role (see `hubblefork.data.sources.column_roles`).
    mosaics: that its images are cut from, as `Mosaics.open` takes it.
    """
    asked = asked_of(columns, mosaics)
    if is_table_in_memory(given):
        return [open_memory(given, asked, hdu)]
    if isinstance(given, str | Path):
        given = [given]
    if not isinstance(given, list | tuple) or not all(isinstance(e, str | Path) for e in given):
        return [SourceStream(source) for source in open_inputs(given, hdu)]
    streams: list[ImageStream] = []
    for are_tables, group in groupby(given, lambda place: is_catalogue(str(place))):
        places = list(group)
        if are_tables:
            streams += [open_path(with_options(str(each), asked), hdu) for each in places]
        elif asked:
            raise RequestError(
                f"{first_few(map(str, places))}: --columns and --mosaics are for a catalogue, as "
                "CSV, Parquet, FITS table, VOTable or ECSV"
            )
        else:
            streams += [SourceStream(source) for source in open_inputs(places, hdu)]
    return streams


def _kind(place: str) -> tuple[bool, str | None]:
    """Whether a place is a source, and for images, which of a FITS file are asked for."""
    path, options = split_options(place)
    if _is_source(path):
        return True, None
    check_options(options, ("hdu",), place)
    return False, options.get("hdu")


def _is_source(place: str) -> bool:
    if protocol_of(place):
        return False
    if os.path.isdir(place):
        return holds_images(Path(place)) or holds_tars(Path(place))
    if os.path.isfile(place):
        return place.lower().endswith(_TABLES) or is_array_name(place) or is_tar_name(place)
    return True  # a name, or nothing: `open_source` says what there is


def _open_images(places: Sequence[str], hdu: str | None) -> ImageFiles:
    images: list[str] = []
    ignored: list[str] = []
    for place in places:
        if os.path.isdir(place):
            for file in files_below(Path(place)):
                (images if is_image_name(file) else ignored).append(os.path.join(place, file))
        elif is_archive(place):
            raise RequestError(f"{place} is an archive: unpack it, and give the directory")
        else:
            images.append(place)
    name = first_few(places)
    if not images:
        others = "".join(map(passed_over, map(Path, places)))
        raise RequestError(f"no images in {name}: JPEG, PNG, WebP, TIFF or FITS expected{others}")
    notes = []
    if ignored:
        counts = f" ({kinds(ignored)})" if len(ignored) > 3 else ""
        notes = [f"Ignored, not being images: {first_few(map(display_text, ignored))}{counts}."]
    ids = pd.Series([normalised(display_text(path)) for path in images], dtype="str")
    table = pd.DataFrame({"id": ids, "origin": ids})
    return ImageFiles(name, Unlabelled(), table, images, notes, hdu)
