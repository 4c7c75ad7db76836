"""Images cut from mosaics at the positions of a catalogue, as a source to learn from."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from hubblefork.core.file_cache import file_sha256, file_stamp
from hubblefork.data.images.blocks import Job
from hubblefork.data.images.cutouts import read_cutouts
from hubblefork.data.sources.base import Source, table_digest
from hubblefork.sky.mosaics import Mosaics
from hubblefork.tasks.task import Task


@dataclass(eq=False, repr=False)
class CutoutSource(Source):
    """Cut-outs at `ra` and `dec` of a table.

    size: (N,) their sides in arcsec; None for that of the mosaics.
    """

    name: str
    task: Task
    table: pd.DataFrame
    mosaics: Mosaics
    notes: list[str]
    size: pd.Series | None = None

    def __post_init__(self) -> None:
        self.bands = self.channels = self.mosaics.bands
        self.hdu = self.mosaics.hdu
        self._ra, self._dec = (self.table[each].to_numpy() for each in ("ra", "dec"))
        self._tiles = self.mosaics.locate(self._ra, self._dec)

    def stamp(self) -> str:
        return self._digest([file_stamp(file) for file in self._files()])

    def content(self) -> str:
        return self._digest([file_sha256(Path(file)) for file in self._files()])

    def job(self, rows: Sequence[int]) -> Job:
        at = np.asarray(rows)
        size = None if self.size is None else self.size.to_numpy()[at]
        place = self._tiles[at], self._ra[at], self._dec[at], size
        return partial(read_cutouts, self.mosaics, *place)

    def _files(self) -> list[str]:
        return sorted({file for tile in self.mosaics.tiles for file in tile.files})

    def _digest(self, words: Sequence[str]) -> str:
        size = "" if self.size is None else self.size.to_numpy().tobytes().hex()
        options = f"{self.mosaics.size} {self.mosaics.edges} {self.mosaics.hdu} {size}"
        parts = (table_digest(self.table, self.task), options, *words)
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()
