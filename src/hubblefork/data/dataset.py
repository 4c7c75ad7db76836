"""A packed dataset: every image of a source as bytes of one size, memory-mapped from one file.

images.npy      (N, H, W, C) uint8, never held in memory as a whole
table.parquet   one row per image: id, label or votes, origin, digest, size and bands of the
                original, and the source's further columns
dataset.json    task, provenance, framing, counts, and which images were left out and why
SHA256SUMS      the digests of these three files
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from hubblefork.core.errors import RequestError
from hubblefork.core.parsing import parse_json
from hubblefork.data.checksums import find_damage
from hubblefork.data.images.framing import Framing
from hubblefork.tasks.registry import task_from_json
from hubblefork.tasks.task import Task

# Raised whenever the meaning of these files changes; it is part of the cache's key, so that
# datasets of another format are packed again.
FORMAT = 3

# Columns of the table that packing writes.
PACKED_COLUMNS = ("origin", "digest", "width", "height", "bands")


class DamagedDataset(RequestError):
    """The files of a packed dataset are not as they were written, or some are missing."""


@dataclass(frozen=True, eq=False)
class PackedDataset:
    """One opened packed dataset; it is pickled as its path, so that it is cheap to send.

    path: the folder.
    source: the name of the source, as the user gave it.
    task: what a label means.
    info: the content of `dataset.json`.
    table: one row per image, in the order of `images`.
    images: (N, H, W, C) uint8, read from the file as rows are asked for.
    """

    path: Path
    source: str
    task: Task = field(repr=False)
    info: dict[str, Any] = field(repr=False)
    table: pd.DataFrame = field(repr=False)
    images: np.ndarray = field(repr=False)

    @classmethod
    def open(cls, path: str | Path, source: str | None = None) -> "PackedDataset":
        """Open the folder `path`; DamagedDataset where its files are not as they were written.

        `source` renames the source: the same images may have several names, and outputs carry the
        one that the user gave.
        """
        path = Path(path)
        if not path.is_dir() or not (path / "dataset.json").exists():
            raise DamagedDataset(
                f"{path} is not a packed dataset: it has no dataset.json; pack the source again"
            )
        if damage := find_damage(path):
            raise DamagedDataset(f"the packed images at {path} are damaged: {damage}")
        info = parse_json((path / "dataset.json").read_bytes())
        if info.get("format") != FORMAT:
            raise RequestError(
                f"{path} is a packed dataset of format {info.get('format')}, expected {FORMAT}; "
                "pack the source again"
            )
        if source is not None:
            info["source"] = source
        return cls(
            path=path,
            source=info["source"],
            task=task_from_json(info["task"]),
            info=info,
            table=pd.read_parquet(path / "table.parquet"),
            images=np.load(path / "images.npy", mmap_mode="r"),
        )

    def __len__(self) -> int:
        return len(self.table)

    @property
    def key(self) -> str:
        """The hash of the source's content and the framing: equal keys mean equal images."""
        return self.info["key"]

    @property
    def blank(self) -> int:
        """How many images look blank, as far as packing noted it."""
        return self.info.get("blank", 0)

    @property
    def framing(self) -> Framing:
        """How each image was cropped and scaled."""
        return Framing.from_json(self.info["framing"])

    @property
    def labels(self) -> np.ndarray:
        """The class of each image (N,) int64, or its vote fractions (N, answers) float32.

        Raises RequestError where the images have no labels.
        """
        return self.task.labels(self.table)

    def further_columns(self, rows: np.ndarray) -> pa.Table | None:
        """What came with these images beside ids and labels, such as positions; None for nothing.

        `image` is where each is from, if they are not all from one place. What packing has measured
        is not among them.
        """
        known = ["id", *PACKED_COLUMNS[1:], *self.task.label_columns]
        if self.table["origin"].nunique() < 2:
            known.append("origin")
        table = self.table.drop(columns=[each for each in known if each in self.table])
        table = table.rename(columns={"origin": "image"}).iloc[rows]
        if not len(table.columns):
            return None
        return pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata()

    def __reduce__(self) -> tuple[Callable, tuple[Path, str]]:
        return PackedDataset.open, (self.path, self.source)
