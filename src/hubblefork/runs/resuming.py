"""Which run a training goes on with, and whether it can."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hubblefork.core.errors import RequestError, first_few
from hubblefork.runs.run import Run


def find_earlier(source: str | Path, out: str | Path | None) -> Run | None:
    """The run to go on with; None where `out` names a folder that is not there yet."""
    if out is not None:
        # A kill can come before the folder is made.
        return Run.open(out) if Path(out).exists() else None
    recipes = sorted(Path("runs").glob("*/*/recipe.toml"), key=lambda file: file.stat().st_mtime)
    for file in reversed(recipes):
        run = Run(file.parent)
        if not run.finished and run.recipe.get("run", {}).get("source") == str(source):
            return run
    raise RequestError(f"--resume: no unfinished run of {source} below runs/; name it by --out")


def check_same(run: Run, content: Mapping[str, Any]) -> None:
    """A run can only go on with what it began with."""
    before, now = _flat(run.recipe), _flat(content)
    free = ("run.source", "run.device", "run.processes", "run.started", "run.versions.")
    keys = [key for key in sorted(before.keys() | now.keys()) if not key.startswith(free)]
    changed = [_change(key, before, now) for key in keys if before.get(key) != now.get(key)]
    if changed:
        raise RequestError(
            f"cannot go on with {run.path}, which began differently: {first_few(changed)}; "
            "leave them as they were, or begin anew with another --out"
        )


def _change(key: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    if key == "run.dataset":  # a hash, which says nothing to a reader
        return f"the images or labels of {now['run.source']}, or their framing, are others"
    return f"{key} was {before.get(key, 'not set')}, is {now.get(key, 'not set')}"


def _flat(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
