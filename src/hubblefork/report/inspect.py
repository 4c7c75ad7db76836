"""What a source holds, before training: what `hubblefork.inspect` returns, and its page."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Group as Screen
from rich.table import Table as Columns
from rich.text import Text

from hubblefork.core.text import percent, several
from hubblefork.data.images.blank import BLANK
from hubblefork.data.inspection import Alike, Inspection
from hubblefork.evaluation.examples import balanced_sample
from hubblefork.report.components import (
    Card,
    Cell,
    Facts,
    Fold,
    Group,
    Groups,
    Page,
    Panel,
    Section,
    Sheet,
    Table,
    Tile,
)
from hubblefork.report.figures import Chart
from hubblefork.report.how_made import SHORT_HASH
from hubblefork.report.inspect_charts import brightness
from hubblefork.report.inspect_tasks import labels_of
from hubblefork.report.inspect_words import cautions, groups_note, sentences, sizes
from hubblefork.report.page import now
from hubblefork.report.run_data import displayable
from hubblefork.report.style import SET_NAMES, undrawn
from hubblefork.report.terminal import MOST_ROWS, as_html, numbers_table
from hubblefork.sky.links import Positions, links_of, positions_of

# How much of long lists a page shows; of the groups, the rest are named without images.
_MOST_GROUPS, _MOST_NAMED, _MOST_IN_GROUP = 12, 500, 4
_MOST_BLANK = 10
_MOST_LEFT_OUT = 50
_MOST_SIZES = 6
_MOST_LETTERS = 60

# Letters of the longest bar on the terminal.
_BAR = 7

_ALIKE = {
    "identical": (
        "Identical images",
        "The same in every pixel, as they are packed. A split never divides them.",
    ),
    "near": (
        "Near duplicates",
        "They seem to show the same object, although they are not identical: compressed again, "
        "smaller, rotated by 90 degrees, flipped or of another brightness. The percentage is the "
        "correlation of their fine structure. A split keeps them together, unless "
        "`split.tie_near_duplicates` is false.",
    ),
    "same_place": (
        "The same position on the sky",
        "Nearer one another than half a cut-out, or than 36 arcseconds where the scale is not "
        "known; `split.sky_radius` sets another distance. A split never divides them.",
    ),
}


@dataclass(frozen=True, eq=False)
class SourceInspection(Inspection):
    """What was measured, and the page that shows it.

    title: of the page. notes: what the source says of itself. images: of the rows of
    `shown_rows`, (H, W, C) uint8. recipe: the one whose split is shown.
    """

    page: Path
    title: str
    notes: Sequence[str]
    images: Mapping[int, np.ndarray] = field(repr=False)
    recipe: str = "default"

    @cached_property
    def positions(self) -> Positions:
        """Where on the sky the images are, by their ids, as far as that is known."""
        return positions_of(self.dataset.table)

    @classmethod
    def of(cls, inspection: Inspection, **more: Any) -> "SourceInspection":
        """An inspection with what its page needs."""
        return cls(**{each.name: getattr(inspection, each.name) for each in fields(inspection)},
                   **more)  # fmt: skip

    def __rich__(self) -> Screen:
        """One screen for the terminal: counts, baselines, and what needs care."""
        return screen(self)

    def _repr_html_(self) -> str:
        return as_html(self)


def screen(found: Inspection) -> Screen:
    """Counts, baselines, and what needs care. Of more than 20 classes, the most common."""
    what, *baselines = map(Text, sentences(found))
    lines: list[Any] = ["", what, ""]
    if found.codes is not None:
        lines += [_columns(found), ""]
    lines += baselines
    if care := cautions(found):
        list_ = Columns.grid(padding=(0, 1))
        for caution in care:
            list_.add_row("-", Text(caution))
        lines += ["", Text("Read with care", style="bold"), list_]
    return Screen(*lines, "")


def _columns(found: Inspection) -> Columns:
    """One row for each class, the most common first."""
    labels, counts = labels_of(found), found.counts
    table = numbers_table(labels.heading, "images", "fraction", *found.parts, "")
    table.columns[-1].justify = "left"
    order = (-counts).argsort(kind="stable")
    if len(order) > MOST_ROWS:
        table.columns[0].header = f"the {MOST_ROWS} most common of {len(order)} classes"
    for code in order[:MOST_ROWS]:
        # Text, not a string, so that brackets in a name are no markup.
        table.add_row(
            Text(labels.names(found)[code]),
            f"{counts[code]:,}",
            percent(counts[code] / counts.sum()),
            *(f"{each[code]:,}" for each in found.parts.values()),
            Text("█" * round(_BAR * counts[code] / counts.max()), style="blue"),
        )
    return table


def shown_rows(found: Inspection) -> np.ndarray:
    """The rows whose images a page shows, in order, each once."""
    groups = [rows for _, alike in _alike(found) for rows in _shown_of(alike)]
    every = [_example_rows(found), found.blank[:_MOST_BLANK], *groups]
    return np.unique(np.concatenate(every)).astype(np.int64)


def inspection_page(found: SourceInspection) -> Page:
    """What the page shows."""
    return Page(
        title=found.title,
        kind="A source of images, before training",
        made=now(),
        sentences=sentences(found),
        cards=list(_cards(found)),
        cautions=cautions(found),
        sections=[
            *_classes(found),
            *labels_of(found).sections(found),
            _examples(found),
            _light(found),
            *_alike_sections(found),
            *_problems(found),
            *_other_columns(found),
            Section("Origin of the images", [Facts(_facts(found))], "Origin", open=False),
        ],
    )


def _example_rows(found: Inspection) -> np.ndarray:
    codes = np.zeros(len(found.dataset), np.int64) if found.codes is None else found.codes
    return balanced_sample(codes)


def _alike(found: Inspection) -> Iterator[tuple[str, list[Alike]]]:
    """Each kind of images that belong together; those with different labels come first."""
    for name in _ALIKE:
        groups = getattr(found, name) or []
        yield name, sorted(groups, key=lambda group: (not group.differ, not group.divided))


def _shown_of(groups: list[Alike]) -> list[np.ndarray]:
    return [group.rows[:_MOST_IN_GROUP] for group in groups[:_MOST_GROUPS]]


def _tile(found: SourceInspection, row: int) -> Tile:
    identifier, label = found.dataset.table["id"].iloc[row], labels_of(found).label(found, row)
    alt = f"Image {identifier}{f', {label}' if label else ''}"
    links = links_of(identifier, found.positions)
    return Tile(displayable(found.images[int(row)]), alt, label, id=identifier, links=links)


def _cards(found: Inspection) -> Iterator[Card]:
    left_out = len(found.dataset.info["left_out"])
    unread = f"; {left_out:,} more could not be read" if left_out else ""
    yield Card("Images", f"{len(found.dataset):,}", found.dataset.task.summary + unread)
    yield from labels_of(found).cards(found)
    copies = sum(len(each.rows) - 1 for each in [*found.identical, *found.near])
    groups = len(found.identical) + len(found.near)
    where = f", in {several(groups, 'group')}" if groups else ""
    yield Card("Copies", f"{copies:,}", f"identical images or near duplicates{where}")


def _classes(found: Inspection) -> Iterator[Section]:
    if found.codes is None:
        return
    labels, counts, names = labels_of(found), found.counts, labels_of(found).names(found)
    rows: list[list[str | Cell]] = [
        [
            name,
            f"{counts[place]:,}",
            Cell(percent(counts[place] / counts.sum()), bar=counts[place] / max(1, counts.max())),
            *(f"{each[place]:,}" for each in found.parts.values()),
        ]
        for place, name in enumerate(names)
    ]
    sets = [SET_NAMES[part].capitalize() for part in found.parts]
    title = f"Number of images of each {labels.column}"
    yield Section(labels.title, [
        undrawn(names),
        Table(title, [labels.column.capitalize(), "Images", "Fraction", *sets], rows),
    ], labels.title.partition(":")[0])  # fmt: skip


def _examples(found: SourceInspection) -> Section:
    how = "" if found.codes is None else (
        ", rare classes as often as common ones where there are enough images"
    )  # fmt: skip
    return Section("Images", [
        f"Drawn at random{how}; read from the source again, at up to 256 pixels.",
        Sheet([_tile(found, row) for row in _example_rows(found)]),
    ])  # fmt: skip


def _light(found: Inspection) -> Section:
    names, number = labels_of(found).names(found), found.dataset.images.shape[3]
    sets = {"all images": found.light}
    sets |= {name: found.light[found.codes == code] for code, name in enumerate(names)}
    rows = []
    for name, light in sets.items():
        if len(light):
            mean = light.mean()
            levels = [mean["brightness"], mean["std"], *(mean[str(k)] for k in range(number))]
            rows.append([name, *(f"{level:.1f}" for level in levels),
                         percent(mean["black"], 2), percent(mean["saturated"], 2)])  # fmt: skip
    channels = ["Red", "Green", "Blue"] if number == 3 else [f"Channel {k}" for k in range(number)]
    columns = ["Mean over images", "Brightness", "Standard deviation", *channels, "Black pixels",
               "Saturated"]  # fmt: skip
    return Section("Brightness", [
        "The mean brightness of an image: the line is from the 5th to the 95th percentile, "
        "the thick part between the quartiles, the mark the median. Where classes differ here, a "
        "network may learn how images were taken and not what they show.",
        Panel("light", "Chart of the brightness of the images", "",
              Chart(lambda: brightness(found, names))),
        Table("Brightness of the images", columns, rows),
    ])  # fmt: skip


def _alike_sections(found: SourceInspection) -> Iterator[Section]:
    ids = found.dataset.table["id"]
    for kind, groups in _alike(found):
        title, note = _ALIKE[kind]
        if getattr(found, kind) is None:
            continue
        shown = [
            Group("", [_tile(found, row) for row in rows], _text(group, len(rows)), _warning(group))
            for group, rows in zip(groups, _shown_of(groups), strict=False)
        ]
        blocks: list[Any] = [
            f"{note} {f'Found: {groups_note(groups)}.' if groups else 'None were found.'}"
        ]
        if shown:
            blocks.append(Groups(shown))
        if len(groups) > len(shown):
            named = [", ".join(ids.iloc[group.rows]) for group in groups[:_MOST_NAMED]]
            all_ = len(named) == len(groups)
            which = f"all {len(groups)}" if all_ else f"the first {len(named)} of {len(groups)}"
            blocks.append(Fold(f"The ids of {which} groups", [Facts({"Ids": named})]))
        yield Section(title, blocks, open=bool(groups))


def _text(group: Alike, shown: int) -> str:
    similar = [f"{percent(group.similarity, 0)} similar"] if group.similarity else []
    more = len(group.rows) - shown
    return ", ".join([*similar, *([f"{shown} of {len(group.rows)} shown"] if more else [])])


def _warning(group: Alike) -> str:
    divided = ["in more than one set of the split"] * group.divided
    return ", ".join(["different labels"] * group.differ + divided)


def _problems(found: SourceInspection) -> Iterator[Section]:
    number, blank = len(found.blank), found.blank[:_MOST_BLANK]
    if number:
        first = f"; the first {len(blank)}" if number > len(blank) else ""
        note = f"{number:,} with a standard deviation below {BLANK:g} of 255{first}."
        sheet = Sheet([_tile(found, row) for row in blank])
        yield Section("Blank images", [note, sheet])
    left_out = found.dataset.info["left_out"]
    if left_out:
        rows = [[each["origin"], each["reason"]] for each in left_out[:_MOST_LEFT_OUT]]
        more = len(left_out) - len(rows)
        table = Table("Unreadable images", ["Image", "Why it was left out"], rows, words=(1,))
        yield Section("Unreadable images", [table, f"and {more:,} more" if more else ""])


def _other_columns(found: Inspection) -> Iterator[Section]:
    if not found.columns:
        return
    rows = []
    for column in found.columns:
        pure = "; each value is within one class" if column.pure and found.codes is not None else ""
        short = [text if len(text) <= _MOST_LETTERS else text[: _MOST_LETTERS - 1] + "…"
                 for text in column.examples]  # fmt: skip
        known = percent(column.known / len(found.dataset))
        rows.append([column.name, known, f"{column.values:,}", "; ".join(short),
                     f"yes{pure}" if column.groups else "no"])  # fmt: skip
    columns = ["Column", "Known for", "Values", "For example", "Could it group?"]
    yield Section("Other columns", [
        "Images that share a value stay in one set of the split with `--set group=COLUMN` in "
        "training, or `--group COLUMN` here.",
        Table("Other columns of the source", columns, rows, words=(3, 4)),
    ])  # fmt: skip


def _facts(found: SourceInspection) -> dict[str, Any]:
    dataset = found.dataset
    table = dataset.table
    originals = {size: several(number, "image") for size, number in sizes(found)}
    if len(originals) > _MOST_SIZES:
        rest = sum(number for _, number in sizes(found)[_MOST_SIZES:])
        others = len(originals) - _MOST_SIZES
        originals = dict(list(originals.items())[:_MOST_SIZES])
        originals[f"{others} other sizes"] = several(rest, "image")
    facts: dict[str, Any] = {
        "Source": {
            "name": dataset.source,
            "images": f"{len(table):,}",
            "labels": dataset.task.summary,
            "packed as": str(dataset.framing),
            "SHA-256": dataset.info["content"][:SHORT_HASH],
        },
        "Original sizes": originals,
        "Positions": {"known": "for none of the images"},
    }
    if found.same_place is not None:
        known = np.isfinite(table["ra"].to_numpy()) & np.isfinite(table["dec"].to_numpy())
        facts["Positions"] = {
            "known": f"for {percent(known.mean())}",
            "right ascension": _range(table["ra"][known]),
            "declination": _range(table["dec"][known]),
        }
    if found.split is not None:
        counts = found.split.counts().items()
        numbers = {SET_NAMES[part]: f"{number:,}" for part, number in counts}
        rule, seed = found.split.rule, str(found.split.seed)
        facts["Split"] = {"recipe": found.recipe, "rule": rule, "seed": seed, **numbers}
    notes = [note[:1].upper() + note[1:] for note in (*found.notes, *found.groups.notes)]
    return facts | ({"Notes": notes} if notes else {})


def _range(values: pd.Series) -> str:
    return f"{values.min():.3f} to {values.max():.3f} degrees" if len(values) else "–"
