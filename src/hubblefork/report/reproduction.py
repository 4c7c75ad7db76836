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
    "views": ("Views",),
    "curves": ("Training",),
    "confusion": ("Confusion matrix",),
    "class report": ("Class by class",),
    "predictions": ("Predictions",),
    "activations": ("Activations, best", "Activations, worst"),
    "filters": ("Filters",),
    "questions": ("Questions",),
}


def reproduction_card(found: Reproduction, heading: bool = True) -> Markup:
    """The published figure beside that of the run, and what differs; with a heading or without."""
    metric = "RMSE" if found.publication.metric == "rmse" else "accuracy"
    return render_part(
        "reproduction.html",
        found=found,
        publication=found.publication,
        kind=f"{found.publication.kind} {metric}",
        heading=heading,
    )


def in_published_order(sections: Sequence[Section], publication: Publication) -> list[Section]:
    """Sections of a report: first, and open, those that the publication shows, in its order."""
    titles = _titles(publication)

    def place(section: Section) -> int:
        return titles.index(_short(section)) if is_shown(section, publication) else len(titles)

    shown = (replace(each, open=each.open or is_shown(each, publication)) for each in sections)
    return sorted(shown, key=place)


def is_shown(section: Section, publication: Publication) -> bool:
    """Whether a publication shows what a section of a report shows."""
    return _short(section) in _titles(publication)


def _short(section: Section) -> str:
    return section.short or section.title


def _titles(publication: Publication) -> list[str]:
    return [title for shown in publication.shows for title in SECTIONS[shown]]
