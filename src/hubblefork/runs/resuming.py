"""Which run a training resumes, and whether it can."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hubblefork.core.errors import RequestError, first_few
from hubblefork.core.progress import say
from hubblefork.data.sources.path_options import absolute_source
from hubblefork.data.splits import Split
from hubblefork.recipes.recipe import Recipe
from hubblefork.runs.provenance import Provenance
from hubblefork.runs.run import Run

# What has to be the same when a run is resumed; the rest may differ, on another machine say.
_FIXED = ("dataset", "parameters", "precision", "seed")
# What may differ but is said: sums in another order are rounded in another way.
_ROUNDING = ("device", "processes", "threads", "versions")


def find_earlier(source: str | Path, out: str | Path | None) -> Run | None:
    """The run to resume; None where `out` names a folder that does not exist yet."""
    if out is not None:
        # A training may be killed before its folder is made.
        return Run.open(out) if Path(out).exists() else None
    begun = sorted(Path("runs").glob("*/*/provenance.json"), key=lambda file: file.stat().st_mtime)
    location = absolute_source(source)
    for file in reversed(begun):
        run = Run(file.parent)
        if not run.finished and run.provenance.location == location:
            return run
    raise RequestError(f"--resume: no unfinished run of {source} below runs/; name it by --out")


def check_same(run: Run, recipe: Recipe, provenance: Provenance, split: Split) -> None:
    """RequestError where recipe, data, split, seed or precision are not those of the run.

    Other threads, processes, versions or another device are allowed, but said.
    """
    began = run.provenance
    before = _settings(run.recipe) | {name: getattr(began, name) for name in _FIXED}
    now = _settings(recipe) | {name: getattr(provenance, name) for name in _FIXED}
    changed = [
        _change(key, before, now, provenance.source)
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key)
    ]
    if run.split.sha256 != split.sha256:
        changed.append("the split is another one")
    if changed:
        raise RequestError(
            f"cannot resume {run.path}, which began with other settings: {first_few(changed)}; "
            "leave them as they were, or start again with another --out"
        )
    other = [name for name in _ROUNDING if getattr(began, name) != getattr(provenance, name)]
    if other:
        changes = (_change(name, vars(began), vars(provenance), "") for name in other)
        say(
            f"{run.path} continues with other settings than it began with: "
            f"{first_few(changes, len(other))}; the last digits of its weights will differ from "
            "those of an uninterrupted run"
        )


def _change(key: str, before: Mapping[str, Any], now: Mapping[str, Any], source: str) -> str:
    if key == "dataset":  # a hash, which means nothing to a reader
        return f"the images or labels of {source}, or their framing, have changed"
    return f"{key} was {before.get(key, 'not set')}, is {now.get(key, 'not set')}"


def _settings(recipe: Recipe) -> dict[str, Any]:
    """All that decides the training; the words on a publication do not."""
    return _flat(recipe.model_copy(update={"publication": None}).to_toml())


def _flat(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
