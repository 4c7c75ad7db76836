"""Files and folders that are written whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from hubblefork.core.errors import RequestError


@contextmanager
def replacing(path: Path | str, binary: bool = False) -> Iterator[IO[Any]]:
    """Open a temporary file beside `path`; on leaving, rename it to `path`.

    If the block raises, `path` is as it was before and the temporary file is gone.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with replacing(folder / "a.txt") as file:
    ...     _ = file.write("whole")
    >>> (folder / "a.txt").read_text(), len(list(folder.iterdir()))
    ('whole', 1)
    """
    path = Path(path)
    with _reachable(path):
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        mode, encoding = ("wb", None) if binary else ("w", "utf-8")
        # newline="" leaves line ends to the csv module, so files are the same on every system.
        with os.fdopen(handle, mode, encoding=encoding, newline=None if binary else "") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextmanager
def appearing(folder: Path | str, first_stays: bool = False) -> Iterator[Path]:
    """Yield a temporary folder beside `folder`; on leaving, rename it to `folder`.

    If the block raises, nothing is left. If another process has made `folder` meanwhile, that one
    stays. With `first_stays`, both have the same content and the temporary one is removed; else it
    is kept beside `folder` under another name, which the RequestError gives.
    """
    folder = Path(folder)
    with _reachable(folder):
        temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    os.chmod(temporary, 0o777 & ~_umask())
    try:
        yield temporary
        try:
            os.rename(temporary, folder)
        except OSError as error:
            if not folder.is_dir():
                raise
            if not first_stays:
                kept = folder.with_name(f"{folder.name}-{temporary.name.rsplit('.', 1)[-1]}")
                os.rename(temporary, kept)
                raise RequestError(
                    f"{folder} was made by another command meanwhile; this one's is at {kept}"
                ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def _reachable(path: Path) -> Iterator[None]:
    """Make the folder above `path`; RequestError where that, or the block, cannot write there."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise RequestError(f"cannot write {path}: {error.strerror} ({path.parent})") from error


def _umask() -> int:
    """The permissions that new files are made without (it can only be read by setting it)."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
