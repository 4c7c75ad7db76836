"""Predict images of any source and number: read and computed block by block."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace

import numpy as np
from joblib import cpu_count

from hubblefork.core.progress import progress
from hubblefork.data.images.blank import warn_of_blank
from hubblefork.data.images.blocks import Block, block_rows, read_blocks
from hubblefork.data.sources.base import Source
from hubblefork.models.input_images import Images
from hubblefork.models.predictor import Predictor
from hubblefork.tasks.predictions import Predictions

# Images that are read and computed together: as many as a network takes at once, if they are small.
_BLOCK_IMAGES = 256

_NO_NUMBER = "the model's answer is not a number: its weights are too large for this image"


def predict_source(
    predictor: Predictor,
    source: Source,
    coverage: float | None = None,
    watch: Callable[[Sequence[str]], None] | None = None,
) -> Iterator[Predictions]:
    """Predict the images of a source in order, one block of them after another.

    coverage: of prediction sets; None for none. An image that cannot be read, or
    for which the model gives no number, has a problem and no prediction. watch: called with the
    digests of each block's images.
    """
    framing = source.framing_like(predictor.framing)
    shape = framing.shape
    ids = source.table["id"].to_numpy(object)
    image_bytes = max(math.prod(shape), source.held_bytes)
    blocks = block_rows(len(ids), image_bytes, _BLOCK_IMAGES)
    jobs = (source.job(block) for block in blocks)
    workers = max(1, min(cpu_count(), len(blocks)))
    read = read_blocks(jobs, framing, shape, workers, source.prefer, predictor.card.colours)
    with closing(read), progress("predicting", len(ids)) as done:
        blank = number = 0
        for block, result in zip(blocks, read, strict=True):
            images = np.frombuffer(result.pixels, np.uint8).reshape(-1, *shape)
            own = ids[block.start : block.stop]
            if watch is not None:
                watch(result.digests)
            yield _placed(predictor, own, images, result, coverage)
            blank, number = blank + result.blank, number + len(result.read)
            done(len(block))
    warn_of_blank(blank, number)


def predict_images(
    predictor: Predictor, images: Images, coverage: float | None = None
) -> Predictions:
    """Predict images in memory; their ids are 'image 0', 'image 1' and so on.

    Raises RequestError for what is not images, or cannot be framed as the model's are.
    """
    found = predictor.answer(images)
    number = len(found.values)
    typicality = found.typicality
    known = np.isfinite(found.values).all(axis=1)
    if typicality is not None:
        typicality = np.where(known, typicality, np.float32(np.nan))
    sets = None if coverage is None else predictor.sets(found.values, coverage) & known[:, None]
    return Predictions(
        task=predictor.task,
        ids=np.array([f"image {place}" for place in range(number)], dtype=object),
        values=np.where(known[:, None], found.values, np.float32(np.nan)),
        typicality=typicality,
        sets=sets,
        problems=np.where(known, "", _NO_NUMBER).astype(object),
    )


def _placed(
    predictor: Predictor, ids: np.ndarray, images: np.ndarray, block: Block, coverage: float | None
) -> Predictions:
    """The predictions of a block, of which only some images could be read."""
    found = predict_images(predictor, images, coverage)

    def among(values: np.ndarray, empty: object) -> np.ndarray:
        whole = np.full((len(ids), *values.shape[1:]), empty, values.dtype)
        whole[block.read] = values
        return whole

    problems = np.full(len(ids), "", dtype=object)
    problems[block.read] = found.problems
    for place, reason in block.left_out:
        problems[place] = reason
    return replace(
        found,
        ids=ids,
        values=among(found.values, np.nan),
        typicality=None if found.typicality is None else among(found.typicality, np.nan),
        sets=None if found.sets is None else among(found.sets, False),
        problems=problems,
    )
