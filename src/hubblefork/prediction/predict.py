"""Predict images of any number: read and computed block by block, told in the order of the rows."""

import math
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Literal

import numpy as np
import pyarrow as pa
import torch

from hubblefork.core.allocator import keep_freed_memory
from hubblefork.core.device import images_at_once, threads_of_each
from hubblefork.core.errors import RequestError, first_line
from hubblefork.core.progress import progress
from hubblefork.data.images.blank import warn_of_blank
from hubblefork.data.images.blocks import (
    Block,
    Job,
    images_a_block,
    in_order,
    read_blocks,
)
from hubblefork.data.images.framing import Framing
from hubblefork.data.rows import ImageStream, Rows
from hubblefork.models.input_images import Images
from hubblefork.models.predictor import Predictor
from hubblefork.tasks.predictions import Predictions

# Fewer images together take a network more time for each.
_LEAST_IMAGES = 32

# Rows whose answers are told together. Parquet files are read fast in groups of so many rows.
ROWS = 32_768

_NO_NUMBER = "the model's answer is not a number: its weights are too large for this image"


def predict_stream(
    predictor: Predictor,
    stream: ImageStream,
    coverage: float | None = None,
    watch: Callable[[Sequence[str]], None] | None = None,
) -> Iterator[Predictions]:
    """Predict the images of a stream in order, some thousand rows after another.

    coverage: of prediction sets; None for none. An image that cannot be read, or
    for which the model gives no number, has a problem and no prediction. watch: called with the
    digests of each block's images.
    """
    framing = stream.framing_like(predictor.framing)
    blank = number = 0
    with progress("predicting", stream.number) as done:

        def see(block: Block) -> None:
            nonlocal blank, number
            blank, number = blank + block.blank, number + len(block.read)
            done(len(block.read) + len(block.left_out))
            if watch is not None:
                watch(block.digests)

        from joblib import cpu_count  # takes a tenth of a second to import

        rows = stream.rows(ROWS)
        workers = max(1, min(cpu_count(), stream.number // _LEAST_IMAGES))
        digests = watch is not None
        yield from predict_rows(
            predictor, rows, framing, workers, stream.prefer, coverage, see, digests
        )
    warn_of_blank(blank, number)


def one_schema(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """Return the columns of several inputs as those of one table.

    Ids of different types become text. Raises RequestError where another column of one name has
    two types that no one type holds.

    >>> first = pa.schema({"id": pa.int64(), "z": pa.float32()})
    >>> one_schema([first, pa.schema({"id": pa.string()})])
    id: string
    z: float
    """
    if len({schema.field("id").type for schema in schemas if "id" in schema.names}) > 1:
        text = pa.field("id", pa.string())
        schemas = [
            schema.set(schema.get_field_index("id"), text) if "id" in schema.names else schema
            for schema in schemas
        ]
    try:
        return pa.unify_schemas(list(schemas), promote_options="permissive")
    except pa.ArrowException as error:
        raise RequestError(
            f"the tables differ in a column: {first_line(error)}; predict each of them by itself"
        ) from None


def with_schema(predictions: Predictions, schema: pa.Schema) -> Predictions:
    """Return predictions with all the columns of a schema, empty where they had none."""
    own = predictions.columns
    columns = [
        own[field.name].cast(field.type) if own is not None and field.name in own.column_names
        else pa.array(predictions.ids, pa.string()) if field.name == "id"
        else pa.nulls(len(predictions), field.type)
        for field in schema
    ]  # fmt: skip
    return replace(predictions, columns=pa.table(columns, schema=schema))


def predict_rows(
    predictor: Predictor,
    parts: Iterator[Rows],
    framing: Framing,
    workers: int,
    prefer: Literal["threads", "processes"] = "threads",
    coverage: float | None = None,
    see: Callable[[Block], None] = lambda block: None,
    digests: bool = False,
    divide: int | None = None,
) -> Iterator[Predictions]:
    """Predict rows, and yield the predictions of each part of them.

    workers: threads or processes that read images, while on a processor as many threads compute
    those that have been read. see: called with each block as it was read. digests: whether blocks
    have them. divide: how many workers the blocks are made for, where they shall not depend on how
    many there are: in blocks of other sizes, the last bits of answers may differ.
    """
    shape = framing.shape
    waiting: deque[tuple[_Part, np.ndarray]] = deque()

    def jobs() -> Iterator[Job]:
        for rows in parts:
            part = _Part(predictor, rows, coverage)
            image_bytes = max(math.prod(shape), rows.images.held_bytes)
            most = images_a_block(image_bytes, images_at_once(predictor.card.view.size))
            for places, job in rows.jobs(_evenly(len(rows), most, divide or workers)):
                waiting.append((part, places))
                yield job

    keep_freed_memory()
    read = read_blocks(jobs(), framing, shape, workers, prefer, predictor.card.colours, digests)
    computers = workers if predictor.parallel else 1
    with closing(read), closing(_answer(predictor, read, shape, coverage, computers)) as answered:
        for block, found in answered:
            part, places = waiting.popleft()
            part.add(places, block, found)
            see(block)
            if not part.missing:
                yield part.predictions()


def _evenly(rows: int, most: int, workers: int) -> int:
    """Rows of a block, so that all workers have equally much to do.

    >>> _evenly(1000, 256, workers=2), _evenly(300, 256, workers=2), _evenly(3, 256, workers=16)
    (250, 150, 32)
    """
    rounds = -(-rows // (most * workers))
    return min(most, max(_LEAST_IMAGES, -(-rows // (rounds * workers))))


def _answer(
    predictor: Predictor,
    read: Iterable[Block],
    shape: tuple[int, ...],
    coverage: float | None,
    workers: int,
) -> Generator[tuple[Block, Predictions], None, None]:
    """Predict blocks, in so many threads at the same time, and yield them in order.

    Several networks with a thread each take less time than one network with several threads,
    which wait for each other in every layer; `benchmarks/survey_workers.py` compares them.
    """
    prepared, own = predictor.twin(), threading.local()

    def answer(block: Block) -> tuple[Block, Predictions]:
        if not hasattr(own, "predictor"):
            own.predictor = prepared.twin()
        images = np.frombuffer(block.pixels, np.uint8).reshape(-1, *shape)
        return block, predict_images(own.predictor, images, coverage)

    with threads_of_each(max(1, torch.get_num_threads() // workers)):
        yield from in_order(answer, read, workers, "threads")


class _Part:
    """The predictions of some rows, whose images come block by block in any order."""

    def __init__(self, predictor: Predictor, rows: Rows, coverage: float | None):
        self.predictor, self.rows, self.coverage = predictor, rows, coverage
        self.missing = len(rows)
        outputs = predictor.task.outputs
        self.values = np.full((len(rows), outputs), np.nan, np.float32)
        self.typicality = np.full(len(rows), np.nan, np.float32)
        self.sets = np.zeros((len(rows), outputs), bool)
        self.problems = np.full(len(rows), "", dtype=object)

    def add(self, places: np.ndarray, block: Block, found: Predictions) -> None:
        """Take the predictions of one block, whose images are those of the rows at `places`."""
        read = places[block.read]
        self.values[read] = found.values
        self.problems[read] = found.problems
        if found.typicality is not None:
            self.typicality[read] = found.typicality
        if found.sets is not None:
            self.sets[read] = found.sets
        for place, reason in block.left_out:
            self.problems[places[place]] = reason
        self.missing -= len(places)

    def predictions(self) -> Predictions:
        return Predictions(
            task=self.predictor.task,
            ids=self.rows.ids,
            values=self.values,
            typicality=self.typicality if self.predictor.knows_typicality else None,
            sets=None if self.coverage is None else self.sets,
            problems=self.problems,
            columns=self.rows.kept,
        )


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
