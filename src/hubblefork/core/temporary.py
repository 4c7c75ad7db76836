"""Temporary files and folders, which are removed also where their command was killed.

Whoever makes one locks it until it has its final name or the process has ended, however it ends.
The next command that makes one in the same folder removes those that nobody holds. Their names say
on which system they were made: where several share a file system, one may not see the locks of the
others, and what another system has made is removed only where it has not changed for a week.
"""

import hashlib
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path

try:
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]  # Windows has none

_PREFIX, _SUFFIX = ".hubblefork-", ".tmp"

# Where locks cannot tell whether the owner lives: no command computes for longer without writing.
_OLD_SECONDS = 7 * 24 * 3600


@contextmanager
def temporary_file(folder: Path) -> Iterator[Path]:
    """Yield an empty file in `folder`, gone after the block unless it has been renamed."""

    def make() -> str:
        handle, name = tempfile.mkstemp(_SUFFIX, _beginning(), folder)
        os.close(handle)
        return name

    with _made(make) as path:
        yield path


@contextmanager
def temporary_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder in `folder`, gone after the block unless it has been renamed.

    >>> with temporary_folder(folder) as path:
    ...     _ = (path / "images.npy").write_bytes(b"half")
    >>> list(folder.iterdir())
    []
    """
    with _made(lambda: tempfile.mkdtemp(_SUFFIX, _beginning(), folder)) as path:
        yield path


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield a folder for what is needed while the block runs, where the system keeps such."""
    with temporary_folder(Path(tempfile.gettempdir())) as path:
        yield path


def sweep(folder: Path) -> None:
    """Remove what killed commands have left in `folder`.

    >>> (folder / ".hubblefork-0-0.tmp").touch()  # of another system, perhaps a moment ago
    >>> sweep(folder)
    >>> len(list(folder.iterdir()))
    1
    """
    for path in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        # Others may sweep it too, and that of another user can only be left.
        with suppress(OSError), locking(path) as locked:
            ours = path.name.startswith(_beginning())
            if (ours and locked) or (locked is not False and _is_old(path)):
                _remove(path)


@contextmanager
def _made(make: Callable[[], str]) -> Iterator[Path]:
    """Make a temporary file or folder after sweeping, and hold it while the block runs."""
    while True:
        path = Path(make())
        with ExitStack() as stack:
            stack.callback(_remove, path)
            # A sweep may come between making and locking: then it is made once more.
            try:
                locked = stack.enter_context(locking(path))
            except FileNotFoundError:
                continue
            if locked is False or not path.exists():
                continue
            sweep(path.parent)
            yield path
            return


@contextmanager
def locking(path: Path) -> Iterator[bool | None]:
    """Lock a file or folder while the block runs, or until this process ends.

    Yields True where it is locked now, False where another process has locked it, and None where
    there are no such locks. OSError where it is not there, or is no file or folder of this user.
    """
    if fcntl is None:
        yield None
        return
    # Locks of network file systems need files to be opened for writing.
    access = os.O_RDONLY if path.is_dir() else os.O_RDWR
    handle = os.open(path, access | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        locked: bool | None = True
    except BlockingIOError:
        locked = False
    except OSError:  # a file system that has none
        locked = None
    try:
        yield locked
    finally:
        os.close(handle)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _is_old(path: Path) -> bool:
    newest = max(each.lstat().st_mtime for each in (path, *path.rglob("*")))
    return time.time() - newest > _OLD_SECONDS


def _beginning() -> str:
    """How the names of this system's temporary files begin."""
    return f"{_PREFIX}{_system()}-"


@cache
def _system() -> str:
    """The running kernel, whose processes see one another's locks; elsewhere the machine."""
    try:
        name = Path("/proc/sys/kernel/random/boot_id").read_text()
    except OSError:
        name = platform.node()
    return hashlib.sha256(name.encode()).hexdigest()[:8]
