"""The confusion matrix as a table to look into: each cell opens the images in it.

All of it is in the page. Errors come first where there is no room for every image.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.colors import LinearSegmentedColormap, to_hex

from hubblefork.core.text import percent, whole_percent
from hubblefork.report.components import Sheet, Tile
from hubblefork.report.page import jpeg, render_part
from hubblefork.report.run_data import RunData
from hubblefork.report.style import SHADES

# Images of one cell that a person looks through.
_MOST_OF_A_CELL = 40

# Letters of all images together: with the rest of a page it stays below five million.
_MOST_LETTERS = 2_000_000

# Pixels of an image's longer side: 64 to 112 on the page, and what quality a thumbnail needs.
_SIDE, _QUALITY = 112, 82

# Up to so many classes their names fit across the columns; up to so many, two numbers in a cell.
_MOST_AMPLE, _MOST_ROOMY = 6, 12
# For dark paper: the more, the brighter.
_DARK_SHADES = LinearSegmentedColormap.from_list(
    "dark", ["#212a36", "#1f4766", "#2a76ab", "#58aee6", "#b5def9"], N=40
)
# Of more, confusions are hard to find in the table: so many of the most frequent stand in a list.
_LISTED = 10


def confusion_table(run: RunData, images: bool = True, of: str = "") -> list[Markup]:
    """The table and the images of its cells, as the block of a section.

    images: or the table alone, on a page that has several. of: what tells it from the others there.
    """
    names = run.task.words.names
    number = len(names)
    part = render_part(
        "confusion.html",
        names=names,
        title=f"Confusion matrix, {of}" if of else "Confusion matrix",
        rows=list(matrix_rows(run)),
        galleries=galleries(run) if images else [],
        size="compact" if number > _MOST_ROOMY else "ample" if number <= _MOST_AMPLE else "",
        listed=_LISTED if images and number > _MOST_ROOMY else 0,
    )
    return [part]


def matrix_rows(run: RunData) -> Iterator[dict[str, Any]]:
    """The rows of the table: name and number of a true class, and a cell for each predicted one.

    A cell is None where no image is; otherwise its key, that of its `galleries` entry, the
    number of its images, their fraction of the row, and its colours.
    """
    matrix = np.array(run.metrics["confusion_matrix"])
    for true, counts in enumerate(matrix):
        total = int(counts.sum())
        cells = [
            {
                "key": _key(true, predicted),
                "count": int(count),
                "fraction": whole_percent(count / total),
                "style": _colours(count / total),
            }
            if count
            else None
            for predicted, count in enumerate(counts)
        ]
        yield {"name": run.task.words.names[true], "total": total, "cells": cells}


def galleries(run: RunData, most_letters: int = _MOST_LETTERS) -> list[dict[str, Any]]:
    """The images of each cell that is not empty: the most frequent errors first, then the diagonal.

    Each has key, true, predicted, right, count, note (how many are shown), and a sheet, highest
    confidence first. Where there is no room for all, each cell of errors has one more in turn, and
    the cells of correct predictions get what is left.
    """
    found = run.predictions
    cells: dict[tuple[int, int], list[int]] = {}
    pairs = list(zip(found.labels.tolist(), found.leading.tolist(), strict=True))
    for row in np.argsort(-found.confidence, kind="stable"):
        cells.setdefault(pairs[row], []).append(row)
    ordered = sorted(cells, key=lambda cell: (cell[0] == cell[1], -len(cells[cell])))
    tiles: dict[tuple[int, int], list[Tile]] = {cell: [] for cell in cells}
    names, room = run.task.words.names, most_letters
    for errors in (True, False):
        for rank in range(_MOST_OF_A_CELL):
            for cell in ordered:
                if (cell[0] != cell[1]) != errors or rank >= len(cells[cell]):
                    continue
                row = cells[cell][rank]
                source = jpeg(run.image(found.ids[row]), _SIDE, _QUALITY)
                links = run.links(found.ids[row])
                room -= len(source) + 2 * len("".join(links.values()))
                if room >= 0:
                    what = f"predicted {names[cell[1]]}, true class {names[cell[0]]}"
                    tiles[cell].append(
                        Tile(source, f"Image {found.ids[row]}: {what}",
                             percent(found.confidence[row], 0), id=found.ids[row], links=links)
                    )  # fmt: skip
            if room < 0:
                break
    return [
        {
            "key": _key(*cell),
            "true": names[cell[0]],
            "predicted": names[cell[1]],
            "right": cell[0] == cell[1],
            "count": len(cells[cell]),
            "note": _note(len(tiles[cell]), len(cells[cell])),
            "sheet": Sheet(tiles[cell], "small"),
        }
        for cell in ordered
    ]


def _key(true: int, predicted: int) -> str:
    return f"cell-{true}-{predicted}"


def _colours(fraction: float) -> str:
    """The variables of a cell: its shade and its letters on light paper, then on dark paper.

    Letters are black or white, whichever are told apart better.

    >>> _colours(0)
    '--shade:#f7f9fb;--text:#000;--dark-shade:#212a36;--dark-text:#fff'
    """
    light, dark = SHADES(float(fraction)), _DARK_SHADES(float(fraction))
    return (
        f"--shade:{to_hex(light)};--text:{_letters(light)};"
        f"--dark-shade:{to_hex(dark)};--dark-text:{_letters(dark)}"
    )


def _letters(shade: tuple[float, ...]) -> str:
    # WCAG 2: relative luminance of sRGB. Black and white have the same contrast at 0.179.
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shade[:3]]
    return "#000" if np.dot((0.2126, 0.7152, 0.0722), linear) > 0.179 else "#fff"


def _note(shown: int, count: int) -> str:
    """How many images of a cell are shown.

    >>> _note(40, 50)
    '40 of 50 shown, highest confidence first.'
    """
    if shown == count:
        return "Highest confidence first." if count > 1 else ""
    return f"{shown:,} of {count:,} shown, highest confidence first."
