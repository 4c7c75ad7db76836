"""The files in a folder and below it, sorted by name; hidden ones are skipped."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from hubblefork.core.errors import RequestError, first_few
from hubblefork.core.names import stem
from hubblefork.data.images.read import is_image_name

# What systems leave in folders and archives, some with small copies of the images.
_LEFT_BY_SYSTEMS = {
    "__macosx", "thumbs.db", "desktop.ini", "@eadir", "$recycle.bin", "lost+found",
    "system volume information",
}  # fmt: skip

_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar")


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
                if hidden or not _is_hidden(entry.name):
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


def is_archive(name: str) -> bool:
    """Whether a file's name says that it is an archive, to be unpacked.

    >>> is_archive("images.tar.gz"), is_archive("m31.fits.gz")
    (True, False)
    """
    return name.lower().endswith(_ARCHIVES) and not is_image_name(name)


def kinds(files: Iterable[str]) -> str:
    """Count files by their suffixes, the most frequent first.

    >>> kinds(["a/1.gif", "a/2.GIF", "notes", "a/.3.png"])
    '2 .gif, 1 without suffix, 1 hidden'
    """
    count: Counter[str] = Counter()
    for file in files:
        suffix = file[len(stem(file)) :].lower() or "without suffix"
        count["hidden" if any(map(_is_hidden, Path(file).parts)) else suffix] += 1
    return first_few((f"{number:,} {kind}" for kind, number in count.most_common()), 6)


def passed_over(root: Path) -> str:
    """Say in an error about a folder what is in it besides images that are read; "" for nothing.

    >>> passed_over(galaxies)
    ''
    """
    others = [file for file in files_below(root, hidden=True)
              if not is_image_name(file) or any(map(_is_hidden, Path(file).parts))]  # fmt: skip
    if not others:
        return ""
    hint = "; unpack archives first" if any(map(is_archive, others)) else ""
    return f"; passed over: {kinds(others)} (JPEG, PNG, WebP, TIFF and FITS are read{hint})"


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in _LEFT_BY_SYSTEMS


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False
