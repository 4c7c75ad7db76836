"""Files and folders that are written whole or not at all, and are on the disk before they count.

What is written has a temporary name (`core/temporary.py`) until all of it is flushed to the disk;
then it is renamed, and its folder is flushed: after a loss of power there is the old or the new.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from hubblefork.core.errors import RequestError
from hubblefork.core.temporary import temporary_file, temporary_folder

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def replacing(path: Path | str, binary: bool = False) -> Iterator[IO[Any]]:
    """Open a temporary file beside `path`; on leaving, rename it to `path`.

    If the block raises, `path` is as it was before and the temporary file is gone. A link stays
    one: the file that it leads to is replaced.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with replacing(folder / "a.txt") as file:
    ...     _ = file.write("whole")
    >>> (folder / "a.txt").read_text(), len(list(folder.iterdir()))
    ('whole', 1)
    """
    target = Path(os.path.realpath(path))
    with ExitStack() as stack:
        with _reachable(target):
            temporary = stack.enter_context(temporary_file(target.parent))
        stack.enter_context(_full_disk_named(path))
        mode, encoding = ("wb", None) if binary else ("w", "utf-8")
        # newline="" leaves line ends to the csv module, so files are the same on every system.
        with open(temporary, mode, encoding=encoding, newline=None if binary else "") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, target)
        _flush_folder(target.parent)


@contextmanager
def appearing(folder: Path | str, first_stays: bool = False) -> Iterator[Path]:
    """Yield a temporary folder beside `folder`; on leaving, rename it to `folder`.

    If the block raises, nothing is left. If another process has made `folder` meanwhile, that one
    stays. With `first_stays`, both have the same content and the temporary one is removed; else it
    is kept beside `folder` under another name, which the RequestError gives.
    """
    folder = Path(folder)
    with ExitStack() as stack:
        with _reachable(folder):
            temporary = stack.enter_context(temporary_folder(folder.parent))
        stack.enter_context(_full_disk_named(folder))
        os.chmod(temporary, 0o777 & ~_umask())
        yield temporary
        _flush_tree(temporary)
        try:
            os.rename(temporary, folder)
        except OSError as error:
            if not folder.is_dir():
                raise
            if not first_stays:
                kept = folder.with_name(f"{folder.name}-{temporary.stem.rsplit('-', 1)[-1]}")
                os.rename(temporary, kept)
                raise RequestError(
                    f"{folder} was made by another command meanwhile; this one's is at {kept}"
                ) from error
        _flush_folder(folder.parent)


@contextmanager
def _reachable(path: Path) -> Iterator[None]:
    """Make the folder above `path`; RequestError where that, or the block, cannot write there."""
    try:
        make_folder(path.parent)
        yield
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise RequestError(f"cannot write {path}: {error.strerror} ({path.parent})") from error


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, as far as they are missing."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _flush_folder(folder.parent)


@contextmanager
def _full_disk_named(path: Path | str) -> Iterator[None]:
    """Say what could not be written where the disk is full: a failed write does not know."""
    try:
        yield
    except OSError as error:
        if error.errno in DISK_FULL and error.filename is None:
            error.filename = str(path)
        raise


def _flush_tree(folder: Path) -> None:
    for root, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(root, name), "rb+") as file:
                os.fsync(file.fileno())
        _flush_folder(Path(root))


def _flush_folder(folder: Path) -> None:
    """Flush the names in a folder, on systems that can."""
    if os.name != "posix":
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
    except PermissionError:  # a folder that may be written and not read
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # a file system that does so itself
            raise
    finally:
        os.close(handle)


def _umask() -> int:
    """The permissions that new files are made without (it can only be read by setting it)."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
