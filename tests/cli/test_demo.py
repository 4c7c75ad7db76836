"""`hubblefork demo`: its settings are those of recipes. The training itself takes too long here."""

import pytest

from hubblefork.cli.demo import FULL, QUICK
from hubblefork.data.sources import open_source
from hubblefork.recipes.recipe import load_recipe


@pytest.mark.parametrize(("plan", "images"), [(FULL, 4000), (QUICK, 1000)])
def test_the_demo_trains_on_as_many_images_as_its_help_says(plan, images):
    source, recipe, settings = plan
    assert len(open_source(source).table) == images
    assert load_recipe(recipe, settings).training.epochs == settings["epochs"]


def test_the_quick_demo_computes_a_fifth_of_the_full_one_at_most():
    def pixels(source, recipe, settings):
        recipe = load_recipe(recipe, settings)
        images = len(open_source(source).table)
        return images * recipe.training.epochs * (recipe.view.size or recipe.data.size) ** 2

    assert pixels(*QUICK) <= pixels(*FULL) / 5
