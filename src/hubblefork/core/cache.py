"""The user's cache: where it is, and folders in it that are written whole or not at all."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from hubblefork.core.files import appearing

try:
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]  # Windows has none

# Where locks cannot show whether the writer of a folder still runs: packing writes a block every
# few seconds, so that one that has not for an hour has been killed.
_ABANDONED_SECONDS = 3600


def cache_folder(cache: str | Path | None = None) -> Path:
    """Return the folder of the cache: as given, HUBBLEFORK_CACHE, or the user's cache folder.

    >>> cache_folder("elsewhere").name
    'elsewhere'
    """
    given = cache or os.environ.get("HUBBLEFORK_CACHE")
    if given:
        return Path(given).expanduser().absolute()
    import pooch

    return Path(pooch.os_cache("hubblefork"))


@contextmanager
def appearing_locked(folder: Path) -> Iterator[Path]:
    """As `core.files.appearing`, after removing what killed writers have left beside it.

    >>> with appearing_locked(Path(folder) / "sky") as temporary:
    ...     _ = (temporary / "images.npy").write_bytes(b"whole")
    >>> [path.name for path in Path(folder).iterdir()]
    ['sky']
    """
    if folder.parent.is_dir():
        _sweep(folder.parent)
    # The lock is released after the folder has its name.
    with ExitStack() as held, appearing(folder, first_stays=True) as temporary:
        held.enter_context(_locking(temporary))
        yield temporary


def _sweep(folder: Path) -> None:
    """Remove the hidden folders whose writers no longer run."""
    for hidden in folder.glob(".*"):
        # Other processes may be removing them too.
        with suppress(FileNotFoundError):
            if hidden.is_dir() and _is_abandoned(hidden):
                shutil.rmtree(hidden, ignore_errors=True)


def _is_abandoned(folder: Path) -> bool:
    files = list(folder.iterdir())
    # A folder is locked before anything is written in it; one that is empty may be about to be.
    if files:
        with _locking(folder) as locked:
            if locked is not None:
                return locked
    newest = max(path.stat().st_mtime for path in (folder, *files))
    return time.time() - newest > _ABANDONED_SECONDS


@contextmanager
def _locking(folder: Path) -> Iterator[bool | None]:
    """Lock a folder while the block runs, or until this process ends, however it ends.

    Yields True where it is locked now, False where another process has locked it, and None where
    there are no such locks.
    """
    if fcntl is None:
        yield None
        return
    handle = os.open(folder, os.O_RDONLY)
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
