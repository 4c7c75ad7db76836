"""The page of `hubblefork explain`: sections of images with words, charts and tables.

This file lays out sections, and knows nothing of what stands in them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from hubblefork.core.files import replacing
from hubblefork.report.page import chart, jpeg, render_page
from hubblefork.report.run_data import Panel


@dataclass(frozen=True, eq=False)
class Tile:
    """An image (H, W) or (H, W, 3) uint8 with what stands below it.

    alt: its description for screen readers. text: one line below it. facts: rows of name and value
    below that. right: whether it is correctly classified; None where that is not shown.
    """

    image: np.ndarray
    alt: str
    text: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    right: bool | None = None


@dataclass(frozen=True, eq=False)
class Group:
    """Tiles that belong together, under a title and a line of text."""

    title: str
    tiles: Sequence[Tile]
    text: str = ""


@dataclass(frozen=True, eq=False)
class Section:
    """One section of the page: title, explanation, and what it shows.

    cards: groups side by side, each in a frame; sheets: groups below one another. charts: figures
    with their captions. table: of text, whose first column names the rows.
    """

    title: str
    note: str
    cards: Sequence[Group] = ()
    sheets: Sequence[Group] = ()
    charts: Sequence[Panel] = ()
    table: pd.DataFrame | None = None


@dataclass(frozen=True, eq=False)
class Explained:
    """A whole page.

    kind: of page, in a few words. sentences: the summary. figures: the key figures, each a dict of
    title, value and meaning, and interval where there is one. cautions: limits of what is shown.
    made: date and time.
    """

    title: str
    kind: str
    sentences: Sequence[str]
    sections: Sequence[Section]
    figures: Sequence[Mapping[str, str]] = ()
    cautions: Sequence[str] = ()
    made: str = ""


def write_explained(page: Explained, path: str | Path) -> None:
    """Write the page, whole or not at all.

    >>> tile = Tile(np.zeros((8, 8), np.uint8), "a dark image", "spiral", right=True)
    >>> sections = [Section("Errors", "None.", sheets=[Group("", [tile])])]
    >>> write_explained(Explained("A run", "explained", ["It is dark."], sections),
    ...                 folder / "page.html")
    >>> "a dark image" in (folder / "page.html").read_text("utf-8")
    True
    """
    text = render_page(
        "explain.html",
        title=page.title,
        kind=page.kind,
        made=page.made,
        sentences=page.sentences,
        cards=page.figures,
        cautions=page.cautions,
        sections=page.sections,
        chart_of=lambda panel: chart(panel.png),
        source=lambda tile: jpeg(tile.image),
    )
    with replacing(path) as file:
        file.write(text)


def now() -> str:
    """Date and time as a page shows them."""
    return f"{datetime.now():%Y-%m-%d %H:%M}"
