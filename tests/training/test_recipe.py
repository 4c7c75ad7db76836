"""Recipes are checked key by key, and every mistake is answered with the nearest right one."""

import pytest

from hubblefork.errors import RequestError
from hubblefork.training.recipe import load_recipe, parse_settings, recipe_names, setting_keys


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


def test_a_short_key_is_enough_where_it_is_clear():
    recipe = load_recipe("lenet5", parse_settings(["epochs=3", "optimiser.name=sgd", "flip=true"]))
    assert recipe.training.epochs == 3
    assert recipe.optimiser.name == "sgd"
    assert recipe.view.flip is True


def test_options_of_the_network_and_none_can_be_set():
    recipe = load_recipe("default", {"network.options.width": "48", "crop": "none"})
    assert recipe.network.options["width"] == 48
    assert recipe.data.crop is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epoch": "3"}, "no key 'epoch'; did you mean 'epochs'"),
        ({"training.epoch": "3"}, "did you mean 'training.epochs'"),
        ({"size": "3"}, "data.size or view.size"),
        ({"epochs": "-1"}, "training.epochs: .* greater than or equal to 1, not -1"),
        ({"epochs": "many"}, "training.epochs: .*integer.*not 'many'"),
        ({"learning_rate": "nan"}, "learning_rate"),
        ({"learning_rate": "0"}, "greater than 0"),
        ({"optimiser.name": "adm"}, "'adam'"),
        ({"test": "0.5"}, "is 1.4, expected 1"),
        ({"val": "0", "train": "0.9"}, "needs a validation part"),
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


def test_set_wants_an_equals_sign():
    with pytest.raises(RequestError, match="key=value"):
        parse_settings(["epochs"])


def test_every_key_can_be_found_by_its_full_name():
    assert {"training.epochs", "data.size", "network.name", "view.rotate"} <= set(setting_keys())
