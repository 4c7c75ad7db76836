"""What a recipe reproduces: a publication, the figure that it reports, and what differs here."""

from typing import Annotated, Literal

from pydantic import Field

from hubblefork.core.text import percent
from hubblefork.recipes.settings import Count, Table

SetName = Literal["training", "validation", "test"]

# What a publication shows, as pages call it: see `report.reproduction`.
Shown = Literal[
    "examples",
    "classes",
    "fractions",
    "views",
    "curves",
    "confusion",
    "class report",
    "predictions",
    "activations",
    "filters",
    "questions",
]


class Publication(Table):
    """A publication whose system a recipe trains as published; its table is `[publication]`.

    >>> from hubblefork.recipes.recipe import load_recipe
    >>> found = load_recipe("alexnet").publication
    >>> found.kind, found.figure, found.written
    ('validation', 0.7513, '75.1\\xa0% validation accuracy')
    """

    place: Count
    """Its place where all of them are shown; systems of one publication are neighbours."""
    title: str
    """Title of the publication."""
    author: str = ""
    """Its authors; empty where none is named."""
    year: int | None = None
    """The year that it states; none where it states none."""
    link: str = ""
    """Where it is; empty where it is not on the web."""
    code: str = ""
    """Where its code is; empty where that is not known."""
    data: str
    """The data that it trains on."""
    images: Count
    """How many images these are, all sets together."""
    classes: tuple[str, ...] = ()
    """The classes by which other images of the same objects are known; none where any will do."""
    group: str = ""
    """The column of images that are alike, where they have it: a leak if split between the sets."""
    source: str = ""
    """The same data as a source; empty where their place is not known beforehand."""
    substitute: str
    """A source of the same kind of labels, where the publication's own is not at hand."""
    metric: Literal["accuracy", "rmse"]
    """What its figure measures."""
    figure: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    """Its figure: an accuracy from 0 to 1, or an RMSE."""
    roughly: Literal["", "about", "nearly"] = ""
    """How exactly it is stated."""
    kind: SetName
    """The set that the figure was measured on."""
    further: str = ""
    """What else is reported, in one sentence."""
    differs: tuple[str, ...] = ()
    """What is done otherwise here, and why, in sentences."""
    shows: tuple[Shown, ...] = ()
    """What it shows, in its own order."""

    @property
    def value(self) -> str:
        """The figure with its unit, as exactly as it is stated.

        >>> from hubblefork.recipes.recipe import load_recipe
        >>> load_recipe("lenet5").publication.value
        'about 90\\xa0%'
        """
        accuracy = self.metric == "accuracy"
        digits = 0 if self.roughly else 1
        shown = percent(self.figure, digits) if accuracy else f"{self.figure:.5f}"
        return f"{self.roughly} {shown}".strip()

    @property
    def written(self) -> str:
        """The figure and what it measures, as in a sentence."""
        if self.metric == "rmse":
            return f"{self.kind} RMSE {self.value}"
        return f"{self.value} {self.kind} accuracy"

    @property
    def byline(self) -> str:
        """The author and the year, as far as they are known."""
        author = self.author or "author not named"
        return f"{author}, {self.year}" if self.year else author

    def __str__(self) -> str:
        """The publication in a few short lines."""
        lines = [f"“{self.title}”", self.byline, self.link, self.code]
        lines.append(f"{self.written} on {self.data}")
        return "\n".join(filter(None, lines))
