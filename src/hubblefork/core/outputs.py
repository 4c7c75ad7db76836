"""Where a verb may write: never over what is read, nor over what it did not write itself.

Every output of every verb is checked here before any work is done. A file that is there is replaced
only if it is empty, or one that the same verb wrote before.
"""

import os
from collections.abc import Callable
from pathlib import Path

from hubblefork.core.errors import RequestError
from hubblefork.core.regular_files import not_a_file

# By these a folder of a run or of an evaluation is known, and these are read from it again.
_RUN_MARKS = ("provenance.json", "metrics.json")
_RUN_FILES = ("recipe.toml", "split.csv", "history.csv", "model.safetensors", "predictions.csv",
              "report.html", "checkpoints", "figures", *_RUN_MARKS)  # fmt: skip


def check_file(path: Path, is_former: Callable[[Path], bool], what: str) -> None:
    """RequestError unless the file can be written and nothing else is lost by it.

    is_former: whether a file that is there may be replaced. what: it would be, for the message.

    >>> (folder / "notes.csv").touch()  # an empty file holds nothing
    >>> check_file(folder / "notes.csv", lambda path: False, "a table of predictions")
    >>> _ = (folder / "notes.csv").write_text("mine")
    >>> check_file(folder / "notes.csv", lambda path: False, "a table of predictions")
    Traceback (most recent call last):
    hubblefork.core.errors.RequestError: ...notes.csv exists already and is not a table of ...
    """
    _check_place(path)
    if not path.exists():
        return
    if reason := not_a_file(path):
        raise RequestError(f"--out {path}: {reason}")
    if path.stat().st_size and not is_former(path):
        raise RequestError(f"{path} exists already and is not {what}: give another --out")


def check_folder(path: Path, instead: str = "give another --out") -> None:
    """RequestError unless there is nothing of this name, and a folder can be made there."""
    if os.path.lexists(path):
        raise RequestError(f"{path} exists already: {instead}")
    _check_place(path)


def _check_place(path: Path) -> None:
    """RequestError where nothing can be written, and for what is a run's own file by its name."""
    folder = Path(os.path.realpath(path)).parent
    of_a_run = any((folder / mark).is_file() for mark in _RUN_MARKS)
    if of_a_run and path.name.lower() in _RUN_FILES:
        raise RequestError(f"{path} is a file of the run {folder}: give another --out")
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir():
        raise RequestError(f"cannot write {path}: {folder} is not a directory")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise RequestError(f"cannot write {path}: no permission to write in {folder}")
