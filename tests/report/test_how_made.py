"""How a run was made: its command trains the same again, and only differences are listed."""

import shlex

from hubblefork.recipes.recipe import load_recipe, parse_settings
from hubblefork.report.components import Command, Facts, Fold
from hubblefork.report.how_made import command, how_it_was_made

SETTINGS = {"epochs": 3, "data.grey": True, "balance": [1.0, 0.5, 2.0], "network.options.width": 8}
MADE = {"source": "my sky", "seed": 4, "device": "cpu", "weights": None}


def test_the_command_gives_the_same_recipe():
    recipe = load_recipe("lenet5", SETTINGS)
    words = shlex.split(command(recipe.to_toml(), "my sky", 0))
    assert words[:5] == ["hubblefork", "train", "my sky", "--recipe", "lenet5"]
    assert set(words[5::2]) == {"--set"}
    assert load_recipe("lenet5", parse_settings(words[6::2])) == recipe


def test_a_recipe_of_the_users_own_is_read_from_the_run():
    own = load_recipe("lenet5").to_toml() | {"name": "mine"}
    assert command(own, "sky", 4) == "hubblefork train sky --recipe RUN/recipe.toml --seed 4"


def test_what_differs_from_the_defaults_is_told_and_the_rest_is_folded(run_data):
    recipe = load_recipe("lenet5", {"epochs": 3}).to_toml() | {"run": MADE}
    blocks = list(how_it_was_made(run_data(recipe=recipe)))
    (line,) = [each for each in blocks if isinstance(each, Command)]
    assert line.line.endswith("--set training.epochs=3 --seed 4")
    (facts,) = [each for each in blocks if isinstance(each, Facts)]
    changed = facts.lists["Differs from the default settings"]
    assert changed["training.epochs"].startswith("3 (default ")
    (fold,) = [each for each in blocks if isinstance(each, Fold)]
    rest = fold.blocks[0].lists["Settings"]
    assert rest
    assert not set(rest) & set(changed)
