"""The text that names a source: whether it holds a path, and where that is now."""

import os
import re
from pathlib import Path

from hubblefork.core.braces import expand_braces
from hubblefork.core.errors import RequestError
from hubblefork.core.path_options import split_options

# Kinds of sources that stand before a path.
_BEFORE_A_PATH = ("kaggle", "galaxy10-sdss", "galaxy10-decals")


def is_in_memory(name: str) -> bool:
    """Whether a source's name is one of those that arrays and tables in memory are given.

    >>> is_in_memory("arrays (1,000 images)"), is_in_memory("sky.csv")
    (True, False)
    """
    return bool(re.fullmatch(r"(arrays|table) \([\d,]+ (images?|rows?)\)", name))


def absolute_source(text: str | Path) -> str:
    """A source's text with an absolute path where it holds one, so that it opens from any folder.

    >>> absolute_source("simulated:600"), absolute_source("/:labels=summary")
    ('simulated:600', '/:labels=summary')
    """
    kind, colon, rest = str(text).partition(":")
    if kind in ("simulated", "hub", "hf", "hf-hub"):
        return str(text)
    before, path = (kind + colon, rest) if kind in _BEFORE_A_PATH else ("", str(text))
    behind = ""
    while not _exists(found := Path(path).expanduser()) and ":" in path:
        path, _, option = path.rpartition(":")
        behind = f":{option}{behind}"
    return f"{before}{found.absolute()}{behind}" if path and _exists(found) else str(text)


def _exists(path: Path) -> bool:
    """Whether a path is there, or the first one that its braces stand for."""
    return os.path.exists(expand_braces(str(path))[0])


def find_moved(location: str, near: Path) -> str:
    """Where a source is whose absolute path `location` may have moved together with `near`.

    Where the path is gone, its last parts are looked for below the current folder and the folders
    above `near`, as many of them as possible. Returns `location` where it holds no path.

    Raises RequestError, which says where it looked.

    >>> (folder / "data" / "galaxies").mkdir(parents=True)
    >>> moved = find_moved("/gone/data/galaxies:labels=summary", folder / "runs" / "run")
    >>> moved == f"{folder.resolve()}/data/galaxies:labels=summary"
    True
    """
    kind, colon, rest = location.partition(":")
    before, text = (kind + colon, rest) if kind in _BEFORE_A_PATH else ("", location)
    path = Path(split_options(text)[0])
    if not path.is_absolute() or _exists(path):
        return location
    path = Path(text.partition(":")[0])
    behind = text[len(str(path)) :]
    places = (Path.cwd(), *near.resolve().parents)
    for start in range(1, len(path.parts)):
        for place in places:
            found = place.joinpath(*path.parts[start:])
            if _exists(found):
                return f"{before}{found}{behind}"
    raise RequestError(
        f"the images of {near} are no longer at {path}, and neither there by the end of this path "
        f"in {places[0]}, nor in {places[1]} and the folders above it: move them back, or beside "
        "the run"
    )
