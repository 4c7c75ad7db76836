"""Figures as PNG files, and as charts that take the colours and the width of their page."""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import matplotlib
from markupsafe import Markup
from matplotlib.figure import Figure
from PIL import Image

from hubblefork.report.style import CHART_DPI, PAGE_COLOURS, SHEET_DPI, narrow

# The most dots along one side of a chart: the numbers of forty classes can still be read.
_MOST_DOTS = 4000

# What a file needs and a page does not: declarations, metadata, names of groups, a rule for
# everything, and fonts, which the page chooses.
_OF_FILES = re.compile(
    r"<\?xml.*?\?>|<!DOCTYPE.*?>|<metadata>.*?</metadata>|<style .*?</style>"
    r'| xmlns(:xlink)?="[^"]*"| version="1.1"|(?<=<g) id="[^"]*"',
    re.DOTALL,
)
_FONT = re.compile(r"font: ((?:\w+ )?)([\d.]+)px [^;\"]*")
# Of the second size in pixels, of which 96 are an inch, one is 72 to the inch.
_SIZE = re.compile(r'<svg (.*?)width="([\d.]+)pt" height="[\d.]+pt"')


@dataclass(frozen=True, eq=False)
class Chart:
    """A chart for a file and for a page, drawn when one of them needs it.

    draw: gives the figure; within `style.narrow`, that for a phone.
    """

    draw: Callable[[], Figure]

    @cached_property
    def figure(self) -> Figure:
        """The figure as it is printed."""
        return self.draw()

    def png(self) -> bytes:
        """The bytes of a PNG file."""
        return chart_png(self.figure)

    def svgs(self, title: str) -> tuple[Markup, Markup]:
        """The chart for wide and for narrow windows, as parts of a page that say their title."""
        with narrow():
            slim = self.draw()
        return chart_svg(self.figure, title, "wide"), chart_svg(slim, title, "narrow")


def chart_svg(figure: Figure, title: str, kind: str) -> Markup:
    """A figure as an SVG element whose colours are the variables of the page.

    title: what it shows, for those who do not see it. kind: the class of the element.
    """
    drawn = io.StringIO()
    # The names of what is used again depend on the title: a name is of one element of a page.
    rules: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": f"{title} {kind}"}
    with matplotlib.rc_context(rules):
        figure.savefig(drawn, format="svg", dpi=SHEET_DPI, transparent=True)
    text = _OF_FILES.sub("", drawn.getvalue()).replace("xlink:href", "href").strip()
    text = _FONT.sub(r"font-weight: \1; font-size: \2px", text).replace("font-weight: ;", "")
    for colour, variable in PAGE_COLOURS.items():
        text = text.replace(colour, f"var(--{variable})")
    about = Markup('<svg role="img" aria-label="{}" class="{}"').format(title, kind)
    return Markup(_SIZE.sub(lambda found: f'{about} {found[1]}width="{float(found[2]) / 0.75:.0f}"',
                            text, count=1))  # fmt: skip


def chart_png(figure: Figure) -> bytes:
    """A figure of few colours as the bytes of a PNG file, trimmed of empty margins.

    The 256 most common colours are kept, which makes it a third as large and looks the same.
    """
    dpi = min(CHART_DPI, _MOST_DOTS / max(figure.get_size_inches()))
    drawn = io.BytesIO()
    # Weakly packed, because it is unpacked at once.
    figure.savefig(
        drawn, dpi=dpi, bbox_inches="tight", pad_inches=0.12, pil_kwargs={"compress_level": 1}
    )
    packed = io.BytesIO()
    with Image.open(drawn) as image:
        few = image.convert("RGB").quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        few.save(packed, "PNG")
    return packed.getvalue()


def sheet_png(figure: Figure) -> bytes:
    """A figure of photographs as the bytes of a PNG file, in all its colours."""
    buffer = io.BytesIO()
    # Photographs pack hardly better at the usual level 6, which takes three times as long.
    figure.savefig(
        buffer, dpi=SHEET_DPI, metadata={"Software": None}, pil_kwargs={"compress_level": 3}
    )
    return buffer.getvalue()
