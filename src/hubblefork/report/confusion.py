"""The confusion matrix as a table to look into: behind each cell stand its images.

All of it is in the page. Errors come first where there is no room for every image.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import to_hex

from hubblefork.core.text import whole_percent
from hubblefork.report.page import jpeg
from hubblefork.report.run_data import Material
from hubblefork.report.style import SHADES

# Images of one cell that a person looks through.
_MOST_OF_A_CELL = 40

# Letters of all images together: with the rest of a page it stays below five million.
_MOST_LETTERS = 2_000_000

# Pixels of an image's longer side: 64 to 112 on the page, and what quality a thumbnail needs.
_SIDE, _QUALITY = 112, 82


def matrix_rows(material: Material) -> Iterator[dict[str, Any]]:
    """The rows of the table: name and number of a true class, and a cell for each predicted one.

    A cell is None where no image is; otherwise its key, that of its `galleries` entry, the
    number of its images, their share of the row, and its colours.
    """
    matrix = np.array(material.metrics["confusion_matrix"])
    for true, counts in enumerate(matrix):
        total = int(counts.sum())
        cells = [
            {
                "key": _key(true, predicted),
                "count": int(count),
                "share": whole_percent(count / total),
                "style": _colours(count / total),
            }
            if count
            else None
            for predicted, count in enumerate(counts)
        ]
        yield {"name": material.names[true], "total": total, "cells": cells}


def galleries(material: Material, most_letters: int = _MOST_LETTERS) -> list[dict[str, Any]]:
    """The images of each cell that is not empty: errors by their number, then right answers.

    Each has key, true, predicted, right, count, told (how many are shown), and tiles {id,
    probability, source}, the surest answers first. Where there is no room for all, each cell of
    errors has one more in turn, and the cells of right answers share what is left.
    """
    answers = _ranked(material)
    tiles: dict[str, list[dict[str, Any]]] = {}
    room = most_letters
    for row in answers[answers["rank"] < _MOST_OF_A_CELL].itertuples():
        source = jpeg(material.image(row.id), _SIDE, _QUALITY)
        room -= len(source)
        if room < 0:
            break
        tile = {"id": row.id, "probability": row.probability, "source": source}
        tiles.setdefault(row.key, []).append(tile)
    cells = answers.drop_duplicates("key").set_index("key")
    cells = cells.assign(number=answers["key"].value_counts())
    cells = cells.sort_values(["right", "number"], ascending=[True, False], kind="stable")
    return [
        {
            "key": cell.Index,
            "true": cell.true,
            "predicted": cell.predicted,
            "right": cell.right,
            "count": cell.number,
            "told": _told(len(tiles.get(cell.Index, [])), cell.number),
            "tiles": tiles.get(cell.Index, []),
        }
        for cell in cells.itertuples()
    ]


def _ranked(material: Material) -> pd.DataFrame:
    """The answers in the order in which they are shown while there is room.

    Each has the key of its cell, whether it is right, and its rank within the cell by probability.
    """
    true, probabilities = material.classified()
    predicted = probabilities.argmax(axis=1)
    answers = material.answers().assign(
        key=[_key(*pair) for pair in zip(true, predicted, strict=True)], right=true == predicted
    )
    answers = answers.sort_values("probability", ascending=False, kind="stable")
    answers["rank"] = answers.groupby("key").cumcount()
    return answers.sort_values(["right", "rank"], kind="stable")


def _key(true: int, predicted: int) -> str:
    return f"cell-{true}-{predicted}"


def _colours(share: float) -> str:
    """The style of a cell: its shade, and black or white letters, whichever are told apart better.

    >>> _colours(0), _colours(1)
    ('background:#f7f9fb;color:#000', 'background:#062c52;color:#fff')
    """
    shade = SHADES(float(share))
    # WCAG 2: relative luminance of sRGB. Black and white have the same contrast at 0.179.
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shade[:3]]
    luminance = np.dot((0.2126, 0.7152, 0.0722), linear)
    return f"background:{to_hex(shade)};color:{'#000' if luminance > 0.179 else '#fff'}"


def _told(shown: int, count: int) -> str:
    """How many images of a cell are shown.

    >>> _told(40, 50)
    '40 of 50 shown, the surest answers first.'
    """
    if shown == count:
        return "The surest answers first." if count > 1 else ""
    return f"{shown:,} of {count:,} shown, the surest answers first."
