"""`hubblefork list sources|networks|recipes|models|settings|trees`: the names that can be used."""

from enum import StrEnum
from typing import Annotated

import typer


class Kind(StrEnum):
    """What can be listed."""

    sources = "sources"
    networks = "networks"
    recipes = "recipes"
    models = "models"
    settings = "settings"
    trees = "trees"


def listing(
    what: Annotated[
        Kind, typer.Argument(metavar="KIND", help=f"Names of what: {', '.join(Kind)}.")
    ],
) -> None:
    """Print the names that can be used."""
    match what:
        case Kind.sources:
            from hubblefork.data.sources import describe_sources

            described = describe_sources()
        case Kind.networks:
            from hubblefork.networks.registry import describe_networks

            described = describe_networks()
        case Kind.recipes:
            from hubblefork.recipes.recipe import load_recipe, recipe_names

            recipes = map(load_recipe, recipe_names())
            described = {
                each.name: f"{each.about}\n{each.publication or ''}".strip() for each in recipes
            }
        case Kind.models:
            from hubblefork.models.shipped import describe_models

            described = describe_models() or {
                "none": "this installation has no models: scripts/make_galaxy_five.py and the "
                "scripts beside it, in a clone of the repository, make them"
            }
        case Kind.settings:
            from hubblefork.recipes.recipe import describe_settings

            described = describe_settings()
        case Kind.trees:
            from hubblefork.sky.decision_tree import load_tree, tree_names

            described = {
                tree.name: f"{tree.title}: {len(tree.columns)} answers to "
                f"{len(tree.questions)} questions"
                for tree in map(load_tree, tree_names())
            }
    width = max(map(len, described))
    for name, text in described.items():
        print(f"{name:<{width}}  " + text.replace("\n", "\n" + " " * (width + 4)))
