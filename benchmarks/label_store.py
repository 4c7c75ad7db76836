"""How labels survive `kill -9`, and what an acknowledged one costs: JSON lines against SQLite.

    python benchmarks/label_store.py [--kills 100] [--rows 500] [--seed 0] [--folder FOLDER]

A process stores labels as the workbench does (`workbench/store.py`), or in SQLite in WAL mode with
synchronous=FULL, and acknowledges each one to this process once it is stored. It is ended by
SIGKILL at a random moment, and the file is read again: acknowledged rows that are missing are lost.
A kill leaves what the system was given; a loss of power is not tried. The time of an acknowledged
row is that of --rows rows without a kill, in --folder, since it is that of its disk.
"""

import argparse
import multiprocessing
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from markdown_table import as_markdown

from hubblefork.tasks.classes import Classes
from hubblefork.workbench.store import LabelStore, read_labels

_TASK = Classes(("disc", "bar"))
_COLUMNS = ("store", "kills", "acknowledged", "lost", "median ms a row", "95 % within ms")
# Seconds after the first acknowledged row in which the kill comes.
_LONGEST = 0.3


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100, help="of each store")
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0, help="of the moments of the kills")
    parser.add_argument("--folder", type=Path, help="where files are written")
    asked = parser.parse_args(words)
    moments = random.Random(asked.seed)
    lines = []
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        for store, (opened, count) in STORES.items():
            acknowledged = lost = 0
            for kill in range(asked.kills):
                path = Path(name) / f"{store}-{kill}"
                last = kill_a_writer(opened, path, moments.uniform(0, _LONGEST))
                acknowledged += last
                lost += max(0, last - count(path))
            seconds = time_rows(opened, Path(name) / store, asked.rows)
            milliseconds = 1000 * np.quantile(seconds, [0.5, 0.95])
            lines.append((store, str(asked.kills), f"{acknowledged:,}", str(lost),
                          *(f"{each:.2f}" for each in milliseconds)))  # fmt: skip
    print(as_markdown(_COLUMNS, lines), end="")


@contextmanager
def open_lines(path: Path) -> Iterator[Callable[[int], object]]:
    with LabelStore.open(path, _TASK) as store:
        yield lambda row: store.answer(
            "ann", (f"galaxy {row}", f"{row:032x}"), ["bar"], key=str(row)
        )


def count_lines(path: Path) -> int:
    return len(read_labels(path).standing())


@contextmanager
def open_sqlite(path: Path) -> Iterator[Callable[[int], object]]:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute(
            "CREATE TABLE IF NOT EXISTS labels (number INTEGER PRIMARY KEY, time TEXT, rater TEXT, "
            "image TEXT, digest TEXT, answer TEXT, model TEXT, queue TEXT, shown INTEGER, "
            "key TEXT UNIQUE)"
        )
        yield lambda row: database.execute(
            "INSERT INTO labels (time, rater, image, digest, answer, model, queue, shown, key) "
            "VALUES (?, 'ann', ?, ?, 'bar', '', '', 0, ?)",
            (time.time(), f"galaxy {row}", f"{row:032x}", str(row)),
        )


def count_sqlite(path: Path) -> int:
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return database.execute("SELECT count(*) FROM labels").fetchone()[0]


Opened = Callable[[Path], AbstractContextManager[Callable[[int], object]]]
STORES: dict[str, tuple[Opened, Callable[[Path], int]]] = {
    "JSON lines, fsync": (open_lines, count_lines),
    "SQLite, WAL, synchronous=FULL": (open_sqlite, count_sqlite),
}


def kill_a_writer(opened: Opened, path: Path, seconds: float) -> int:
    """How many rows a writer had acknowledged when it was killed, so long after the first."""
    context = multiprocessing.get_context("fork")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_write, args=(opened, path, sending))
    process.start()
    sending.close()
    last = receiving.recv()
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if receiving.poll(left):
            last = receiving.recv()
    process.kill()
    process.join()
    try:
        while True:  # acknowledged before the kill, and not read yet
            last = receiving.recv()
    except (EOFError, OSError):
        return last


def _write(opened: Opened, path: Path, sending: Connection) -> None:
    with opened(path) as store:
        for row in range(1, 1_000_000):
            store(row)
            sending.send(row)


def time_rows(opened: Opened, path: Path, rows: int) -> np.ndarray:
    """Seconds of each row (rows,)."""
    with opened(path) as store:
        seconds = []
        for row in range(rows):
            began = time.perf_counter()
            store(row)
            seconds.append(time.perf_counter() - began)
    return np.array(seconds)


if __name__ == "__main__":
    main()
