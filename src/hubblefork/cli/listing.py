"""`hubblefork list sources|networks|recipes|settings|trees`: the names that can be used."""

from enum import StrEnum
from typing import Annotated

import typer


class Kind(StrEnum):
    """What can be listed."""

    sources = "sources"
    networks = "networks"
    recipes = "recipes"
    settings = "settings"
    trees = "trees"


def listing(what: Annotated[Kind, typer.Argument(help="Which names to list.")]) -> None:
    """Print the names that can be used."""
    described = _DESCRIBE[what]()
    width = max(map(len, described))
    for name, text in described.items():
        print(f"{name:<{width}}  {text}")


def _sources() -> dict[str, str]:
    from hubblefork.data.sources import describe_sources

    return describe_sources()


def _networks() -> dict[str, str]:
    from hubblefork.networks.registry import describe_networks

    return describe_networks()


def _recipes() -> dict[str, str]:
    from hubblefork.recipes.recipe import load_recipe, recipe_names

    return {name: load_recipe(name).about for name in recipe_names()}


def _settings() -> dict[str, str]:
    from hubblefork.recipes.recipe import describe_settings

    return describe_settings()


def _trees() -> dict[str, str]:
    from hubblefork.sky.decision_tree import load_tree, tree_names

    trees = map(load_tree, tree_names())
    return {
        tree.name: f"{tree.title}: {len(tree.columns)} answers to {len(tree.questions)} questions"
        for tree in trees
    }


_DESCRIBE = {
    Kind.sources: _sources,
    Kind.networks: _networks,
    Kind.recipes: _recipes,
    Kind.settings: _settings,
    Kind.trees: _trees,
}
