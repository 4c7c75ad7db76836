"""All figures of a run, written as PNG files."""

import io
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from hubblefork.files import replacing
from hubblefork.report.charts import class_counts, confusion, curves
from hubblefork.report.material import Material
from hubblefork.report.sheets import examples, predictions
from hubblefork.report.style import CHART_DPI, SHEET_DPI

# The most dots along one side of a chart: the numbers of forty classes can still be read.
_MOST_DOTS = 4000


def save_figures(material: Material, folder: Path | str) -> list[Path]:
    """Write curves, confusion, classes, examples and predictions .png into `folder`.

    There are no curves where the history is empty: a model measured far from its training.
    """
    charts = {"curves": curves, "confusion": confusion, "classes": class_counts}
    sheets = {"examples": examples, "predictions": predictions}
    paths = []
    for name, draw in (charts | sheets).items():
        if name == "curves" and material.history.empty:
            continue
        figure = draw(material)
        path = Path(folder) / f"{name}.png"
        with replacing(path, binary=True) as file:
            file.write(chart_png(figure) if name in charts else sheet_png(figure))
        paths.append(path)
    return paths


def chart_png(figure: Figure) -> bytes:
    """A figure of few colours as the bytes of a PNG file, trimmed of empty margins.

    The 256 commonest colours are kept, which makes it a third as large and looks the same.
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
