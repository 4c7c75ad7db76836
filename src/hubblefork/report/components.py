"""What the pages are made of: a page has sections, a section has blocks.

A block is a note (text; words between backticks are code), a Panel, a Table, a Sheet, Groups,
Facts, a Mosaic, a Command, a Fold of further blocks, or Markup of a template. `components.html` has
a macro for each.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
from markupsafe import Markup

if TYPE_CHECKING:
    from hubblefork.report.figures import Chart
    from hubblefork.report.image_groups import ImageRows


@dataclass(frozen=True)
class Card:
    """A key figure: its value, what it means, and its 95 % interval where there is one."""

    title: str
    value: str
    meaning: str
    interval: str = ""


@dataclass(frozen=True, eq=False)
class Tile:
    """An image with what stands below it.

    image: (H, W) or (H, W, 3) uint8, or a data URI.
    alt: what it shows, for those who do not see it.
    text: one line below it.
    facts: rows of name and value below that.
    right: whether its class is right; None where that is not the question.
    id: of the image, in small letters.
    links: to the object elsewhere, by the name of the place.
    """

    image: np.ndarray | str
    alt: str
    text: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    right: bool | None = None
    id: str = ""
    links: Mapping[str, str] = field(default_factory=dict)

    @property
    def mark(self) -> str:
        """The text, after a tick or a cross where the tile is right or wrong."""
        return self.text if self.right is None else f"{'✓' if self.right else '✗'} {self.text}"


@dataclass(frozen=True, eq=False)
class Group:
    """Tiles that belong together, under a title, a line of text and a warning."""

    title: str
    tiles: Sequence[Tile]
    text: str = ""
    warning: str = ""


@dataclass(frozen=True)
class Panel:
    """A figure: the name of its file, its title, which describes it, a caption, and what is drawn.

    figure: a Chart, or ImageRows; both have `png()`, the bytes of a file.
    """

    name: str
    title: str
    caption: str
    figure: "Chart | ImageRows"

    macro: ClassVar[str] = "panel"


@dataclass(frozen=True, eq=False)
class Sheet:
    """Tiles in rows, five in each; size: `small`, `three` or `predictions` for others."""

    tiles: Sequence[Tile]
    size: str = ""
    title: str = ""

    macro: ClassVar[str] = "sheet"


@dataclass(frozen=True, eq=False)
class Groups:
    """Groups side by side, each in a frame."""

    groups: Sequence[Group]
    size: str = ""

    macro: ClassVar[str] = "groups"


@dataclass(frozen=True)
class Cell:
    """A cell of a table. small: a second line. bar: a fraction, drawn. few: in a warning colour."""

    text: str
    small: str = ""
    strong: bool = False
    bar: float | None = None
    few: bool = False


@dataclass(frozen=True, eq=False)
class Table:
    """A table; the first cell of a row names it, and a row of one cell is a heading.

    title: what it holds, for those who do not see it. words: the places of columns of text.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | Cell]]
    words: Collection[int] = ()

    macro: ClassVar[str] = "table"

    @classmethod
    def of(cls, title: str, table: pd.DataFrame, words: Collection[int] = ()) -> "Table":
        """A table of text as it is."""
        return cls(title, list(table.columns), table.to_numpy(object).tolist(), words)

    @property
    def cells(self) -> list[list[Cell]]:
        return [[c if isinstance(c, Cell) else Cell(str(c)) for c in row] for row in self.rows]


@dataclass(frozen=True, eq=False)
class Facts:
    """Lists side by side under their titles: rows of name and value, or plain items."""

    lists: Mapping[str, Mapping[str, Any] | Sequence[str]]

    macro: ClassVar[str] = "facts"


@dataclass(frozen=True, eq=False)
class Mosaic:
    """Images in the cells of a square, row by row from the top; None where a cell is empty."""

    title: str
    across: int
    cells: Sequence[np.ndarray | None]

    macro: ClassVar[str] = "mosaic"


@dataclass(frozen=True)
class Command:
    """A line to copy into a terminal."""

    line: str

    macro: ClassVar[str] = "command"


@dataclass(frozen=True, eq=False)
class Fold:
    """Blocks that are closed at first, under their summary."""

    summary: str
    blocks: Sequence[Any]

    macro: ClassVar[str] = "fold"


@dataclass(frozen=True, eq=False)
class Section:
    """A part of a page. short: its title in the list of contents. open: whether it is at first."""

    title: str
    blocks: Sequence[Any]
    short: str = ""
    open: bool = True


@dataclass(frozen=True, eq=False)
class Page:
    """A whole page.

    kind: what it is, in a few words. sentences: the summary, of which the first two are open.
    cautions: what to be careful about. note: below the cards. made: when, as a reader should see
    it. lead: what it begins with.
    """

    title: str
    kind: str
    sentences: Sequence[str]
    sections: Sequence[Section]
    cards: Sequence[Card] = ()
    cautions: Sequence[str] = ()
    note: str = ""
    made: str = ""
    lead: Markup | None = None
