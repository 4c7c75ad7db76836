"""The report of a run: its figures, and one HTML page that holds its images."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from hubblefork.core.files import replacing
from hubblefork.report import charts, summary
from hubblefork.report.against import against_charts, against_section
from hubblefork.report.class_report import ClassReport
from hubblefork.report.components import Card, Facts, Page, Panel, Section
from hubblefork.report.figures import Chart, sheet_png
from hubblefork.report.how_made import about_data, how_it_was_made
from hubblefork.report.page import write_page
from hubblefork.report.reproduction import in_published_order, reproduction_card
from hubblefork.report.run_data import RunData
from hubblefork.report.vote_report import VoteReport

# What a report shows of each kind of task.
_REPORTS: dict[str, ClassReport | VoteReport] = {"classes": ClassReport(), "votes": VoteReport()}


def draw_charts(run: RunData) -> dict[str, Chart]:
    """The charts for `save_figures` and for the page.

    There are no curves where the history is empty: a model measured far from its training.
    """
    drawn = {} if run.history.empty else {"curves": charts.curves}
    drawn |= _REPORTS[run.task.kind].charts(run) | against_charts(run)
    return {name: Chart(partial(draw, run)) for name, draw in drawn.items()}


def save_figures(
    run: RunData, folder: Path | str, drawn: Mapping[str, Chart] | None = None
) -> list[Path]:
    """Write the charts, the sheets of example images, and the panels as .png files.

    drawn: those of `draw_charts`, where they have been drawn already.
    """
    sheets = _REPORTS[run.task.kind].sheets()
    figures = {
        **{name: chart.png() for name, chart in (drawn or draw_charts(run)).items()},
        **{name: sheet_png(draw(run)) for name, draw in sheets.items()},
        **{panel.name: panel.figure.png() for panel in run.panels},
    }
    paths = [Path(folder) / f"{name}.png" for name in figures]
    for path, png in zip(paths, figures.values(), strict=True):
        with replacing(path, binary=True) as file:
            file.write(png)
    return paths


def write_report(run: RunData, path: Path | str, drawn: Mapping[str, Chart] | None = None) -> None:
    """Write the page, whole or not at all; drawn: as `save_figures` takes it."""
    write_page(report_page(run, drawn), path, "evaluate", _REPORTS[run.task.kind].script)


def report_page(run: RunData, drawn: Mapping[str, Chart] | None = None) -> Page:
    """What the page shows."""
    drawn = drawn or draw_charts(run)
    report = _REPORTS[run.task.kind]
    page = Page(
        title=run.title,
        kind=report.kind,
        made=run.made,
        sentences=[summary.training(run), *report.sentences(run)],
        cards=list(_cards(run, report)),
        note="Below a number is its 95\u00a0% interval: the range expected for other test images "
        "of the same kind.",
        cautions=[*report.cautions(run), *summary.cautions(run)],
        sections=[
            *_training(run, drawn, report.loss),
            *report.sections(run, drawn),
            *against_section(run, drawn),
            *[
                Section(panel.title, [panel], _short(panel.name), open=False)
                for panel in run.panels
            ],
            Section("Explanations and comparisons", [
                "`hubblefork explain RUN` looks into this run: maps of the evidence in images and "
                "how reliable they are, robustness to changed images, anomalies, and the nearest "
                "training images of each prediction. Followed by images, it explains the "
                "predictions for these. `hubblefork compare RUN RUN` compares runs.",
            ], "Next", open=False),
            Section("How it was made", list(how_it_was_made(run)), "How made", open=False),
            Section("Data", [Facts(about_data(run))], open=False),
        ],
    )  # fmt: skip
    if run.reproduction is None:
        return page
    sections = in_published_order(page.sections, run.reproduction.publication)
    return replace(page, lead=reproduction_card(run.reproduction), sections=sections)


def _short(name: str) -> str:
    """The title of a panel in the list of contents, from its name.

    >>> _short("activations-best")
    'Activations, best'
    """
    return name.replace("-", ", ").capitalize()


def _cards(run: RunData, report: ClassReport | VoteReport) -> Iterator[Card]:
    """The first metric, the baseline beside it, and all others."""
    cards = [
        Card(
            metric.title,
            metric.written(run.metrics[metric.name]),
            meaning,
            metric.between(run.metrics["intervals"][metric.name]),
        )
        for metric in run.task.metrics
        for meaning in [report.meanings.get(metric.name, metric.about)]
        if meaning and metric.name in run.metrics
    ]
    baseline, *others = report.cards(run)
    yield from (*cards[:1], baseline, *cards[1:], *others)


def _training(run: RunData, drawn: Mapping[str, Chart], loss: str) -> Iterator[Section]:
    if "curves" not in drawn:
        return
    title = f"Line charts of the loss and the {run.task.training_metric.title} of each epoch"
    watched = run.validated()
    apart = (
        " The validation set is not trained on; a gap that grows between the two lines is a sign "
        "of over-fitting."
    )
    title += " on the training set" + (" and the validation set" if watched else "")
    note = loss + (apart if watched else "")
    # Of a model that is tested on other images, its training is no news.
    own = bool(run.split["sizes"].get("train"))
    yield Section("Training", [note, Panel("curves", title, "", drawn["curves"])], open=own)
