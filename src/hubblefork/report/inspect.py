"""The page of `hubblefork inspect`: what a source holds, before anything is trained on it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hubblefork.core.files import replacing
from hubblefork.core.text import percent, several
from hubblefork.data.groups import SAME_POSITION_ARCSEC
from hubblefork.data.inspection import BLANK, Alike, Inspection
from hubblefork.evaluation.examples import balanced_sample
from hubblefork.report import inspect_charts, inspect_words
from hubblefork.report.figures import chart_png
from hubblefork.report.page import chart, jpeg, render_page
from hubblefork.report.run_data import displayable
from hubblefork.report.style import PART_NAMES, substitutes

# The template of the page, by which one that is there already is known.
PAGE = "inspect.html"

# How much of long lists a page shows; of the groups, the rest are named without images.
_MOST_GROUPS, _MOST_NAMED, _MOST_IN_GROUP = 12, 500, 4
_MOST_BLANK = 10
_MOST_LEFT_OUT = 50
_MOST_SIZES = 6


@dataclass(frozen=True, eq=False)
class Look:
    """What a page shows.

    title: the heading.
    inspection: what was measured.
    notes: what the source says of itself.
    images: of the rows of `shown_rows`, (H, W, C) uint8.
    made: when, as a reader should see it.
    """

    title: str
    inspection: Inspection
    notes: list[str]
    images: Mapping[int, np.ndarray] = field(repr=False)
    made: str = ""


def shown_rows(inspection: Inspection) -> np.ndarray:
    """The rows whose images a page shows, in order, each once."""
    groups = [rows for _, found in _alike(inspection) for rows in _shown_of(found)]
    return np.unique(
        np.concatenate([_sheet_rows(inspection), inspection.blank[:_MOST_BLANK], *groups])
    ).astype(np.int64)


def write_look(look: Look, path: str | Path) -> None:
    """Write the page to `path`, whole or not at all."""
    page = render_look(look)
    with replacing(path) as file:
        file.write(page)


def render_look(look: Look) -> str:
    """The page as text."""
    found = look.inspection
    charts = {name: chart(chart_png(figure)) for name, figure in inspect_charts.draw(found).items()}
    left_out = found.dataset.info["left_out"]
    return render_page(
        PAGE,
        title=look.title,
        made=look.made,
        sentences=inspect_words.sentences(found),
        cards=list(_cards(found)),
        cautions=inspect_words.cautions(found),
        charts=charts,
        substitutes=substitutes(found.names),
        classes=list(_class_rows(found)),
        parts=[PART_NAMES[part] for part in found.parts],
        sheet=[_tile(look, row) for row in _sheet_rows(found)],
        light=list(_light_rows(found)),
        channels=found.dataset.images.shape[3],
        alike=list(_alike_sections(look)),
        blank=[_tile(look, row) for row in found.blank[:_MOST_BLANK]],
        number_blank=len(found.blank),
        blank_below=BLANK,
        left_out=left_out[:_MOST_LEFT_OUT],
        number_left_out=len(left_out),
        votes=found.votes,
        facts=_facts(look),
        columns=found.columns,
        total=len(found.dataset),
        notes=look.notes,
    )


def _sheet_rows(inspection: Inspection) -> np.ndarray:
    codes = inspection.codes
    return balanced_sample(np.zeros(len(inspection.dataset), np.int64) if codes is None else codes)


def _alike(inspection: Inspection) -> Iterator[tuple[str, list[Alike]]]:
    """Each kind of images that belong together; those with different labels come first."""
    for name in ("identical", "near", "same_place"):
        groups = getattr(inspection, name) or []
        yield name, sorted(groups, key=lambda group: (not group.differ, not group.divided))


def _shown_of(groups: list[Alike]) -> list[np.ndarray]:
    return [group.rows[:_MOST_IN_GROUP] for group in groups[:_MOST_GROUPS]]


def _tile(look: Look, row: int) -> dict[str, str]:
    return {
        "id": look.inspection.dataset.table["id"].iloc[row],
        "label": inspect_words.label(look.inspection, row),
        "source": jpeg(displayable(look.images[int(row)])),
    }


def _cards(inspection: Inspection) -> Iterator[dict[str, str]]:
    total = len(inspection.dataset)
    left_out = len(inspection.dataset.info["left_out"])
    unread = f"; {left_out:,} more could not be read" if left_out else ""
    yield _card("Images", f"{total:,}", inspect_words.task(inspection) + unread)
    if inspection.votes is not None:
        error = f"{inspection.votes.rmse_of_mean:.4f}"
        yield _card("RMSE of guessing", error, "always the mean votes of all galaxies")
    elif inspection.codes is not None:
        most = inspection.counts.argmax()
        share = percent(inspection.counts[most] / total)
        yield _card("Guessing", share, f"always answering ‘{inspection.names[most]}’")
        least = inspection.counts.argmin()
        rare = f"{inspection.counts[least]:,}"
        yield _card("Rarest class", rare, f"images of ‘{inspection.names[least]}’")
    groups = len(inspection.identical) + len(inspection.near)
    copies = sum(len(each.rows) - 1 for each in [*inspection.identical, *inspection.near])
    where = f", in {several(groups, 'group')}" if groups else ""
    yield _card("Copies", f"{copies:,}", f"equal or near duplicates{where}")


def _card(title: str, value: str, meaning: str) -> dict[str, str]:
    return {"title": title, "value": value, "meaning": meaning}


def _class_rows(inspection: Inspection) -> Iterator[dict[str, Any]]:
    if inspection.codes is None:
        return
    total = inspection.counts.sum()
    for place, name in enumerate(inspection.names):
        number = int(inspection.counts[place])
        yield {
            "name": name,
            "number": number,
            "share": number / total,
            "relative": number / max(1, inspection.counts.max()),
            "parts": [int(counts[place]) for counts in inspection.parts.values()],
        }


def _light_rows(inspection: Inspection) -> Iterator[dict[str, Any]]:
    """One row for all images and, where there are classes, one for each."""
    yield {"name": "all images", **inspection.light.mean().to_dict()}
    for code, name in enumerate(inspection.names):
        of_class = inspection.light[inspection.codes == code]
        if len(of_class):
            yield {"name": name, **of_class.mean().to_dict()}


def _alike_sections(look: Look) -> Iterator[dict[str, Any]]:
    titles = {
        "identical": (
            "Identical images",
            "Equal, pixel by pixel, as they are packed. A split never divides them.",
        ),
        "near": (
            "Near duplicates",
            "They seem to show the same thing, although they are not equal: saved again, smaller, "
            "turned by 90 degrees, mirrored or of another brightness. The percentage is the "
            "correlation of their fine structure. Look, and decide; a split does not know of them "
            "unless they share a value in a column.",
        ),
        "same_place": (
            "The same place on the sky",
            f"Their positions are within {SAME_POSITION_ARCSEC:g} arcseconds. A split never "
            "divides them.",
        ),
    }
    found = look.inspection
    ids = found.dataset.table["id"]
    for kind, groups in _alike(found):
        title, note = titles[kind]
        if kind == "same_place" and found.same_place is None:
            continue
        yield {
            "title": title,
            "note": note,
            "found": inspect_words.groups_note(groups) if groups else "",
            "groups": [
                {
                    "tiles": [_tile(look, row) for row in rows],
                    "more": len(group.rows) - len(rows),
                    "differ": group.differ,
                    "divided": group.divided,
                    "similarity": group.similarity,
                }
                for group, rows in zip(groups, _shown_of(groups), strict=False)
            ],
            "named": [", ".join(ids.iloc[group.rows]) for group in groups[:_MOST_NAMED]],
            "number": len(groups),
        }


def _facts(look: Look) -> dict[str, dict[str, str]]:
    found = look.inspection
    dataset = found.dataset
    table = dataset.table
    sizes = inspect_words.sizes(found)
    originals = {size: several(number, "image") for size, number in sizes[:_MOST_SIZES]}
    if len(sizes) > _MOST_SIZES:
        rest = sum(number for _, number in sizes[_MOST_SIZES:])
        originals[f"{len(sizes) - _MOST_SIZES} other sizes"] = several(rest, "image")
    facts = {
        "Source": {
            "name": dataset.source,
            "images": f"{len(table):,}",
            "labels": inspect_words.task(found),
            "packed as": str(dataset.framing),
            "content": dataset.info["content"],
        },
        "Original sizes": originals,
        "Positions": {"known": "of none of the images"},
    }
    if found.same_place is not None:
        known = np.isfinite(table["ra"].to_numpy()) & np.isfinite(table["dec"].to_numpy())
        facts["Positions"] = {
            "known": f"of {percent(known.mean())}",
            "right ascension": _range(table["ra"][known]),
            "declination": _range(table["dec"][known]),
        }
    if found.split is not None:
        sizes = {PART_NAMES[part]: f"{number:,}" for part, number in found.split.counts().items()}
        facts["Split"] = {"rule": found.split.rule, "seed": str(found.split.seed), **sizes}
    return facts


def _range(values) -> str:
    return f"{values.min():.3f} to {values.max():.3f} degrees" if len(values) else "–"
