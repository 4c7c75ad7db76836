"""The report of a run of a published system begins with the publication, and follows its order."""

import re
from dataclasses import replace

import pytest

from hubblefork.recipes.recipe import load_recipe
from hubblefork.report.components import Panel
from hubblefork.report.page import render_page
from hubblefork.report.reproduction import SECTIONS
from hubblefork.report.run_page import draw_charts, report_page
from hubblefork.runs.reproduction import Reproduction

PANELS = ("views", "filters", "activations-best", "activations-worst")


def reproduction_of(name, run):
    recipe, sizes = load_recipe(name), run.split["sizes"]
    return Reproduction.of(recipe, "galaxies/", sizes, run.history, run.metrics)


@pytest.fixture(scope="module")
def charts(request):
    """The charts of a run, drawn once: (run, PNG files by name), by the kind of labels."""
    drawn = {}

    def of(run):
        if run.task.kind not in drawn:
            drawn[run.task.kind] = draw_charts(run)
        return drawn[run.task.kind]

    return of


@pytest.mark.parametrize(
    "name", ["lenet5", "simple-cnn", "alexnet", "linnaeus", "galaxy-zoo-vgg16"]
)
def test_the_sections_stand_in_the_order_of_the_publication(name, run_data, votes, charts):
    recipe = load_recipe(name)
    run = votes() if recipe.publication.metric == "rmse" else run_data()
    png = next(iter(charts(run).values()))
    panels = [Panel(name, f"The {name} of this run", "", png) for name in PANELS]
    run = replace(run, panels=panels, reproduction=reproduction_of(name, run))
    page = report_page(run, charts(run))
    titles = [section.short or section.title for section in page.sections]
    wanted = [title for shown in recipe.publication.shows for title in SECTIONS[shown]]
    if recipe.publication.metric == "rmse":
        assert "Examples" in titles
    assert titles[: len(dict.fromkeys(wanted))] == list(dict.fromkeys(wanted))
    plain = report_page(replace(run, reproduction=None), charts(run))
    assert len(plain.sections) == len(page.sections)
    assert plain.lead is None


def test_the_card_tells_published_and_measured_side_by_side(run_data, charts):
    run = run_data()
    run = replace(run, reproduction=reproduction_of("lenet5", run))
    text = render_page(report_page(run, charts(run)), "evaluate", "confusion.js")
    card = re.search(r'<section class="reproduction".*?</section>', text, re.DOTALL)[0]
    assert text.index(card) < text.index('class="lead"')
    words = re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", card))
    assert "Published about 90 % training accuracy on Galaxy10 SDSS" in words
    assert "This run 90.0 %" in words  # 1 - 0.5 / 5, of the last epoch
    assert "84.7 to 93.6 %" in words  # Wilson's, of 162 of 180
    assert 'href="https://towardsdatascience.com/galaxy-multi-image' in card
