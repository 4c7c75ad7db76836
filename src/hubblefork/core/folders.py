"""The files in a folder and below it, sorted by name; hidden ones are skipped."""

import os
from collections.abc import Iterator
from pathlib import Path

from hubblefork.core.errors import RequestError

# What systems leave in folders and archives, some with small copies of the images.
_LEFT_BY_SYSTEMS = {
    "__macosx", "thumbs.db", "desktop.ini", "@eadir", "$recycle.bin", "lost+found",
    "system volume information",
}  # fmt: skip


def listing(path: Path, hidden: bool = False) -> tuple[list[str], list[str]]:
    """Return the names of the folders and of the files in `path`, sorted.

    hidden: whether with hidden ones, and those that systems leave, such as __MACOSX.

    Raises RequestError where the folder cannot be read.
    """
    folders: list[str] = []
    files: list[str] = []
    try:
        with os.scandir(path) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if hidden or not is_hidden(entry.name):
                    (folders if _is_folder(entry) else files).append(entry.name)
    except OSError as error:
        raise RequestError(f"{path} cannot be read: {error.strerror or error}") from error
    return folders, files


def files_below(root: Path, folder: str = "", hidden: bool = False) -> Iterator[str]:
    """Yield the path, relative to `root`, of every file in a folder of it and the folders within.

    Links are followed, but no folder is read twice, and no link back to `root`: links may lead in
    circles. Raises RequestError as `listing` does.

    >>> list(files_below(galaxies))[:2]
    ['bar/bar 0.png', 'bar/bar 1.png']
    """
    seen = {os.path.realpath(root)} if folder else set()
    waiting = [folder]
    while waiting:
        folder = waiting.pop()
        real = os.path.realpath(os.path.join(root, folder))
        if real in seen:
            continue
        seen.add(real)
        folders, files = listing(root / folder, hidden)
        for file in files:
            yield os.path.join(folder, file)
        waiting += [os.path.join(folder, each) for each in reversed(folders)]


def is_hidden(name: str) -> bool:
    """Whether a file or folder is hidden, or one that systems leave.

    >>> is_hidden(".git"), is_hidden("Thumbs.db"), is_hidden("m31.fits")
    (True, True, False)
    """
    return name.startswith(".") or name.lower() in _LEFT_BY_SYSTEMS


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False
