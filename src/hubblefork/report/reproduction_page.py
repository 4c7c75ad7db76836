"""The page of `reproduce`: published systems and their runs side by side."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup

from hubblefork.core.text import duration, listed, several
from hubblefork.report.components import Cell, Page, Panel, Section, Table
from hubblefork.report.page import now
from hubblefork.report.reproduction import in_published_order, is_shown, reproduction_card
from hubblefork.report.run_data import RunData
from hubblefork.report.run_page import draw_charts, report_page
from hubblefork.runs.reproduction import Reproduction


@dataclass(frozen=True, eq=False)
class ReproducedRun:
    """A finished run of a published system.

    folder: its name, beside the page. recipe, source: by short names. reproduction: of its recipe.
    data: what its report shows.
    """

    folder: str
    recipe: str
    source: str
    reproduction: Reproduction
    data: RunData


def reproduction_page(runs: Sequence[ReproducedRun], unfinished: Sequence[str] = ()) -> Page:
    """What the page shows. unfinished: the folders of runs that are not."""
    waiting = [f"Not finished: {listed(list(unfinished))}."] if unfinished else []
    return Page(
        title="Published systems reproduced",
        kind="Published figures beside those of runs of the same recipes",
        made=now(),
        sentences=[
            "Each figure of a run is of the same kind as the published one: of the training, the "
            "validation or the test set. Only the test set measures what the network does on "
            "images that it was not trained on.",
            *waiting,
        ],
        sections=[
            Section("Comparison", [_table(runs)]),
            *(
                Section(f"{run.recipe} on {run.source}", list(_blocks(run)), run.folder)
                for run in runs
            ),
        ],
    )


def _table(runs: Sequence[ReproducedRun]) -> Table:
    rows: list[list[str | Cell]] = []
    for run in runs:
        found, publication, data = run.reproduction, run.reproduction.publication, run.data
        metric = data.task.metrics[0]
        test = metric.between(data.metrics["intervals"][metric.name])
        rows.append([
            Cell(run.recipe, several(data.parameters, "parameter")),
            Cell(publication.value, f"{publication.kind}, {publication.data}"),
            Cell(found.written, found.between),
            Cell(metric.written(data.metrics[metric.name]), test),
            Cell(run.source, several(sum(data.split["sizes"].values()), "image")),
            Cell(duration(data.seconds), several(len(data.history), "epoch")),
        ])  # fmt: skip
    columns = ["System", "Published", "This run, same kind", "This run, test set", "Data",
               "Training"]  # fmt: skip
    return Table("Published figures and those of the runs", columns, rows, words=(4,))


def _blocks(run: ReproducedRun) -> Iterator[Any]:
    """The card, and the sections of the report that the publication shows, in its order."""
    yield reproduction_card(run.reproduction, heading=False)
    publication, drawn = run.reproduction.publication, draw_charts(run.data)
    for section in in_published_order(report_page(run.data, drawn).sections, publication):
        if not is_shown(section, publication):
            continue
        yield Markup("<h3>{}</h3>").format(section.title)
        if section.title == "Confusion matrix":  # the one with the images has a script of its own
            title = "Confusion matrix: fractions of each true class by predicted class"
            yield Panel("confusion", f"{title}, {run.folder}", "", drawn["confusion"])
            continue
        for block in section.blocks:
            # Charts of several runs stand on one page: each has a title of its own.
            named = isinstance(block, Panel)
            yield replace(block, title=f"{block.title}, {run.folder}") if named else block
    link = Markup('<p class="note"><a href="{}/report.html">The whole report of this run</a></p>')
    yield link.format(run.folder)
