"""The style of all figures: colours, fonts, axes, and class names that always fit."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, lru_cache
from typing import Any

import matplotlib
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.layout_engine import ConstrainedLayoutEngine

INK = "#1b2430"
MUTED = "#5b6776"
GRID = "#e4e8ed"
# Okabe & Ito 2008, told apart with every common kind of colour blindness.
SET_COLOURS = {"train": "#0072b2", "val": "#d55e00", "test": "#009e73"}
SET_NAMES = {"train": "training set", "val": "validation set", "test": "test set"}
BLUE, ORANGE = SET_COLOURS["train"], SET_COLOURS["val"]
# The wedges of a pie, from the same palette.
WEDGES = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442")
# The lines of axes, and what is behind a chart.
AXIS, PAPER = "#b5bec9", "#ffffff"
# The variables of a page, light and dark (template.css), in place of the colours of a figure.
PAGE_COLOURS = {
    INK: "ink", MUTED: "muted", GRID: "grid", AXIS: "axis", PAPER: "card",
    "#0072b2": "blue", "#d55e00": "orange", "#009e73": "green", "#e69f00": "yellow",
    "#cc79a7": "pink", "#56b4e9": "sky", "#f0e442": "lemon",
}  # fmt: skip
# One hue, from paper to ink: the order of the shades holds in grey print too.
SHADES = LinearSegmentedColormap.from_list(
    "hubblefork", ["#f7f9fb", "#d3e3f1", "#8fbbdc", "#3c84bd", "#0b4a82", "#062c52"], N=40
)

# Twice the 100 dots an inch at which a page shows a figure: crisp on dense screens.
CHART_DPI = 200
# Sheets of images hold no detail finer than this, and noise makes large files.
SHEET_DPI = 150

# Inches: a phone has 390 dots, a hundred to the inch, and margins. The smallest letters of charts
# have 8.5 points there, more than 11 dots.
NARROW, SMALL = 3.5, 8.5
_narrow: ContextVar[bool] = ContextVar("narrow", default=False)

# The first one installed is used. The last comes with matplotlib and has most European letters.
_FAMILIES = ("Inter", "Helvetica Neue", "Arial", "Liberation Sans", "DejaVu Sans")
# Fonts of coloured bitmaps, which matplotlib cannot draw, or of boxes for every letter.
_UNFIT = re.compile(r"emoji|last ?resort|adobe blank|fallback", re.IGNORECASE)

_RULES: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": AXIS,
    "axes.grid": False,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 9.5,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "font.size": 9.5,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "savefig.facecolor": "white",
    "text.color": INK,
    # Class names are text: a '$' in one is no formula.
    "text.parse_math": False,
    "xtick.color": AXIS,
    "xtick.labelcolor": MUTED,
    "ytick.color": AXIS,
    "ytick.labelcolor": MUTED,
}


@contextmanager
def styled(names: tuple[str, ...]) -> Iterator[dict[str, str]]:
    """Draw in the shared style; yields the text to draw for each of the class `names`."""
    families, labels = _lettering(tuple(names))
    with matplotlib.rc_context({**_RULES, "font.family": list(families)}):
        yield labels


@contextmanager
def narrow() -> Iterator[None]:
    """Draw for a window as narrow as that of a phone."""
    token = _narrow.set(True)
    try:
        yield
    finally:
        _narrow.reset(token)


def is_narrow() -> bool:
    """Whether a chart is drawn for a narrow window: panels are stacked, names have more lines."""
    return _narrow.get()


def panel_axes(
    number: int, width: float, height: float, narrow_height: float = 0, **options: Any
) -> tuple[Figure, list[Axes]]:
    """A figure with panels side by side, or below one another for a narrow window.

    width: of all of them, height: of each, in inches. narrow_height: that for a narrow window; by
    default the same. options: as `Figure.subplots` takes them.

    >>> len(panel_axes(2, 9.6, 3)[1])
    2
    """
    rows, across = (number, 1) if is_narrow() else (1, number)
    size = (NARROW, number * (narrow_height or height)) if is_narrow() else (width, height)
    figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(wspace=0.06, hspace=0.06))
    every = list(figure.subplots(rows, across, squeeze=False, **options).flat)
    for axes in every:
        axes.tick_params(labelbottom=True)
    return figure, every


def named_rows(axes: Axes, names: Sequence[str], width: int = 34, lines: int = 1) -> None:
    """Name the rows of a chart of horizontal bars or dots, the first row at the top."""
    if is_narrow():
        width, lines = 18, 2
    axes.set_yticks(range(len(names)), [wrapped(name, width, lines) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0, labelcolor=INK, labelsize=9.5 if len(names) <= 25 else 8.5)
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)


def in_percent(axis: Axis) -> None:
    """Write the fractions along an axis in percent."""
    axis.set_major_formatter(lambda fraction, _: f"{100 * fraction:.3g} %")


def beside(axes: Axes, text: str, value: float, row: float, **style: Any) -> None:
    """Write to the right of a value of a row, on white so that grid lines do not cross the text."""
    axes.annotate(
        text, (value, row), xytext=(5, 0), textcoords="offset points", va="center",
        bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1}, **style,
    )  # fmt: skip


def wrapped(text: str, width: int, lines: int = 3) -> str:
    """Break a class name into even lines of at most `width` letters, the last cut if need be.

    >>> wrapped("Disk, Edge-on, Rounded Bulge", 20)
    'Disk, Edge-on,\\nRounded Bulge'
    >>> wrapped("completely_round_smooth", 16)
    'completely_\\nround_smooth'
    >>> wrapped("Antidisestablishmentarianism", 10, lines=2)
    'Antidisest\\nablishmen…'
    """
    text = " ".join(text.split())
    rows = _broken(text, width)
    if len(rows) > lines:
        return "\n".join([*rows[: lines - 1], rows[lines - 1][: width - 1] + "…"])
    # The narrowest width that needs no more lines leaves no single word on the last one.
    narrower = (_broken(text, less) for less in range(1, width))
    return "\n".join(next((even for even in narrower if len(even) == len(rows)), rows))


def _broken(text: str, width: int) -> list[str]:
    rows = [""]
    # A piece ends after a blank or any of '_/', and a longer one is cut to the width.
    for piece in re.findall(r"[^\s_/]*[\s_/]?", text):
        for start in range(0, len(piece), width):
            part = piece[start : start + width]
            if len((rows[-1] + part).rstrip()) > width:
                rows.append("")
            rows[-1] += part if rows[-1] else part.lstrip()
    return [row.rstrip() for row in rows if row.strip()]


def substitutes(names: tuple[str, ...]) -> dict[str, str]:
    """The names that no installed font can draw, and what figures show in their place.

    >>> substitutes(("spiral", "a \\u0378 of nobody"))
    {'a \\u0378 of nobody': 'class 2'}
    """
    labels = _lettering(tuple(names))[1]
    return {name: label for name, label in labels.items() if name != label}


def undrawn(names: tuple[str, ...]) -> str:
    """What figures show for names that no font has; empty where all can be drawn."""
    shown = "; ".join(f"{label} is {name}" for name, label in substitutes(names).items())
    return shown and f"No font was found to draw some names in the figures: {shown}."


@lru_cache(maxsize=8)
def _lettering(names: tuple[str, ...]) -> tuple[tuple[str, ...], dict[str, str]]:
    """Choose fonts that together hold all letters of the names, and number what they lack."""
    installed = {font.name: font.fname for font in font_manager.fontManager.ttflist}
    first = next(family for family in _FAMILIES if family in installed)
    chosen = {family: installed[family] for family in (first, _FAMILIES[-1])}
    labels = {}
    for number, name in enumerate(names, start=1):
        missing = _missing(name, chosen.values())
        found = _font_with(missing, installed) if missing else None
        if found:
            chosen[found] = installed[found]
        labels[name] = f"class {number}" if missing and not found else name
    return tuple(chosen), labels


def _missing(text: str, paths: Iterable[str]) -> frozenset[int]:
    """The letters of `text` that none of the font files has."""
    letters = frozenset(ord(letter) for letter in text if not letter.isspace())
    return letters.difference(*(_letters(path) for path in paths))


def _font_with(letters: frozenset[int], installed: dict[str, str]) -> str | None:
    """The first installed font, by name, that has all the letters."""
    for family, path in sorted(installed.items()):
        if not _UNFIT.search(family) and letters <= _letters(path):
            return family
    return None


@cache
def _letters(path: str) -> frozenset[int]:
    return frozenset(FT2Font(path).get_charmap())
