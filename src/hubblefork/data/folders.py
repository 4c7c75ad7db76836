"""What a folder holds besides images that are read, in words."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from hubblefork.core.errors import first_few
from hubblefork.core.folders import files_below, is_hidden
from hubblefork.core.names import stem
from hubblefork.data.images.read import is_image_name

_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar")


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
        count["hidden" if any(map(is_hidden, Path(file).parts)) else suffix] += 1
    return first_few((f"{number:,} {kind}" for kind, number in count.most_common()), 6)


def passed_over(root: Path) -> str:
    """Say in an error about a folder what is in it besides images that are read; "" for nothing.

    >>> passed_over(galaxies)
    ''
    """
    others = [file for file in files_below(root, hidden=True)
              if not is_image_name(file) or any(map(is_hidden, Path(file).parts))]  # fmt: skip
    if not others:
        return ""
    hint = "; unpack archives first" if any(map(is_archive, others)) else ""
    return f"; passed over: {kinds(others)} (JPEG, PNG, WebP, TIFF and FITS are read{hint})"
