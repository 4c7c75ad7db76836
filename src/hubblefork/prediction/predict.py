"""Predict images of any source and number: read, computed and written block by block."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from joblib import cpu_count

from hubblefork.core.errors import RequestError, first_few
from hubblefork.core.files import replacing
from hubblefork.core.progress import progress
from hubblefork.data.folders import files_below
from hubblefork.data.images.blocks import block_rows, read_blocks
from hubblefork.data.images.read import is_image_name
from hubblefork.data.sources import open_source
from hubblefork.data.sources.arrays import is_array_name
from hubblefork.data.sources.base import ImageFiles, Source, display_text
from hubblefork.data.sources.huggingface import holds_images
from hubblefork.models.predictor import Predictor
from hubblefork.tasks.predictions import Predictions
from hubblefork.tasks.task import Unlabelled

# Images that are read, computed and written together: as many as a network takes at once, if
# they are small.
_BLOCK_IMAGES = 256

_TABLES = (".csv", ".parquet", ".arrow")


def open_places(places: Sequence[str | Path]) -> list[Source]:
    """Open what is to be predicted: images, folders of them, and sources, in this order.

    A folder stands for every image below it, by name. A file that is named itself is taken for
    an image whatever it is called, unless it is called as a table or a file of arrays is. An id
    is the path of an image, or what its source says.

    Raises RequestError for what is not there or cannot be read, and where there are no images.
    """
    sources: list[Source] = []
    for are_sources, group in groupby(map(str, places), _is_source):
        if are_sources:
            sources += [open_source(place, labelled=False) for place in group]
        else:
            sources.append(_open_images(list(group)))
    return sources


def _is_source(place: str) -> bool:
    if os.path.isdir(place):
        return holds_images(Path(place))
    if os.path.isfile(place):
        return place.lower().endswith(_TABLES) or is_array_name(place)
    return True  # a name, or nothing: then it is told what there is


def _open_images(places: Sequence[str]) -> ImageFiles:
    images: list[str] = []
    passed: list[str] = []
    for place in places:
        if os.path.isdir(place):
            for file in files_below(Path(place)):
                (images if is_image_name(file) else passed).append(os.path.join(place, file))
        else:
            images.append(place)
    name = first_few(places)
    if not images:
        raise RequestError(f"no images in {name}: JPEG, PNG, WebP, TIFF or FITS expected")
    told = f"Passed over as no images: {first_few(map(display_text, passed))}."
    ids = pd.Series([display_text(path) for path in images], dtype="str")
    table = pd.DataFrame({"id": ids, "origin": ids})
    return ImageFiles(name, Unlabelled(), table, images, [told] if passed else [])


def predict_source(
    predictor: Predictor, source: Source, coverage: float | None = None
) -> Iterator[pd.DataFrame]:
    """Predict the images of a source in order, one table for each block of them.

    Columns: `id`; for classes `predicted` (the name) and one probability a class, for votes the
    37 fractions; `typicality`, where the model knows it: the share of validation images that are
    at least as unlike the training images; with a coverage, `set`: the names of the classes in
    the set, joined by `|`; and `problem`: why an image could not be read, empty where it could.
    The row of such an image has no prediction.
    """
    framing = predictor.framing
    shape = (framing.size, framing.size, framing.channels)
    ids = source.table["id"].to_numpy(object)
    image_bytes = max(np.prod(shape), source.held_bytes)
    blocks = block_rows(len(ids), image_bytes, _BLOCK_IMAGES)
    jobs = (source.job(block) for block in blocks)
    workers = max(1, min(cpu_count(), len(blocks)))
    read = read_blocks(jobs, framing, shape, workers, source.prefer, predictor.card.colours)
    with closing(read), progress("predicting", len(ids)) as done:
        for block, result in zip(blocks, read, strict=True):
            images = np.frombuffer(result.pixels, np.uint8).reshape(-1, *shape)
            found = _predictions(
                predictor, ids[block.start : block.stop], images, result.read, coverage
            )
            reasons = dict(result.left_out)
            problems = [reasons.get(place, "") for place in range(len(block))]
            yield replace(found, problems=np.array(problems, object)).table()
            done(len(block))


def _predictions(
    predictor: Predictor,
    ids: np.ndarray,
    images: np.ndarray,
    read: Sequence[int],
    coverage: float | None,
) -> Predictions:
    """The predictions of a block, of which the images at the places `read` are there."""
    found = predictor.answer(images)
    values = np.full((len(ids), len(predictor.names)), np.nan, np.float32)
    values[read] = found.values
    typicality = sets = None
    if found.typicality is not None:
        typicality = np.full(len(ids), np.nan, np.float32)
        typicality[read] = found.typicality
    if coverage is not None:
        sets = np.zeros(values.shape, bool)
        sets[read] = predictor.sets(found.values, coverage)
    return Predictions(predictor.task, ids, values, typicality=typicality, sets=sets)


def write_table(tables: Iterable[pd.DataFrame], path: Path) -> pd.DataFrame:
    """Write tables one after another to one `.csv` or `.parquet` file, whole or not at all.

    Returns the rows that have a problem. Raises RequestError for another suffix, and if every row
    has a problem.
    """
    check_table_path(path)
    problems: list[pd.DataFrame] = []
    rows = 0
    with replacing(path, binary=True) as file, ExitStack() as stack:
        writer = None
        for table in tables:
            if path.suffix == ".parquet":
                content = pa.Table.from_pandas(table, preserve_index=False)
                if writer is None:
                    writer = stack.enter_context(pq.ParquetWriter(file, content.schema))
                writer.write_table(content)
            else:
                text = table.to_csv(index=False, header=rows == 0, float_format="%.6g")
                file.write(text.encode())
            rows += len(table)
            problems.append(table.loc[table["problem"] != "", ["id", "problem"]])
        unread = pd.concat(problems, ignore_index=True)
        if len(unread) == rows:
            first = unread.iloc[0]
            raise RequestError(
                f"no image of {rows:,} could be read; {first['id']}: {first['problem']}"
            )
    return unread


def check_table_path(path: Path) -> None:
    """RequestError unless the path names a kind of table that can be written."""
    if path.suffix not in (".csv", ".parquet"):
        raise RequestError(f"--out {path}: expected a name ending in .csv or .parquet")
