"""Names of classes, columns, images and files: one spelling of each, whatever wrote it."""

import os
import re
import unicodedata
from collections.abc import Iterable

from hubblefork.core.urls import protocol_of

# A suffix, or two where the outer one only says how the file is packed.
_SUFFIXES = re.compile(
    r"(?<=[^/\\])((\.[a-z][a-z0-9]*)?\.(gz|fz|bz2|xz|zst|z|lz4)|\.[^./\\]*)$", re.IGNORECASE
)


def normalised(text: str) -> str:
    """Return text as it is compared and kept: composed (Unicode NFC), without spaces around it.

    macOS writes `é` as two characters, most other systems as one.

    >>> normalised(" Ka\\u0308fer ") == "K\\u00e4fer"
    True
    """
    return unicodedata.normalize("NFC", text).strip()


def alike(text: str) -> str:
    """Return what is left of a name when case, spaces and underscores do not count.

    >>> alike("Edge on") == alike("edge_on")
    True
    """
    compatible = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"[\s_\u200b\ufeff]+", "", compatible) or text


def stem(path: str) -> str:
    """Return a path without its suffix, which is two words where a file is packed.

    >>> [stem(each) for each in ("sky/m31.fits.gz", "m31.v2.jpg", "brain.nii.gz", "J12.5.fz")]
    ['sky/m31', 'm31.v2', 'brain', 'J12.5']
    """
    return _SUFFIXES.sub("", path)


def as_on_disk(paths: Iterable[str]) -> list[str]:
    """Return paths as the files are spelt that are there; others, and URLs, as they are.

    Names are the same if they are once `normalised`.

    >>> (folder / "e\u0301toile.png").touch()
    >>> os.path.exists(as_on_disk([str(folder / "\u00e9toile.png")])[0])
    True
    """
    folders: dict[str, dict[str, str]] = {}

    def spelt(path: str) -> str:
        if os.path.lexists(path):
            return path
        above, name = os.path.split(path)
        if not name:
            return path
        above = spelt(above) if above else "."
        if above not in folders:
            folders[above] = {normalised(each): each for each in _names(above)}
        return os.path.join(above, folders[above].get(normalised(name), name))

    return [path if protocol_of(path) else spelt(path) for path in paths]


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (OSError, ValueError):  # nothing there, or no name that a system can have
        return []
