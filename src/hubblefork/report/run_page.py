"""The report of a run: its figures, and one HTML page that holds its images."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hubblefork.core.files import replacing
from hubblefork.core.text import several
from hubblefork.data.images.framing import Framing
from hubblefork.report import charts, summary
from hubblefork.report.class_report import ClassReport
from hubblefork.report.components import Card, Facts, Page, Panel, Section
from hubblefork.report.figures import chart_png, sheet_png
from hubblefork.report.page import write_page
from hubblefork.report.reproduction import in_published_order, reproduction_card
from hubblefork.report.run_data import RunData
from hubblefork.report.style import SET_NAMES
from hubblefork.report.vote_report import VoteReport

# What a report shows of each kind of task.
_REPORTS: dict[str, ClassReport | VoteReport] = {"classes": ClassReport(), "votes": VoteReport()}

# Images left out that the page lists; `dataset.json` has them all.
_MOST_LEFT_OUT = 20


def draw_charts(run: RunData) -> dict[str, bytes]:
    """The charts as PNG files, for `save_figures` and for the page.

    There are no curves where the history is empty: a model measured far from its training.
    """
    drawn = {} if run.history.empty else {"curves": charts.curves}
    drawn |= _REPORTS[run.task.kind].charts(run)
    return {name: chart_png(draw(run)) for name, draw in drawn.items()}


def save_figures(
    run: RunData, folder: Path | str, drawn: Mapping[str, bytes] | None = None
) -> list[Path]:
    """Write the charts, the sheets of example images, and the panels as .png files.

    drawn: those of `draw_charts`, where they have been drawn already.
    """
    sheets = _REPORTS[run.task.kind].sheets()
    figures = {
        **(drawn or draw_charts(run)),
        **{name: sheet_png(draw(run)) for name, draw in sheets.items()},
        **{panel.name: panel.png for panel in run.panels},
    }
    paths = [Path(folder) / f"{name}.png" for name in figures]
    for path, png in zip(paths, figures.values(), strict=True):
        with replacing(path, binary=True) as file:
            file.write(png)
    return paths


def write_report(run: RunData, path: Path | str, drawn: Mapping[str, bytes] | None = None) -> None:
    """Write the page, whole or not at all; drawn: as `save_figures` takes it."""
    write_page(report_page(run, drawn), path, "evaluate", _REPORTS[run.task.kind].script)


def report_page(run: RunData, drawn: Mapping[str, bytes] | None = None) -> Page:
    """What the page shows."""
    drawn = drawn or draw_charts(run)
    report = _REPORTS[run.task.kind]
    page = Page(
        title=run.title,
        kind=report.kind,
        made=run.made,
        sentences=[summary.training(run), *report.sentences(run)],
        cards=[*_cards(run, report.meanings), *report.cards(run)],
        note="Below each figure stands its 95\u00a0% interval: the range expected for other test "
        "images of the same kind.",
        cautions=[*report.cautions(run), *summary.cautions(run)],
        sections=[
            *_training(run, drawn, report.loss),
            *report.sections(run, drawn),
            *[
                Section(panel.title, [Panel(panel.name, panel.title, panel.caption, panel.png)])
                for panel in run.panels
            ],
            Section("Explanations and comparisons", [
                "`hubblefork explain RUN` looks into this run: maps of the evidence in images and "
                "how reliable they are, robustness to changed images, anomalies, and the nearest "
                "training images of each answer. With images after it, it explains the answers to "
                "these. `hubblefork compare RUN RUN` compares runs.",
            ]),
            Section("How it was made", [
                Facts({name.capitalize(): rows for name, rows in _tables(run.recipe).items()})
            ]),
            Section("Data", [Facts(_data(run))]),
        ],
    )  # fmt: skip
    if run.reproduction is None:
        return page
    sections = in_published_order(page.sections, run.reproduction.publication)
    return replace(page, lead=reproduction_card(run.reproduction), sections=sections)


def _cards(run: RunData, meanings: Mapping[str, str]) -> Iterator[Card]:
    for metric in run.task.metrics:
        meaning = meanings.get(metric.name, metric.about)
        if meaning and metric.name in run.metrics:
            yield Card(
                metric.title,
                metric.written(run.metrics[metric.name]),
                meaning,
                metric.between(run.metrics["intervals"][metric.name]),
            )


def _training(run: RunData, drawn: Mapping[str, bytes], loss: str) -> Iterator[Section]:
    if "curves" not in drawn:
        return
    title = f"Line charts of the loss and the {run.task.training_metric.title} of each epoch"
    watched = run.validated()
    apart = (
        " The validation set is not trained on; where the two lines part, the network over-fits."
    )
    title += " on the training set" + (" and the validation set" if watched else "")
    note = loss + (apart if watched else "")
    yield Section("Training", [note, Panel("curves", title, "", drawn["curves"])])


def _data(run: RunData) -> dict[str, Any]:
    """The packed images, the split, the versions, notes, and what was left out, as lists."""
    dataset, split = run.dataset, run.split
    _, high, wide, channels = dataset["shape"]
    kind = {1: "grey", 3: "colour"}.get(channels, f"{channels} channels")
    left_out = dataset.get("left_out", [])
    lists = {
        "Images": {
            "source": dataset["source"],
            "images": f"{dataset['number']:,}",
            "size": f"{wide} × {high} pixels, {kind}",
            "packed as": str(Framing.from_json(dataset["framing"])),
            "left out": f"{len(left_out):,}",
            "content": dataset["content"],
        },
        "Split": {
            "rule": _written(split["rule"]),
            "seed": _written(split["seed"]),
            **{
                name: several(split["sizes"][key], "image")
                for key, name in SET_NAMES.items()
                if key in split["sizes"]
            },
            "sha256": _written(split["sha256"]),
        },
        "Versions": run.versions,
        "Notes": dataset["notes"],
        "Left out": [f"{each['origin']}: {each['reason']}" for each in left_out[:_MOST_LEFT_OUT]],
    }
    if len(left_out) > _MOST_LEFT_OUT:
        lists["Left out"].append(f"and {len(left_out) - _MOST_LEFT_OUT} more, in dataset.json")
    return {name: rows for name, rows in lists.items() if rows}


def _tables(recipe: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """A recipe's tables, each as rows of name and value; loose values come first."""
    tables: dict[str, dict[str, str]] = {"recipe": {}}
    for key, value in recipe.items():
        if isinstance(value, Mapping):
            tables[key] = dict(_flat(value))
        else:
            tables["recipe"][key] = _written(value)
    return {name: rows for name, rows in tables.items() if rows}


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", _written(value)


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(_written(item) for item in value)
    return "none" if value is None else str(value)
