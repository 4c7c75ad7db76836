"""How a run was made: a command to copy, what differs from the defaults, and short hashes."""

import json
import shlex
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from hubblefork.core.errors import RequestError
from hubblefork.core.text import several
from hubblefork.data.images.framing import Framing
from hubblefork.recipes.recipe import Recipe, load_recipe
from hubblefork.report.components import Command, Facts, Fold
from hubblefork.report.run_data import RunData
from hubblefork.report.style import SET_NAMES

# Images left out that the page lists; `dataset.json` has them all.
_MOST_LEFT_OUT = 20

# Digits of a hash that tell it apart from any other at hand; `split.csv` and `dataset.json` have
# all of them.
SHORT_HASH = 12

# Of a recipe, what is no setting; the provenance of a run stands beside it as `run`.
_ABOUT = ("name", "about", "publication", "run")


def how_it_was_made(run: RunData) -> Iterator[Any]:
    """The blocks of a section: the command, the settings that differ, all others folded."""
    recipe, settings = run.recipe, _settings(run.recipe)
    made = run.recipe.get("run", {})
    if made:
        yield "The same training again, on the same images:"
        labels = (made.get("labels") or {}).get("path")
        yield Command(command(recipe, str(made["source"]), made["seed"], labels))
    defaults = _defaults(recipe)
    changed = {
        key: f"{_written(value)} (default {_written(defaults[key])})"
        if key in defaults
        else _written(value)
        for key, value in settings.items()
        if value != defaults.get(key)
    }
    named = {"recipe": str(recipe["name"]), "network": str(recipe["network"]["name"])}
    about = {**named, **{key: _written(made[key]) for key in _SHOWN if key in made}}
    if made:
        about["initial weights"] = made.get("weights") or "random"
    if "started" in about:
        about["started"] = f"{datetime.fromisoformat(about['started']):%Y-%m-%d %H:%M %Z}"
    yield Facts({"Run": about, "Differs from the default settings": changed or ["Nothing."]})
    if made:
        rest = {key: _written(value) for key, value in settings.items() if key not in changed}
        yield Fold("The settings that are at their defaults", [Facts({"Settings": rest})])


# Of the provenance; dataset, versions and task stand under Data.
_SHOWN = ("seed", "device", "precision", "processes", "threads", "started")


def command(recipe: Mapping[str, Any], source: str, seed: int, labels: str | None = None) -> str:
    """The line that trains by this recipe; one of the user's own is read from the run's folder.

    >>> command(load_recipe("lenet5", {"epochs": 3}).to_toml(), "my sky", 1)
    "hubblefork train 'my sky' --recipe lenet5 --set training.epochs=3 --seed 1"
    """
    name, options = str(recipe["name"]), []
    try:
        shipped = _settings(load_recipe(name).to_toml())
    except RequestError:
        name, shipped = "RUN/recipe.toml", {}
    if shipped:
        own = _settings(recipe)
        for key in [*own, *(key for key in shipped if key not in own)]:
            if own.get(key) != shipped.get(key):
                options += ["--set", f"{key}={_as_setting(own.get(key))}"]
    seeds = ["--seed", str(seed)] if seed else []
    given = ["--labels", labels] if labels else []
    return shlex.join(["hubblefork", "train", source, "--recipe", name, *options, *seeds, *given])


def about_data(run: RunData) -> dict[str, Any]:
    """The packed images, the split, the versions, notes, and what was left out, as lists."""
    dataset, split = run.dataset, run.split
    _, high, wide, channels = dataset["shape"]
    kind = {1: "grey", 3: "colour"}.get(channels, f"{channels} channels")
    left_out = dataset.get("left_out", [])
    lists = {
        "Images": {
            "source": dataset["source"],
            "images": f"{dataset['number']:,}",
            "size": f"{wide} × {high} pixels, {kind}",
            "packed as": str(Framing.from_json(dataset["framing"])),
            "left out": f"{len(left_out):,}",
            "SHA-256": dataset["content"][:SHORT_HASH],
        },
        "Split": {
            "rule": _written(split["rule"]),
            "seed": _written(split["seed"]),
            **{
                name: several(split["sizes"][key], "image")
                for key, name in SET_NAMES.items()
                if key in split["sizes"]
            },
            "SHA-256": _written(split["sha256"])[:SHORT_HASH],
        },
        "Versions": run.versions,
        "Notes": dataset["notes"],
        "Left out": [f"{each['origin']}: {each['reason']}" for each in left_out[:_MOST_LEFT_OUT]],
    }
    if len(left_out) > _MOST_LEFT_OUT:
        lists["Left out"].append(f"and {len(left_out) - _MOST_LEFT_OUT} more, in dataset.json")
    return {name: rows for name, rows in lists.items() if rows}


def _defaults(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The default of each setting, for this network."""
    plain = {"name": "", "network": {"name": recipe["network"]["name"]}}
    return _settings(Recipe.model_validate(plain).to_toml())


def _settings(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """All settings of a recipe by their dotted keys."""
    return dict(_flat({key: recipe[key] for key in recipe if key not in _ABOUT}))


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _as_setting(value: Any) -> str:
    """A value as `--set` takes it."""
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value)


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple) and value:
        return ", ".join(_written(item) for item in value)
    if isinstance(value, float):
        return f"{value:g}"
    return "none" if value in (None, "", [], ()) else str(value)
