"""What every source offers: a table with one row a picture, and a way to read those pictures."""

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Literal

import pandas as pd

from hubblefork.data.framing import Framing
from hubblefork.data.pictures import read_pictures
from hubblefork.data.reading import Job, Pictures
from hubblefork.data.task import Task
from hubblefork.progress import progress

PARTS = ("train", "val", "test")

# How people write the three parts, in folder names and in catalogues.
PART_WORDS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}


class Source(ABC):
    """Pictures with labels, not yet read.

    name: the source as the user gave it; it stands in every output.
    task: what a label means.
    table: one row a picture: `id` (unique text); `label` (index of the class) for Classes, or the
        37 fractions for Votes; `origin` (where the picture is); if known `split` (train, val or
        test), `group` (text; a group is never divided), `ra` and `dec` (degrees, ICRS).
    notes: plain sentences on what was ignored and why.
    prefer: whether pictures are read faster by "threads" or by "processes".
    """

    name: str
    task: Task
    table: pd.DataFrame
    notes: list[str]
    prefer: Literal["threads", "processes"]

    @abstractmethod
    def stamp(self) -> str:
        """Return a cheap fingerprint that changes when the source is edited."""

    @abstractmethod
    def content(self) -> str:
        """Return the SHA-256 of all that the source holds: its table and every picture."""

    @abstractmethod
    def job(self, rows: Sequence[int]) -> Job:
        """Return a function of the framing that reads the pictures of these rows.

        It holds no more than these rows need, since it is sent to other processes.
        """

    def read(self, rows: Sequence[int], framing: Framing) -> Pictures:
        """Read the pictures of these rows, each as (side, side, channels) uint8 or the reason."""
        return self.job(rows)(framing)


# Starting processes takes a second or two; in that time threads have read this many pictures.
_WORTH_PROCESSES = 5000


class PictureFiles(Source):
    """A source whose pictures are files: `paths` has one for each row of `table`."""

    def __init__(
        self, name: str, task: Task, table: pd.DataFrame, paths: Sequence[str], notes: list[str]
    ) -> None:
        self.name = name
        self.task = task
        self.table = table
        self.paths = [os.path.abspath(path) for path in paths]
        self.notes = notes

    @property
    def prefer(self) -> Literal["threads", "processes"]:
        """Threads share Python's lock, so that on two cores they read 1.2 to 1.5 times as fast
        as one, where processes read 1.7 to 1.9 times as fast, once they have started.
        """
        return "processes" if len(self.paths) >= _WORTH_PROCESSES else "threads"

    def stamp(self) -> str:
        digest = hashlib.sha256(table_digest(self.table, self.task).encode())
        for path in self.paths:
            try:
                state = os.stat(path)
                digest.update(f"{path}\0{state.st_size}\0{state.st_mtime_ns}\0".encode(*_ENCODING))
            except OSError:
                digest.update(f"{path}\0gone\0".encode(*_ENCODING))
        return digest.hexdigest()

    def content(self) -> str:
        digest = hashlib.sha256(table_digest(self.table, self.task).encode())
        blocks = [self.paths[start : start + 256] for start in range(0, len(self.paths), 256)]
        with progress("fingerprint", len(self.paths)) as done, ThreadPoolExecutor() as pool:
            for file_digests in pool.map(_file_digests, blocks):
                for each in file_digests:
                    digest.update(each)
                done(len(file_digests))
        return digest.hexdigest()

    def job(self, rows: Sequence[int]) -> Job:
        return partial(read_pictures, [self.paths[row] for row in rows])


# File names may hold bytes that are not UTF-8; Python carries them as lone surrogates.
_ENCODING = ("utf-8", "surrogateescape")


def display_text(name: str) -> str:
    r"""Write a file name as text that every table can hold.

    >>> display_text("Spirale à bras"), display_text("caf\udce9")
    ('Spirale à bras', 'caf\\xe9')
    """
    return name.encode(*_ENCODING).decode("utf-8", "backslashreplace")


def table_digest(table: pd.DataFrame, task: Task) -> str:
    """Return the SHA-256 of a table and of what its labels mean."""
    digest = hashlib.sha256(repr(task.to_json()).encode())
    for column in table:
        digest.update(f"\0{column}\0".encode())
        values = table[column]
        if values.dtype.kind in "iufb":
            digest.update(values.to_numpy().tobytes())
        else:
            digest.update("\0".join(map(str, values)).encode())
    return digest.hexdigest()


def _file_digests(paths: Sequence[str]) -> list[bytes]:
    return [_file_digest(path) for path in paths]


def _file_digest(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:  # read() gives the reason for this picture
        return b"unreadable"
