"""Figures as the bytes of PNG files."""

import io

from matplotlib.figure import Figure
from PIL import Image

from hubblefork.report.style import CHART_DPI, SHEET_DPI

# The most dots along one side of a chart: the numbers of forty classes can still be read.
_MOST_DOTS = 4000


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
    figure.savefig(buffer, dpi=SHEET_DPI, metadata={"Software": None})
    return buffer.getvalue()
