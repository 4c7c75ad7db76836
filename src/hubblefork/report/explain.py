"""The sections of a page of `hubblefork explain`: images with words, charts and a table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd

from hubblefork.report.components import Group, Groups, Panel, Sheet, Table


@dataclass(frozen=True, eq=False)
class Section:
    """One section of the page: title, explanation, and what it shows.

    cards: groups side by side, each in a frame; sheets: groups below one another. charts: figures
    with their captions. table: of text, whose first column names the rows.

    >>> [block if isinstance(block, str) else type(block).__name__
    ...  for block in Section("Errors", "None.", cards=[Group("", [])]).blocks]
    ['None.', 'Groups']
    """

    title: str
    note: str
    cards: Sequence[Group] = ()
    sheets: Sequence[Group] = ()
    charts: Sequence[Panel] = ()
    table: pd.DataFrame | None = None

    short: ClassVar[str] = ""

    @property
    def blocks(self) -> Iterator[Any]:
        """What the page shows, in this order."""
        yield self.note
        if self.cards:
            yield Groups(self.cards, "three")
        for group in self.sheets:
            yield group.text
            yield Sheet(group.tiles, "predictions", group.title)
        if self.table is not None:
            yield Table.of(self.title, self.table)
        yield from self.charts
