"""The SHA-256 of a packed dataset's files, beside them, by which damage is noticed.

They are checked whenever a dataset is opened: `dataset.json` and `table.parquet` are read each
time; the images, which may be many gigabytes, at the first time and after their file has changed in
any way (`core.file_cache.file_stamp`). `sha256sum --check SHA256SUMS` checks all of them by hand.
"""

import hashlib
from pathlib import Path

from hubblefork.core.file_cache import file_sha256

_SUMS = "SHA256SUMS"
_SMALL, _IMAGES = ("dataset.json", "table.parquet"), "images.npy"


def write_sums(folder: Path) -> None:
    """Write the digests of the files that are in `folder`."""
    lines = [f"{_digest(folder / name)}  {name}\n" for name in (*_SMALL, _IMAGES)]
    (folder / _SUMS).write_text("".join(lines), encoding="ascii")


def find_damage(folder: Path) -> str:
    """Say what is wrong with the files in `folder`, in a few words; "" where they are whole.

    >>> for name in ("dataset.json", "table.parquet", "images.npy"):
    ...     _ = (folder / name).write_text("whole")
    >>> write_sums(folder)
    >>> find_damage(folder)
    ''
    >>> _ = (folder / "images.npy").write_text("whale")
    >>> find_damage(folder)
    'images.npy is not as it was written'
    """
    try:
        lines = (folder / _SUMS).read_text(encoding="ascii").splitlines()
        sums = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
        found = {name: _digest(folder / name) for name in _SMALL}
        found[_IMAGES] = file_sha256(folder / _IMAGES)
    except FileNotFoundError as error:
        return f"{Path(error.filename).name} is missing"
    except (OSError, ValueError) as error:
        return str(error)
    changed = [name for name, digest in found.items() if sums.get(name) != digest]
    return f"{changed[0]} is not as it was written" if changed else ""


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
