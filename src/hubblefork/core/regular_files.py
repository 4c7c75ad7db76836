"""Only regular files are opened: a pipe waits for a writer that may never come, some devices never
end, and opening others does something. So this is asked before anything from outside is opened."""

import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from hubblefork.core.tries import is_transient
from hubblefork.core.urls import protocol_of

_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def not_a_file(path: Path | str) -> str:
    """Return why a path cannot be opened as a file, in words; "" for a regular file.

    Links are followed. Raises OSError where another try may tell more (see `core.tries`).

    >>> not_a_file(folder)
    'a directory, not a file'
    >>> (folder / "link").symlink_to(folder / "nothing")
    >>> not_a_file(folder / "link"), not_a_file(folder / "nothing")
    ('a link to a missing file', 'the file is not there')
    """
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return "a link to a missing file" if os.path.islink(path) else "the file is not there"
    except OSError as error:
        if error.errno == errno.ELOOP:
            return "a link that leads back to itself"
        if is_transient(error):
            raise
        return f"cannot be read ({error.strerror or error})"
    except ValueError as error:  # a name that no system can have
        return f"cannot be a file ({error})"
    if stat.S_ISREG(mode):
        return ""
    return f"{_KINDS.get(stat.S_IFMT(mode), 'something else')}, not a file"


def without_file(given: Iterable[str], files: Iterable[Path | str]) -> list[str]:
    """Return those of the names that stand for no regular file, with what stands there instead.

    URLs are taken to be there.

    >>> without_file(["here", "gone", "odd"], [__file__, folder / "gone", folder])
    ['gone', 'odd (a directory, not a file)']
    """
    return [
        f"{name} ({not_a_file(file)})" if os.path.lexists(file) else name
        for name, file in zip(given, files, strict=True)
        if not protocol_of(file) and not os.path.isfile(file)
    ]
