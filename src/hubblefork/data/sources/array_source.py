"""The images of one array as a source, whichever file the array is in."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from hubblefork.data.sources.array_pixels import Pixels
from hubblefork.data.sources.sequential import StreamedSource
from hubblefork.tasks.task import Task


class ArraySource(StreamedSource):
    """The images in one array.

    pixels: the array, and how its numbers are images.
    files: all that were read.
    """

    def __init__(
        self,
        name: str,
        task: Task,
        table: pd.DataFrame,
        notes: list[str],
        pixels: Pixels,
        files: Sequence[Path],
    ) -> None:
        self.name = name
        self.task = task
        self.table = table
        self.notes = notes
        self.channels = pixels.channels
        self.bands = pixels.channels if pixels.rule == "counts" else 0
        self.starts = pixels.slabs()
        self.held_bytes = pixels.image_bytes
        self._pixels = pixels
        self.files = [os.path.abspath(file) for file in files]
        self.chosen = (pixels.array.key, pixels.order, pixels.rule)

    def read_group(self, group: int) -> Iterator[np.ndarray]:
        yield self._pixels.load(self.starts[group], self.starts[group + 1])
