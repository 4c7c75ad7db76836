"""Whether folders of runs are there, asked before anything that takes long is imported."""

from collections.abc import Sequence
from pathlib import Path

from hubblefork.core.errors import RequestError, first_few


def require_folders(paths: Sequence[Path]) -> None:
    """RequestError where one of them is missing or is given twice."""
    twice = [str(path) for path in paths if paths.count(path) > 1]
    if twice:
        raise RequestError(f"{twice[0]} is given twice")
    missing = [str(path) for path in paths if not path.is_dir()]
    if missing:
        raise RequestError(f"no folder of a run or of an evaluation at {first_few(missing)}")
