"""The page of `reproduce`: published systems and their runs side by side."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup

from hubblefork.core.text import duration, listed, several
from hubblefork.report.components import Cell, Fold, Page, Panel, Section, Table
from hubblefork.report.confusion import confusion_table
from hubblefork.report.page import now
from hubblefork.report.reproduction import in_published_order, is_shown, reproduction_card
from hubblefork.report.run_data import RunData
from hubblefork.report.run_page import report_page
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


def reproduction_page(runs: Sequence[ReproducedRun], missing: Mapping[str, str]) -> Page:
    """What the page shows. missing: why a run is not shown, by the name of its folder."""
    return Page(
        title="Published systems reproduced",
        kind="Published figures beside those of runs of the same recipes",
        made=now(),
        sentences=[
            "Beside each published figure is the figure of the run for the same set: training, "
            "validation or test. Only the test set shows how well a network classifies images that "
            "had no part in its training.",
        ],
        cautions=[
            *_changed(runs),
            *(f"Not shown: `{name}`, {reason}." for name, reason in missing.items()),
        ],
        sections=[
            *([Section("Comparison", [_table(runs)])] if runs else []),
            *(
                Section(_title(run), _blocks(run, folded=len(runs) > 1), _short(run, runs))
                for run in runs
            ),
        ],
    )


def _changed(runs: Sequence[ReproducedRun]) -> Iterator[str]:
    """A caution about each set of settings that are not the published ones."""
    changed: dict[tuple[str, ...], list[str]] = {}
    for run in runs:
        changed.setdefault(run.reproduction.changed, []).append(_short(run, runs))
    for keys, names in changed.items():
        if keys:
            yield (
                f"Not trained as published: {listed(names)}, with another "
                f"{listed([f'`{key}`' for key in keys])}."
            )


def _title(run: ReproducedRun) -> str:
    return f"{run.recipe} on {run.source}"


def _short(run: ReproducedRun, runs: Sequence[ReproducedRun]) -> str:
    """Its name in the list of contents."""
    alone = [each.recipe for each in runs].count(run.recipe) == 1
    return run.recipe if alone else _title(run)


def _table(runs: Sequence[ReproducedRun]) -> Table:
    rows: list[list[str | Cell]] = []
    for run in runs:
        found, publication, data = run.reproduction, run.reproduction.publication, run.data
        metric = data.task.metrics[0]
        test = metric.between(data.metrics["intervals"][metric.name])
        rows.append([
            Cell(run.recipe, several(data.parameters, "parameter")),
            Cell(publication.value, f"{publication.kind} {metric.noun}, {publication.data}"),
            Cell(found.written, found.between),
            Cell(metric.written(data.metrics[metric.name]), test),
            Cell(run.source, several(sum(data.split["sizes"].values()), "image")),
            Cell(duration(data.seconds), several(len(data.history), "epoch")),
        ])  # fmt: skip
    columns = ["System", "Published", "This run, same kind", "This run, test set", "Data",
               "Training"]  # fmt: skip
    return Table("Published figures and those of the runs", columns, rows, words=(1, 4))


def _blocks(run: ReproducedRun, folded: bool) -> list[Any]:
    """The card, and the figures of the publication, folded where cards of others follow."""
    publication = run.reproduction.publication
    sections = in_published_order(report_page(run.data).sections, publication)
    shown = [each for each in sections if is_shown(each, publication)]
    figures = list(_figures(run, shown))
    if folded:
        what = listed([each.title.lower() for each in shown])
        figures = [Fold(f"Figures of this run, in the order of the publication: {what}", figures)]
    link = Markup('<p class="note"><a href="{}/report.html">The whole report of this run</a></p>')
    card = reproduction_card(run.reproduction, heading=False)
    return [card, *figures, link.format(run.folder)]


def _figures(run: ReproducedRun, sections: Sequence[Section]) -> Iterator[Any]:
    """Sections of its report as blocks."""
    for section in sections:
        yield Markup("<h3>{}</h3>").format(section.title)
        # The table with the images has a script, which is for one on a page.
        matrix = section.title == "Confusion matrix"
        blocks: Sequence[Any] = section.blocks
        if matrix:
            blocks = confusion_table(run.data, images=False, of=run.folder)
        for block in blocks:
            # Charts and tables of several runs are on one page: each has a title of its own.
            named = isinstance(block, Panel | Table)
            yield replace(block, title=f"{block.title}, {run.folder}") if named else block
