"""Each recipe of a published system says which, and the documents say the same."""

from pathlib import Path

import pytest

from hubblefork.recipes.publication import Publication
from hubblefork.recipes.recipe import changed_settings, load_recipe, published_recipes, setting_keys
from hubblefork.report.reproduction import SECTIONS

# Title, figure and link of each, from the publications themselves.
FACTS = {
    "mlp": ("LeNet-5", "about 70\u00a0% training accuracy", "towardsdatascience.com"),
    "lenet5": ("LeNet-5", "about 90\u00a0% training accuracy", "towardsdatascience.com"),
    "simple-cnn": ("Multiclass", "nearly 75\u00a0% validation accuracy", "medium.com"),
    "galaxy-zoo-vgg16": ("Keras", "test RMSE 0.12875", "towardsdatascience.com"),
    "alexnet": ("architektura", "75.1\u00a0% validation accuracy", ""),
    "linnaeus": ("deep learning", "85.7\u00a0% test accuracy", "betterprogramming.pub"),
    "dieleman": ("Rotation-invariant", "test RMSE 0.07693", "doi.org"),
}


def test_these_recipes_reproduce_a_publication_in_this_order():
    assert list(published_recipes()) == list(FACTS)


@pytest.mark.parametrize("name", FACTS)
def test_a_publication_is_told_by_its_title_figure_and_link(name):
    found = published_recipes()[name]
    title, written, link = FACTS[name]
    assert title in found.title
    assert found.written == written
    assert link in found.link
    assert bool(found.link) == bool(link)
    assert found.shows
    assert set(found.shows) <= set(SECTIONS)


@pytest.mark.parametrize("name", FACTS)
def test_the_documents_tell_the_same(name):
    text = Path(__file__).parents[2].joinpath("docs/published_systems.md").read_text()
    found = published_recipes()[name]
    assert found.title in text
    assert found.link in text
    assert found.code in text
    figure = found.value.replace("\u00a0", " ")
    line = next(each for each in text.splitlines() if f"`{name}`" in each and found.title in each)
    assert figure in line
    assert found.data in line


def test_another_network_reproduces_nothing():
    assert load_recipe("lenet5", {"network.name": "mlp"}).publication is None
    assert load_recipe("lenet5", {"epochs": 1}).publication == load_recipe("lenet5").publication


def test_a_publication_is_no_setting():
    assert not any("publication" in key for key in setting_keys())
    recipe = load_recipe("linnaeus")
    again = type(recipe).model_validate(recipe.to_toml())
    assert again == recipe
    assert isinstance(again.publication, Publication)


def test_changed_settings_are_those_of_the_recipe_of_that_name():
    changed = changed_settings(load_recipe("alexnet", {"data.size": 80, "crop": 90}))
    assert changed == {"data.crop": (None, 90), "data.size": (69, 80)}
    assert changed_settings(load_recipe("alexnet")) == {}
    mine = load_recipe("alexnet").model_copy(update={"name": "mine"})
    assert changed_settings(mine) == {}
