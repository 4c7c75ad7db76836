"""Arrays that took long to compute, kept in a file that is read only if it is whole."""

from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from hubblefork.core.files import replacing
from hubblefork.core.progress import say


def keep_arrays(path: Path, **arrays: np.ndarray) -> None:
    """Write arrays by name as an `.npz` file.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.npz"
    >>> kept_arrays(path)
    >>> keep_arrays(path, squares=np.arange(4) ** 2)
    >>> kept_arrays(path)
    {'squares': array([0, 1, 4, 9])}
    """
    with replacing(path, binary=True) as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def kept_arrays(path: Path) -> dict[str, np.ndarray] | None:
    """The arrays of a file; None where there is none, or where it is damaged, which is said."""
    if not path.is_file():
        return None
    try:
        with np.load(path) as kept:  # a zip file, which has checksums
            return dict(kept)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        say(f"{path} is damaged; computing it again")
        return None
