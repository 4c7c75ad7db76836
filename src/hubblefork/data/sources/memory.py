"""What a notebook holds in memory as a source: arrays, images, tables, sources, packed datasets."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from hubblefork.core.errors import RequestError
from hubblefork.core.tables.memory import is_table_in_memory, table_in_memory
from hubblefork.data.dataset import PackedDataset
from hubblefork.data.images.blocks import Job
from hubblefork.data.images.decoded import UnreadableImage
from hubblefork.data.images.raster import pixels_of
from hubblefork.data.sources.array_files import in_memory
from hubblefork.data.sources.array_pixels import ArraySource, can_be_images, find_pixels
from hubblefork.data.sources.array_tables import labels_of, row_ids
from hubblefork.data.sources.base import Source, table_digest
from hubblefork.data.sources.catalogue import open_table
from hubblefork.data.sources.packed_source import PackedSource
from hubblefork.data.sources.sequential import read_stored
from hubblefork.data.sources.vote_fractions import votes_in
from hubblefork.tasks.task import Task, Unlabelled

_SHAPES = "numbers of shape (N, H, W), (N, H, W, C) or (N, C, H, W)"
_ACCEPTED = (
    "expected a path or a name, a tuple (images, labels) of arrays, images alone where no labels "
    "are needed, a table of paths and labels (pandas or astropy), a Source or a PackedDataset"
)


def open_object(
    given: Any,
    labelled: bool = True,
    hdu: str | None = None,
    options: Mapping[str, str] | None = None,
) -> Source:
    """Open what is in memory; see `open_source`.

    >>> images = np.zeros((4, 8, 8, 3), np.uint8)
    >>> open_object((images, ["disc", "bar", "disc", "bar"])).task
    Classes(names=('bar', 'disc'))
    """
    if isinstance(given, Source):
        return given
    if isinstance(given, PackedDataset):
        return PackedSource(given)
    if is_table_in_memory(given):
        return open_table(table_in_memory(given), labelled, hdu, options)
    if options:
        raise RequestError("columns and mosaics are for a catalogue: a table, or the path of one")
    images, labels = given, None
    if isinstance(given, tuple):
        if len(given) != 2:
            raise RequestError(f"a source is a tuple of {len(given)}; {_ACCEPTED}")
        images, labels = given
    if labels is None and labelled and _is_images(images):
        raise RequestError(f"{_kind(images)} has images but no labels; give (images, labels)")
    return _open_images(_as_images(images, labelled), labels, labelled)


def _kind(given: Any) -> str:
    return f"a source of type {type(given).__name__}"


def _is_images(given: Any) -> bool:
    """Whether something is one image or several, by its type."""
    if isinstance(given, list):
        return bool(given) and all(map(_is_images, given))
    return isinstance(given, Image.Image) or hasattr(given, "__array__")


def _as_images(given: Any, labelled: bool) -> np.ndarray | list[np.ndarray]:
    """Return (N, ...) numbers, or N images that differ in size."""
    if not _is_images(given):
        detail = " without anything in it" if isinstance(given, list) and not given else ""
        raise RequestError(f"{_kind(given)}{detail} cannot be used; {_ACCEPTED}")
    if not isinstance(given, list):
        array = _as_pixels(given)
        if array.ndim == 0:
            raise RequestError(f"{_kind(given)} is a single number and cannot be images")
        # One image can be predicted, but not learnt from: (H, W), or (H, W, C) with few channels.
        grey, colour = array.ndim == 2, array.ndim == 3 and array.shape[2] in (1, 3, 4)
        single = isinstance(given, Image.Image) or (not labelled and (grey or colour))
        return array[None] if single else array
    images = [_as_pixels(each) for each in given]
    for image in images:
        if image.ndim not in (2, 3):
            raise RequestError(
                f"an image of a list has the shape {image.shape}; expected (H, W) or (H, W, C)"
            )
    if len({(each.shape, each.dtype) for each in images}) == 1:
        return np.stack(images)
    if any(each.dtype != np.uint8 for each in images):
        raise RequestError("images of a list differ in shape or type; expected uint8, or one shape")
    return [each if each.ndim == 3 else each[..., None] for each in images]


def _as_pixels(given: Any) -> np.ndarray:
    """An array of images; what is masked in it is not known: NaN, or black where numbers have none.

    >>> _as_pixels(np.ma.masked_equal([[5, 9]], 9)).tolist()
    [[5.0, nan]]
    """
    array, mask = _as_array(given), getattr(given, "mask", None)
    if not (isinstance(mask, np.ndarray) and mask.any()):
        return array
    has_black = array.dtype.kind == "b" or array.dtype in (np.uint8, np.uint16)
    return np.where(mask, array.dtype.type(0) if has_black else np.nan, array)


def _as_array(given: Any) -> np.ndarray:
    """An array of anything that is like one; nothing is copied that NumPy can view."""
    if isinstance(given, Image.Image):
        try:
            return pixels_of(given)
        except UnreadableImage as error:
            raise RequestError(f"an image of Pillow cannot be used: {error.reason}") from None
    if hasattr(given, "detach"):  # a tensor of torch, perhaps with a gradient or on a GPU
        given = given.detach().cpu()
    return np.asarray(given)


def _open_images(images: np.ndarray | list[np.ndarray], labels: Any, labelled: bool) -> Source:
    name = f"arrays ({len(images):,} image{'s' * (len(images) != 1)})"
    if isinstance(images, np.ndarray):
        array = in_memory(name, "images", images)
        if not can_be_images(array):
            raise RequestError(f"{name}: {array} cannot be images; expected {_SHAPES}")
    table = pd.DataFrame({"id": row_ids("image", len(images))})
    task: Task = Unlabelled()
    notes: list[str] = []
    if labels is not None:
        try:
            task, columns, notes = _labels(labels, table["id"], name)
            table = table.join(columns)
        except RequestError as error:
            if labelled:
                raise
            notes.append(f"Read without labels ({error}).")
    table["origin"] = [f"image {row}" for row in range(len(images))]
    if isinstance(images, list):
        return ImageList(name, task, table, notes, images)
    pixels, rules = find_pixels(array, None, None)
    return MemorySource(name, task, table, [*rules, *notes], pixels)


def _labels(labels: Any, ids: pd.Series, name: str) -> tuple[Task, pd.DataFrame, list[str]]:
    if isinstance(labels, pd.DataFrame) and (votes := votes_in(labels)):
        labels = labels[list(votes.names)]
    try:
        values = _as_array(labels)
    except ValueError:  # rows of different lengths
        values = np.empty(0, object)
    if values.ndim == 0 or isinstance(labels, str | dict | set):
        raise RequestError(
            f"{name}: labels of type {type(labels).__name__}; expected {len(ids):,} class names, "
            "class numbers, one-hot rows, or rows of vote fractions"
        )
    if np.ma.is_masked(labels):
        raise RequestError(f"{name}: some labels are masked; leave their images out")
    if len(values) != len(ids):
        raise RequestError(f"{name}: {len(values):,} labels for {len(ids):,} images")
    return labels_of(in_memory(name, "labels", values), (), ids)


class MemorySource(ArraySource):
    """The images of an array in memory."""

    @cached_property
    def _content(self) -> str:
        array = self.pixels.array
        rows = (array.rows(row, row + 1) for row in range(array.shape[0]))
        return self._digest([_images_digest(rows)])

    def stamp(self) -> str:
        return self._content

    def content(self) -> str:
        return self._content


@dataclass(eq=False, repr=False)
class ImageList(Source):
    """Images in memory that differ in size: each (H, W, C) uint8."""

    name: str
    task: Task
    table: pd.DataFrame
    notes: list[str]
    images: Sequence[np.ndarray]

    def __post_init__(self) -> None:
        self.channels = max(image.shape[2] for image in self.images)

    def content(self) -> str:
        words = table_digest(self.table, self.task) + _images_digest(self.images)
        return hashlib.sha256(words.encode()).hexdigest()

    def job(self, rows: Sequence[int]) -> Job:
        return partial(read_stored, [self.images[row] for row in rows])


def _images_digest(images: Iterable[np.ndarray]) -> str:
    """SHA-256 of the shape, type and values of each image."""
    digest = hashlib.sha256()
    for image in images:
        digest.update(f"{image.shape} {image.dtype.str}".encode())
        digest.update(np.ascontiguousarray(image).data)
    return digest.hexdigest()
