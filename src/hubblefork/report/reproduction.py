"""A reproduction on pages: a card with the published figure, and figures in the published order."""

from collections.abc import Sequence
from dataclasses import replace

from markupsafe import Markup

from hubblefork.recipes.publication import Publication
from hubblefork.report.components import Section
from hubblefork.report.page import render_part
from hubblefork.runs.reproduction import Reproduction

# The sections of a report, by their titles in the list of contents, that show what a publication
# shows.
SECTIONS = {
    "examples": ("Examples",),
    "classes": ("Class distribution",),
    "fractions": ("Class distribution",),
    "views": ("The input of the network",),
    "curves": ("Training",),
    "confusion": ("Confusion matrix",),
    "class report": ("Class by class",),
    "predictions": ("Predictions",),
    "activations": (
        "Activation maps of the best prediction",
        "Activation maps of the worst prediction",
    ),
    "filters": ("Filters of the first layer",),
    "questions": ("Questions",),
}


def reproduction_card(found: Reproduction, unfolded: bool = True) -> Markup:
    """The published figure beside that of the run, and what differs."""
    metric = "RMSE" if found.publication.metric == "rmse" else "accuracy"
    return render_part(
        "reproduction.html",
        found=found,
        publication=found.publication,
        kind=f"{found.publication.kind} {metric}",
        open=unfolded,
    )


def in_published_order(sections: Sequence[Section], publication: Publication) -> list[Section]:
    """Sections of a report: first those that the publication shows too, in its order and open."""
    first = [title for shown in publication.shows for title in SECTIONS[shown]]
    titles = [section.short or section.title for section in sections]
    order = sorted(
        range(len(titles)),
        key=lambda place: first.index(titles[place]) if titles[place] in first else len(first),
    )
    return [
        replace(sections[place], open=sections[place].open or titles[place] in first)
        for place in order
    ]
