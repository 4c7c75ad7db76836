"""The report of a run: one HTML page that holds its images and asks the network for nothing."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hubblefork.core.files import replacing
from hubblefork.core.text import between, percent, several
from hubblefork.data.images.framing import Framing
from hubblefork.data.subsets import SUBSETS
from hubblefork.evaluation.intervals import wilson_interval
from hubblefork.report import votes
from hubblefork.report.confusion import galleries, matrix_rows
from hubblefork.report.example_selection import example_rows, prediction_rows
from hubblefork.report.figures import draw_charts
from hubblefork.report.page import chart, jpeg, render_page
from hubblefork.report.run_data import Material
from hubblefork.report.style import PART_NAMES, substitutes
from hubblefork.report.summary import FEW, cautions, sentences

# Images left out that the page lists; `dataset.json` has them all.
_MOST_LEFT_OUT = 20

# Up to so many classes their names fit across the columns of the confusion matrix; up to so many
# its cells have room for two numbers.
_MOST_AMPLE, _MOST_ROOMY = 6, 12
# Of more, confusions are hard to find in the table: so many of the most frequent stand in a list.
_LISTED = 10

# The sections of a page, by their anchors, as its list of contents names them.
_OF_CLASSES = {
    "classes": "Class by class",
    "confusion": "Confusion matrix",
    "certainty": "How sure it is",
    "distribution": "Class distribution",
    "examples": "Examples",
    "predictions": "Predictions",
}
_OF_VOTES = {"questions": "Questions", "answers": "Answers", "galaxies": "Examples"}


def write_report(
    material: Material, path: Path | str, charts: Mapping[str, bytes] | None = None
) -> Path:
    """Write the page to `path`, whole or not at all.

    `charts` are those of `draw_charts`, where they have been drawn already.
    """
    path = Path(path)
    page = render(material, charts)
    with replacing(path) as file:
        file.write(page)
    return path


def render(material: Material, charts: Mapping[str, bytes] | None = None) -> str:
    """The page as text. Whatever stands in names and notes is shown, never obeyed."""
    return render_page(
        "votes.html" if material.of_votes else "classes.html",
        **(_of_votes(material) if material.of_votes else _of_classes(material)),
        title=material.title,
        made=material.made,
        contents=_contents(material),
        material=material,
        charts={name: chart(png) for name, png in (charts or draw_charts(material)).items()},
        panels=[(panel, chart(panel.png)) for panel in material.panels],
        recipe=_grouped(material.recipe),
        data=_data(material),
        left_out=material.dataset.get("left_out", [])[:_MOST_LEFT_OUT],
        split=_split(material),
    )


def _contents(material: Material) -> list[tuple[str, str]]:
    """The anchors and titles of the sections, in their order."""
    return [
        *([] if material.history.empty else [("training", "Training")]),
        *(_OF_VOTES if material.of_votes else _OF_CLASSES).items(),
        *[(panel.name, "What it sees") for panel in material.panels[:1]],
        ("further", "Why it answers so"),
        ("making", "How it was made"),
    ]


def _of_classes(material: Material) -> dict[str, Any]:
    return {
        "script": "confusion.js",
        "sentences": sentences(material),
        "cautions": cautions(material),
        "cards": _cards(material),
        "substitutes": substitutes(material.names),
        "rows": list(_class_rows(material)),
        "few": FEW,
        "matrix": list(matrix_rows(material)),
        "galleries": galleries(material),
        "ample": _MOST_AMPLE,
        "compact": _MOST_ROOMY,
        "listed": _LISTED if len(material.names) > _MOST_ROOMY else 0,
        "examples": list(_tiles(material, example_rows(material))),
        "predictions": list(_tiles(material, prediction_rows(material))),
    }


def _of_votes(material: Material) -> dict[str, Any]:
    return {
        "sentences": votes.sentences(material),
        "cautions": votes.cautions(material),
        "cards": votes.cards(material),
        "questions": votes.answer_rows(material),
        "examples": [
            row | {"source": jpeg(material.image(row["id"]))}
            for row in votes.example_rows(material)
        ],
    }


def _cards(material: Material) -> list[dict[str, str]]:
    """The key figures: what it is, its value, its interval, and what it means."""
    metrics = material.metrics
    kinds = (
        ("accuracy", "Accuracy", "share of test images whose class is right"),
        ("balanced_accuracy", "Balanced accuracy", "mean recall, every class counting alike"),
        ("macro_f1", "Macro F1", "mean F1, every class counting alike"),
        (
            "expected_calibration_error",
            "Calibration error",
            "mean gap between confidence and share right",
        ),
    )
    return [
        {
            "title": title,
            "value": percent(metrics[key]),
            "interval": between(metrics["intervals"][key]),
            "meaning": meaning,
        }
        for key, title, meaning in kinds
    ]


def _class_rows(material: Material) -> Iterator[dict[str, Any]]:
    """One row of the table for each class, with Wilson's intervals of precision and recall."""
    matrix = np.array(material.metrics["confusion_matrix"])
    hits, answered = matrix.diagonal(), matrix.sum(axis=0)
    for place, (name, values) in enumerate(material.metrics["per_class"].items()):
        yield {
            "name": name,
            **values,
            "precision_interval": wilson_interval(int(hits[place]), int(answered[place])),
            "recall_interval": wilson_interval(int(hits[place]), values["support"]),
        }


def _tiles(material: Material, rows) -> Iterator[dict[str, Any]]:
    for row in rows.to_dict("records"):
        yield {
            "id": row["id"],
            "true": row["true"],
            "predicted": row["predicted"],
            "right": row["true"] == row["predicted"],
            "probability": row.get("probability"),
            "source": jpeg(material.image(row["id"])),
        }


def _data(material: Material) -> dict[str, Any]:
    """What the packed images are, as rows of name and value."""
    dataset = material.dataset
    _, high, wide, channels = dataset["shape"]
    kinds = {1: "grey", 3: "colour"}
    return {
        "source": dataset["source"],
        "images": f"{dataset['number']:,}",
        "size": f"{wide} × {high} pixels, {kinds.get(channels, f'{channels} bands')}",
        "packed as": str(Framing.from_json(dataset["framing"])),
        "left out": f"{len(dataset.get('left_out', [])):,}",
        "content": dataset["content"],
    }


def _split(material: Material) -> dict[str, str]:
    sizes = material.split["sizes"]
    return {
        "rule": _shown(material.split["rule"]),
        "seed": _shown(material.split["seed"]),
        **{PART_NAMES[part]: several(sizes[part], "image") for part in SUBSETS if part in sizes},
        "sha256": _shown(material.split["sha256"]),
    }


def _grouped(recipe: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """A recipe's tables, each as rows of name and value; loose values come first."""
    tables: dict[str, dict[str, str]] = {"recipe": {}}
    for key, value in recipe.items():
        if isinstance(value, Mapping):
            tables[key] = dict(_flat(value))
        else:
            tables["recipe"][key] = _shown(value)
    return {name: rows for name, rows in tables.items() if rows}


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", _shown(value)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(_shown(item) for item in value)
    return "none" if value is None else str(value)
