"""`hubblefork list sources|networks|recipes|settings`: the names that can be used."""

from enum import StrEnum
from typing import Annotated

import typer


class Kind(StrEnum):
    """What can be listed."""

    sources = "sources"
    networks = "networks"
    recipes = "recipes"
    settings = "settings"


def listing(what: Annotated[Kind, typer.Argument(help="What to list.")]) -> None:
    """Print names with one line on each."""
    described = _DESCRIBE[what]()
    width = max(map(len, described))
    for name, text in described.items():
        print(f"{name:<{width}}  {text}")


def _sources() -> dict[str, str]:
    from hubblefork.data.sources import SOURCES

    return SOURCES


def _networks() -> dict[str, str]:
    from hubblefork.networks.registry import describe_networks

    return describe_networks()


def _recipes() -> dict[str, str]:
    from hubblefork.training.recipe import load_recipe, recipe_names

    return {name: load_recipe(name).about for name in recipe_names()}


def _settings() -> dict[str, str]:
    from hubblefork.training.recipe import describe_settings

    return describe_settings()


_DESCRIBE = {
    Kind.sources: _sources,
    Kind.networks: _networks,
    Kind.recipes: _recipes,
    Kind.settings: _settings,
}
