"""The page of `hubblefork explain`: sections of images with words, charts and tables.

The sections are made elsewhere, where the network is; this file knows how they are laid out.
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

    alt: what it is, for those who do not see it.
    text: one line below it.
    facts: rows of name and value below that.
    right: whether its class is right; None where that is not the question.
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
    """One part of the page: title, what is to be seen in it, and what it shows.

    cards: groups that stand side by side, each in a frame; sheets: groups below one another.
    charts: figures, each with its caption. table: text, its first column names the rows.
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

    kind: what it is, in a few words. sentences: the summary. figures: the key figures, each a dict
    of title, value and meaning, and interval where there is one. cautions: what to be careful
    about. made: when, as a reader should see it.
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


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table beside the page as CSV, whole or not at all."""
    with replacing(path) as file:
        table.to_csv(file, index=False, float_format="%.6g")


def now() -> str:
    """The time as a page says it."""
    return f"{datetime.now():%Y-%m-%d %H:%M}"
