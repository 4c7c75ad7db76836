"""What was computed from a large file is kept in the cache until the file changes.

`file_stamp` tells whether it has: everything that is kept for a file asks that one function.
"""

import hashlib
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from hubblefork.core.cache import cache_folder
from hubblefork.core.errors import RequestError
from hubblefork.core.files import replacing
from hubblefork.core.progress import progress

# Read at once while a file is hashed: enough to be fast, little enough to show progress.
_BLOCK = 8 << 20


# Where a stamp looks into a file: blocks spread evenly over it. A smaller file is read whole.
_PLACES, _LOOK = 16, 4 << 10


def file_stamp(path: str | Path, look: bool = True) -> str:
    """Return a text that is another once the file `path` is edited or replaced.

    It has the path, size, inode and the times of the last change of content (mtime) and of
    anything (ctime), which cannot be set: `cp -p`, `rsync -t` and `tar x` keep the mtime.

    look: whether to read 16 blocks of 4 kB of it too. Not every file system has inodes and ctimes
        (exFAT, network drives), and the clock of some ticks only a hundred times a second.

    Raises OSError where the file is not there.

    >>> path = folder / "a.bin"
    >>> _ = path.write_bytes(b"four")
    >>> before = file_stamp(path)
    >>> _ = path.write_bytes(b"five")
    >>> file_stamp(path) == before
    False
    """
    state = os.stat(path)
    times = f"{state.st_mtime_ns}\0{state.st_ctime_ns}"
    words = f"{os.path.abspath(path)}\0{state.st_size}\0{state.st_ino}\0{times}"
    if look and stat.S_ISREG(state.st_mode):
        words += f"\0{_look(path, state.st_size)}"
    return words


def content_stamp(path: str | Path) -> str:
    """Return a text that is another once the content of the file `path` is.

    It has the size, the time of the last change of content and 16 blocks of 4 kB: the same wherever
    the file is moved or mounted, and whoever may read it.

    Raises OSError where the file is not there.
    """
    state = os.stat(path)
    return f"{state.st_size}\0{state.st_mtime_ns}\0{_look(path, state.st_size)}"


def _look(path: str | Path, size: int) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for place in range(_PLACES):
            file.seek(place * max(_LOOK, (size - _LOOK) // (_PLACES - 1)))
            digest.update(file.read(_LOOK))
    return digest.hexdigest()


def remembered(path: Path, question: str, find: Callable[[], str]) -> str:
    """Return the answer to a question about the file `path`, from the cache if it is there.

    The answer is computed again when the file changes; while it changes, none is kept.

    >>> path = folder / "a.bin"
    >>> _ = path.write_bytes(b"four")
    >>> remembered(path, "length", lambda: "4"), remembered(path, "length", lambda: "another")
    ('4', '4')
    """
    stamp = file_stamp(path.resolve())
    answer = cache_folder() / "remembered" / _digest(f"{stamp}\0{question}")
    if (kept := _kept(answer)) is not None:
        return kept
    found = find()
    if file_stamp(path.resolve()) == stamp:
        # A cache that cannot be written only makes the next time slower.
        with suppress(OSError, RequestError), replacing(answer) as file:
            file.write(f"{found}\n{_digest(found)}")
    return found


def _kept(answer: Path) -> str | None:
    """The answer that is kept in a file; None where there is none, or it is damaged."""
    try:
        found, _, digest = answer.read_text(encoding="utf-8").rpartition("\n")
    except (OSError, ValueError):
        return None
    return found if digest == _digest(found) else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in lower case; a file is read only once.

    >>> path = folder / "empty"
    >>> path.touch()
    >>> file_sha256(path)[:16]
    'e3b0c44298fc1c14'
    """
    return remembered(path, "sha256", lambda: _sha256(path))


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with (
        open(path, "rb") as file,
        progress(f"fingerprint of {path.name}", path.stat().st_size, "bytes") as done,
    ):
        while block := file.read(_BLOCK):
            digest.update(block)
            done(len(block))
    return digest.hexdigest()
