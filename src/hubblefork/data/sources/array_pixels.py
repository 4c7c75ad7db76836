"""An array of numbers as images: which axes are which, and how its numbers become bytes.

The rule is the same for the whole array, so that a faint image stays fainter than a bright one;
only counts, whose range is arbitrary, are scaled image by image.
"""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from hubblefork.core.errors import RequestError
from hubblefork.core.file_cache import remembered
from hubblefork.core.progress import progress
from hubblefork.data.images.decoded import MOST_PIXELS
from hubblefork.data.images.encodings import TWELVE_BITS
from hubblefork.data.sources.array_files import MOST_BYTES, Array
from hubblefork.data.sources.sequential import StreamedSource
from hubblefork.tasks.task import Task

# A slab of rows that are not compressed together: large enough that reading it is fast.
_SLAB_BYTES = 32 << 20

# Rows narrower than this are tables of numbers, not images.
_LEAST_SIDE = 5


@dataclass(frozen=True, eq=False)
class Pixels:
    """An array of images.

    array: (N, ...) numbers.
    order: of the axes of one image: HW, HWC or CHW.
    rule: how its numbers become bytes: bytes, bool, uint16, unit, range or counts.
    """

    array: Array
    order: str
    rule: str = "bytes"

    @property
    def channels(self) -> int:
        return 1 if self.order == "HW" else self.array.shape[1 + self.order.index("C")]

    @property
    def image_bytes(self) -> int:
        """The size of one image in memory: bytes, or counts of four bytes."""
        item = 1 if self.rule != "counts" else 4
        return item * int(np.prod(self.array.shape[1:], dtype=object))

    def slabs(self) -> list[int]:
        """Return the first row of each slab, and at the end the number of rows.

        A slab is whole rows of chunks, so that each chunk is decompressed once. It has at most
        MOST_BYTES; where a row of chunks has more, chunks are decompressed once for each slab.
        """
        # Numbers become bytes or float32: what is larger counts.
        row = max(self.image_bytes, self.array.row_bytes)
        chunk = self.array.chunk
        if chunk * row > MOST_BYTES:
            rows = MOST_BYTES // row
        else:
            rows = chunk * max(1, _SLAB_BYTES // (chunk * row))
        return [*range(0, self.array.shape[0], max(1, rows)), self.array.shape[0]]

    def load(self, start: int, stop: int) -> np.ndarray:
        """Read these images: (n, H, W, C), uint8, or float32 where they are counts."""
        values = _to_bytes(self.array.rows(start, stop), self.rule)
        if self.order == "HW":
            return values[..., None]
        return np.moveaxis(values, 1, 3) if self.order == "CHW" else values


@dataclass(eq=False, repr=False)
class ArraySource(StreamedSource):
    """The images in one array.

    pixels: the array, and how its numbers are images.
    files: all that were read.
    """

    name: str
    task: Task
    table: pd.DataFrame
    notes: list[str]
    pixels: Pixels
    files: Sequence[str] = ()

    def __post_init__(self) -> None:
        self.channels = self.pixels.channels
        self.bands = self.channels if self.pixels.rule == "counts" else 0
        self.starts = self.pixels.slabs()
        self.held_bytes = self.pixels.image_bytes
        self.files = [os.path.abspath(file) for file in self.files]
        self.chosen = (self.pixels.array.key, self.pixels.order, self.pixels.rule)

    def read_group(self, group: int) -> Iterator[np.ndarray]:
        yield self.pixels.load(self.starts[group], self.starts[group + 1])


def can_be_images(array: Array) -> bool:
    """Whether the shape and the type of an array are those of images."""
    if array.dtype.kind not in "biuf" or array.problem or len(array.shape) not in (3, 4):
        return False
    # Of three axes the shortest may be that of the bands.
    return array.shape[0] > 0 and sorted(array.shape[1:])[-2] >= _LEAST_SIDE


def find_pixels(array: Array, order: str | None, path: Path | None) -> tuple[Pixels, list[str]]:
    """Return how `array` is images, and a note on the rule by which its numbers become bytes.

    order: of the axes of one image, HWC or CHW, where the user gives it.
    path: the file that the array is in, whose range is found once; None for one in memory.

    Raises RequestError where the order is not clear or does not fit, and where images are
    larger than can be read.
    """
    pixels = Pixels(array, _find_order(array, order, path is not None))
    height, width = (array.shape[1 + pixels.order.index(axis)] for axis in "HW")
    if height * width > MOST_PIXELS or array.row_bytes > MOST_BYTES:
        raise RequestError(
            f"{array.file}: {array} has images of {width}x{height}; at most "
            f"{MOST_PIXELS // 1_000_000} megapixels and {MOST_BYTES >> 20} MB each can be read"
        )
    kind, name = array.dtype.name, f"{array.key} ({array.dtype.name})"  # in any byte order
    if kind == "uint8":
        return pixels, []
    if kind == "bool":
        return replace(pixels, rule="bool"), [f"{name}: false is black and true is white."]
    # What ends below that may be numbers of 8, 10 or 12 bits, nearly black if they are divided.
    enough = TWELVE_BITS if kind == "uint16" else 256
    if path is None:
        low, high = _range(pixels, enough)
    else:
        question = f"rule {array.key} {array.shape} {array.dtype}"
        answer = remembered(path, question, lambda: json.dumps(_range(pixels, enough)))
        low, high = json.loads(answer)
    if kind == "uint16" and high >= TWELVE_BITS:
        return replace(pixels, rule="uint16"), [f"{name} was divided by 257, to 0 to 255."]
    if low >= 0 and high <= 1:
        return replace(pixels, rule="unit"), [f"{name} lies in 0 to 1 and was multiplied by 255."]
    if low >= 0 and high <= 255:
        return replace(pixels, rule="range"), [f"{name} lies in 0 to 255 and was rounded."]
    return replace(pixels, rule="counts"), [
        f"{name} reaches below 0 or above 255: taken as counts, and each image scaled by the "
        "recipe's stretch."
    ]


def _find_order(array: Array, given: str | None, in_file: bool) -> str:
    """Return the order of an image's axes: there are fewer bands than pixels along a side."""
    if given and given not in ("HWC", "CHW"):
        raise RequestError(f"{array.file}: order={given}; expected order=HWC or order=CHW")
    if len(array.shape) == 3:
        if given:
            raise RequestError(
                f"{array.file}: order={given}, but {array} has no axis of bands; leave it out"
            )
        return "HW"
    first, middle, last = array.shape[1:]
    if given:
        return given
    if last < min(first, middle):
        return "HWC"
    if first < min(middle, last):
        return "CHW"
    hint = "transpose them to (N, H, W, C) with C below H and W"
    if in_file:
        hint = f"say {array.file}:order=HWC or {array.file}:order=CHW"
    raise RequestError(
        f"{array.file}: it is not clear which axis of {array} is that of the bands; {hint}"
    )


def _range(pixels: Pixels, enough: int) -> tuple[float, float]:
    """Return the smallest and the largest finite number, as far as the rule depends on them.

    Reading ends as soon as one is negative, or at least `enough`.
    """
    low, high = np.inf, -np.inf
    starts = pixels.slabs()
    with progress("reading the range", pixels.array.shape[0]) as done:
        for start, stop in pairwise(starts):
            values = pixels.array.rows(start, stop)
            if values.dtype.kind == "f":
                values = values[np.isfinite(values)]
            if values.size:
                low, high = min(low, float(values.min())), max(high, float(values.max()))
            if low < 0 or high >= enough:
                break
            done(stop - start)
    # Nothing finite at all is as black as zeros are.
    return (low, high) if low <= high else (0.0, 0.0)


def _to_bytes(values: np.ndarray, rule: str) -> np.ndarray:
    match rule:
        case "bytes":
            return values
        case "bool":
            return values.view(np.uint8) * np.uint8(255)
        case "uint16":  # as 16-bit images in files
            return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
        case "counts":
            with np.errstate(over="ignore"):  # beyond float32 is not finite, and so black
                return values.astype(np.float32)
    values = np.where(np.isfinite(values), values, 0) * (255 if rule == "unit" else 1)
    return np.round(values).astype(np.uint8)
