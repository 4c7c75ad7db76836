"""Figures of images: tiles in rows of five, with what stands below each."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from hubblefork.report.components import Tile
from hubblefork.report.style import BLUE, INK, MUTED, ORANGE, SHEET_DPI, styled, wrapped

# Inches: a tile is large enough to judge a galaxy, five across fill a printed page.
_TILE = 1.55
_GAP = 0.16
_ACROSS = 5
# Inches of a line of text, and the letters that it holds.
_LINE, _LETTERS = 0.125, 27


def draw_tiles(tiles: Sequence[Tile], names: Sequence[str] = ()) -> Figure:
    """Each image above its text and facts, five in a row.

    names: those of the classes, which are replaced where no font can draw them. What is right has a
    thin solid frame and a tick, what is wrong a thick dashed frame and a cross.

    >>> figure = draw_tiles([Tile(np.zeros((32, 32), np.uint8), "dark", "spiral", {"id": "g1"})])
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['spiral', 'id: g1']
    """
    with styled(tuple(names)) as drawable:
        captions = [_lines(tile, drawable) for tile in tiles]
        caption = 0.1 + _LINE * max(sum(map(_height, lines)) for lines in captions)
        across, down = min(len(tiles), _ACROSS), -(-len(tiles) // _ACROSS)
        width, height = across * (_TILE + _GAP) + _GAP, down * (_TILE + caption + _GAP) + _GAP
        figure = Figure(figsize=(width, height), dpi=SHEET_DPI)
        # Measured in inches from the upper left corner.
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        for place, (tile, lines) in enumerate(zip(tiles, captions, strict=True)):
            row, column = divmod(place, _ACROSS)
            left, top = _GAP + column * (_TILE + _GAP), _GAP + row * (_TILE + caption + _GAP)
            _show(axes, np.asarray(tile.image), left, top)
            if tile.right is not None:
                axes.add_patch(_frame(left, top, tile.right))
            level = top + _TILE + 0.06
            for number, line in enumerate(lines):
                first = number == 0 and tile.text
                colour = {None: INK, True: BLUE, False: ORANGE}[tile.right] if first else MUTED
                axes.text(left, level, line, va="top", fontsize=7.5 if first else 7, color=colour,
                          fontweight="bold" if first else "normal", linespacing=1.2)  # fmt: skip
                level += _LINE * _height(line)
        # Each image has set the limits to its own.
        axes.set(xlim=(0, width), ylim=(height, 0))
        return figure


def _lines(tile: Tile, drawable: dict[str, str]) -> list[str]:
    """The texts below a tile, each of which may be two lines long."""
    facts = [f"{name}: {drawable.get(value, value)}" for name, value in tile.facts.items()]
    mark = tile.mark.removesuffix(tile.text) + drawable.get(tile.text, tile.text)
    return [wrapped(line, _LETTERS, 2) for line in ([mark] if tile.text else []) + facts]


def _height(line: str) -> int:
    return line.count("\n") + 1


def _frame(left: float, top: float, right: bool) -> Rectangle:
    width, style = (1.6, "-") if right else (3, (0, (3, 1.5)))
    return Rectangle((left, top), _TILE, _TILE, fill=False, edgecolor=BLUE if right else ORANGE,
                     linewidth=width, linestyle=style)  # fmt: skip


def _show(axes: Axes, image: np.ndarray, left: float, top: float) -> None:
    """Draw an image in the middle of its tile, whole and in proportion."""
    high, wide = image.shape[:2]
    height, width = _TILE * high / max(high, wide), _TILE * wide / max(high, wide)
    left, top = left + (_TILE - width) / 2, top + (_TILE - height) / 2
    # Lanczos enlarges without blocks; a larger image is averaged down by the default.
    enlarged = max(high, wide) < _TILE * SHEET_DPI
    axes.imshow(
        image, cmap="gray", vmin=0, vmax=255, aspect="auto",
        extent=(left, left + width, top + height, top),
        interpolation="lanczos" if enlarged else "auto",
    )  # fmt: skip
