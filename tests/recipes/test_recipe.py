"""Recipes are checked key by key, and every mistake is answered with the nearest right one."""

from pathlib import Path

import pytest
import torch

from hubblefork.core.errors import RequestError
from hubblefork.recipes.recipe import (
    describe_settings,
    load_recipe,
    parse_settings,
    recipe_names,
    setting_keys,
)
from hubblefork.sky.stretch import Stretch
from hubblefork.training.plan import make_network


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_of_the_project_is_valid_and_described(name):
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe.about


@pytest.mark.parametrize("name", ["mlp", "lenet5"])
def test_system_one_is_trained_as_published(name):
    recipe = load_recipe(name)
    assert (recipe.optimiser.name, recipe.optimiser.learning_rate) == ("adam", 1e-3)
    assert recipe.optimiser.epsilon == 1e-7
    assert (recipe.training.epochs, recipe.training.batch_size) == (10, 32)
    schedule = recipe.schedule
    assert (schedule.name, schedule.monitor, schedule.factor) == ("plateau", "accuracy", 0.001)
    assert (schedule.patience, schedule.min_delta) == (1, 0.01)
    assert recipe.data.size == 69
    assert recipe.split.test == 0.2
    assert recipe.view.normalise == "unit"


# System -> what the publication states, by key.
PUBLISHED = {
    "simple-cnn": {
        "data.size": 69, "split.test": 0.15, "optimiser.name": "adam",
        "optimiser.learning_rate": 1e-3, "optimiser.epsilon": 1e-7, "schedule.name": "constant",
        "training.epochs": 20, "training.batch_size": 32,
    },
    "galaxy-zoo-vgg16": {
        "data.crop": 212, "data.size": 106, "network.head": "sigmoid", "training.loss": "mse",
        "optimiser.name": "rmsprop", "optimiser.learning_rate": 1e-6, "optimiser.epsilon": 1e-7,
        "split.val": 0.065, "training.checkpoint": "best", "training.batch_size": 32,
    },
    "alexnet": {
        "data.size": 69, "split.train": 0.64, "split.val": 0.16, "split.test": 0.2,
        "optimiser.name": "adam", "optimiser.learning_rate": 1e-3, "optimiser.epsilon": 1e-7,
        "schedule.name": "plateau", "schedule.monitor": "accuracy", "schedule.factor": 0.001,
        "schedule.patience": 1, "schedule.min_delta": 0.01,
        "training.epochs": 10, "training.batch_size": 32,
    },
    "linnaeus": {
        "data.size": 256, "data.grey": True, "split.test": 0.25, "split.val": 0.0375,
        "view.flip": True, "optimiser.name": "adam", "optimiser.learning_rate": 1e-3,
        "optimiser.epsilon": 1e-7, "training.chunks": 6, "training.batch_size": 32,
    },
    "dieleman": {
        "network.head": "dieleman", "training.loss": "rmse", "optimiser.name": "sgd",
        "optimiser.learning_rate": 0.04, "optimiser.momentum": 0.9, "schedule.name": "steps",
        "schedule.cuts": [1800 / 2500, 2300 / 2500], "schedule.factor": 0.1,
        "training.batch_size": 16,
    },
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_system_is_trained_as_published(name):
    recipe = load_recipe(name)
    assert recipe.network.name == name
    for key, value in PUBLISHED[name].items():
        table, leaf = key.split(".")
        assert getattr(getattr(recipe, table), leaf) == value, key
    assert recipe.training.early_stopping is None or name == "galaxy-zoo-vgg16"


@pytest.mark.parametrize("name", ["mlp", "lenet5", *PUBLISHED])
def test_a_published_recipe_makes_its_network_at_the_size_it_asks_for(name):
    recipe = load_recipe(name)
    outputs = 37 if recipe.training.loss in ("mse", "rmse") else 10
    with torch.device("meta"):
        network = make_network(recipe, 1 if recipe.data.grey else 3, outputs)
    if name == "dieleman":
        assert (network.square, network.corner) == (69, 45)


def test_a_short_key_is_enough_where_it_is_clear():
    recipe = load_recipe("lenet5", parse_settings(["epochs=3", "optimiser.name=sgd", "flip=true"]))
    assert recipe.training.epochs == 3
    assert recipe.optimiser.name == "sgd"
    assert recipe.view.flip is True


def test_options_of_the_network_and_none_can_be_set():
    recipe = load_recipe("default", {"network.options.width": "48", "crop": "none"})
    assert recipe.network.options["width"] == 48
    assert recipe.data.crop is None


def test_another_network_begins_without_the_options_of_the_first():
    assert load_recipe("default", {"network.name": "compact-resnet"}).network.options == {}
    settings = {"network.options.width": "24", "network.name": "compact-resnet"}
    assert load_recipe("default", settings).network.options == {"width": 24}
    same = load_recipe("default", {"network.name": "equivariant-resnet"}).network
    assert same == load_recipe("default").network


@pytest.mark.parametrize(
    ("settings", "sizes"),
    [
        ({"val": "0", "checkpoint": "last"}, (0.9, 0, 0.1)),
        ({"test": 0.25}, (0.65, 0.1, 0.25)),
        ({"val": 0.2, "test": 0.2}, (0.6, 0.2, 0.2)),
        ({"train": 0.6, "val": 0.2, "test": 0.2}, (0.6, 0.2, 0.2)),
    ],
)
def test_what_val_and_test_leave_is_for_training(settings, sizes):
    split = load_recipe("default", settings).split
    assert (split.train, split.val, split.test) == sizes


def test_epochs_that_are_asked_for_are_not_limited_by_the_minutes_of_the_recipe():
    assert load_recipe("default").training.minutes
    assert load_recipe("default", {"epochs": 30}).training.minutes is None
    both = load_recipe("default", {"epochs": 30, "minutes": 5}).training
    assert (both.epochs, both.minutes) == (30, 5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epoch": "3"}, "no key 'epoch'; did you mean 'epochs'"),
        ({"training.epoch": "3"}, "did you mean 'training.epochs'"),
        ({"size": "3"}, "data.size or view.size"),
        ({"epochs": "999999999999"}, "training.epochs: expected at most 100000, not 9+"),
        ({"epochs": "-1"}, "training.epochs: expected at least 1, not -1"),
        ({"epochs": "many"}, "training.epochs: expected a whole number, not 'many'"),
        ({"learning_rate": "nan"}, "learning_rate"),
        ({"learning_rate": "0"}, "expected more than 0"),
        ({"optimiser.name": "adm"}, "'adam'"),
        ({"test": "0.5", "train": "0.8"}, "is 1.4, expected 1"),
        ({"test": "0.95"}, "split.train: expected more than 0"),
        ({"test": "some"}, "split.test: .*number.*not 'some'"),
        ({"val": "0"}, "needs a validation set.*: --set checkpoint=last"),
    ],
)
def test_a_mistake_in_a_setting_is_one_clear_line(settings, message):
    with pytest.raises(RequestError, match=message) as error:
        load_recipe("default", settings)
    assert "\n" not in str(error.value)


def test_an_unknown_recipe_is_answered_with_the_nearest():
    with pytest.raises(RequestError, match="did you mean 'lenet5'"):
        load_recipe("lenet")
    with pytest.raises(RequestError, match="no recipe file"):
        load_recipe("mine.toml")


def test_a_recipe_file_is_checked_like_a_setting(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\n[network]\nname = "mlp"\n[training]\nepoch = 3\n')
    with pytest.raises(RequestError, match=r"no key 'training.epoch'; did you mean"):
        load_recipe(path)
    path.write_text("name = ")
    with pytest.raises(RequestError, match="not valid TOML"):
        load_recipe(path)


def test_the_recipe_of_the_documentation_is_one(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text(encoding="utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(page.split("```toml\n")[1].split("```")[0])
    recipe = load_recipe(path)
    assert (recipe.name, recipe.network.options) == ("mine", {"width": 48})


def test_every_setting_says_what_it_means():
    described = describe_settings()
    assert list(described) == setting_keys()
    assert not [key for key, text in described.items() if text.startswith("None")]


def test_set_wants_an_equals_sign():
    with pytest.raises(RequestError, match="key=value"):
        parse_settings(["epochs"])


def test_every_key_can_be_found_by_its_full_name():
    assert {"training.epochs", "data.size", "network.name", "view.rotate"} <= set(setting_keys())


def test_a_file_of_thresholds_becomes_a_part_of_the_recipe(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('[smooth]\n"Class1.1" = 0.6\n[disk]\n"Class1.2" = [0.5, 1]\n')
    rule = {"smooth": {"Class1.1": 0.6}, "disk": {"Class1.2": [0.5, 1.0]}}
    recipe = load_recipe("mlp", {"classes": str(file)})
    assert recipe.data.classes == rule
    assert load_recipe("mlp", {"data.classes": rule}) == recipe
    assert recipe.to_toml()["data"]["classes"] == rule
    assert load_recipe("mlp", {"classes": "five"}).data.classes == "five"
    assert load_recipe("mlp").data.classes is None


@pytest.mark.parametrize("rule", ["fife", "none.toml", 3, {"a": {"Class1.1": 2}}])
def test_a_rule_for_classes_that_is_none_is_refused(rule):
    with pytest.raises(RequestError):
        load_recipe("mlp", {"classes": rule})


def test_a_stretch_is_set_and_kept_as_any_other_value():
    recipe = load_recipe("mlp", {"stretch.bands": "[3, 1, 0]", "softening": 5, "limits": [0, 2]})
    assert recipe.data.stretch.stretch() == Stretch(softening=5, bands=(3, 1, 0), limits=(0, 2))
    assert recipe.to_toml()["data"]["stretch"]["bands"] == [3, 1, 0]
    assert load_recipe("mlp").data.stretch.stretch() == Stretch()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"stretch.softness": 1}, "did you mean 'data.stretch.softening'"),
        ({"stretch.low": 99.9}, "low 99.9, high 99.8 was given"),
        ({"stretch.bands": "[0.5]"}, "data.stretch.bands"),
        ({"stretch.balance": [1, 2]}, "three numbers above 0"),
    ],
)
def test_a_stretch_out_of_range_is_one_clear_line(settings, said):
    with pytest.raises(RequestError) as error:
        load_recipe("mlp", settings)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("recipe", ["default", "fast"])
def test_the_weights_of_a_shipped_model_are_for_its_network_only(recipe):
    assert load_recipe(recipe).network.weights == "galaxy-votes"
    assert load_recipe(recipe, {"network.options.width": 2}).network.weights is None
    assert load_recipe(recipe, {"network.name": "lenet5"}).network.weights is None
    given = {"network.options.width": 2, "network.weights": "runs/sky"}
    assert load_recipe(recipe, given).network.weights == "runs/sky"


def test_weights_that_come_from_elsewhere_stay_where_the_network_changes():
    """So that one line says that they do not fit, and no training begins at random unnoticed."""
    recipe = load_recipe("transfer", {"network.name": "timm:resnet18"})
    assert recipe.network.weights == "efficientnet-lite0"
