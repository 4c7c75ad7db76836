"""Options after a path: `FILE.parquet:labels=COLUMN:images=COLUMN`."""

import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path

from hubblefork.core.errors import RequestError, nearest

_OPTION = re.compile(r":([a-z]+)=([^:]*)$")
# Kinds of sources that stand before a path.
_BEFORE_A_PATH = ("kaggle", "galaxy10-sdss", "galaxy10-decals")


def split_options(text: str | Path) -> tuple[str, dict[str, str]]:
    """Split a source's text into its path and the options after it.

    A path that exists is a path, even with a colon and an equals sign in its name.

    >>> split_options("galaxies/:labels=summary:split=test")
    ('galaxies/', {'labels': 'summary', 'split': 'test'})
    >>> split_options("kaggle/:test")
    ('kaggle/:test', {})
    """
    rest = str(text)
    options: dict[str, str] = {}
    while not os.path.exists(os.path.expanduser(rest)) and (found := _OPTION.search(rest)):
        options = {found[1]: found[2], **options}
        rest = rest[: found.start()]
    return rest, options


def check_options(options: Mapping[str, str], known: Collection[str], name: str) -> None:
    """Refuse an option that the source `name` does not have, or that is empty."""
    for key, value in options.items():
        if key not in known:
            hint = nearest(key, known) if known else "it has none"
            raise RequestError(f"{name}: no option {key!r} for this kind of source; {hint}")
        if not value:
            raise RequestError(f"{name}: the option {key!r} is empty; expected {key}=NAME")


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
    if kind in ("simulated", "hub"):
        return str(text)
    before, path = (kind + colon, rest) if kind in _BEFORE_A_PATH else ("", str(text))
    behind = ""
    while not os.path.exists(found := Path(path).expanduser()) and ":" in path:
        path, _, option = path.rpartition(":")
        behind = f":{option}{behind}"
    return f"{before}{found.absolute()}{behind}" if path and os.path.exists(found) else str(text)


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
    if not path.is_absolute() or path.exists():
        return location
    path = Path(text.partition(":")[0])
    behind = text[len(str(path)) :]
    places = (Path.cwd(), *near.resolve().parents)
    for start in range(1, len(path.parts)):
        for place in places:
            found = place.joinpath(*path.parts[start:])
            if found.exists():
                return f"{before}{found}{behind}"
    raise RequestError(
        f"the images of {near} are no longer at {path}, and neither there by the end of this path "
        f"in {places[0]}, nor in {places[1]} and the folders above it: move them back, or beside "
        "the run"
    )
