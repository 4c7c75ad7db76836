"""All figures of a run, written as PNG files."""

import io
from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from hubblefork.core.files import replacing
from hubblefork.report import votes_charts
from hubblefork.report.charts import class_counts, confusion, curves, shares
from hubblefork.report.reliability_charts import reliability_diagram, set_coverage, surest
from hubblefork.report.run_data import Material
from hubblefork.report.sheets import examples, predictions
from hubblefork.report.style import CHART_DPI, SHEET_DPI

# The most dots along one side of a chart: the numbers of forty classes can still be read.
_MOST_DOTS = 4000


def draw_charts(material: Material) -> dict[str, bytes]:
    """The charts as PNG files, for `save_figures` and for the page.

    Curves, confusion, how sure it is, classes and their shares; or, for votes, curves, questions
    and answers. There are no curves where the history is empty: a model measured far from its
    training. There is no coverage where no sets of classes were measured.
    """
    charts = {
        "curves": curves,
        "confusion": confusion,
        "reliability": reliability_diagram,
        "surest": surest,
        "coverage": set_coverage,
        "classes": class_counts,
        "shares": shares,
    }
    if not material.metrics.get("prediction_sets"):
        del charts["coverage"]
    if material.of_votes:
        charts = {
            "curves": curves,
            "answers": votes_charts.answers,
            "questions": votes_charts.questions,
        }
    if material.history.empty:
        del charts["curves"]
    return {name: chart_png(draw(material)) for name, draw in charts.items()}


def save_figures(
    material: Material, folder: Path | str, charts: Mapping[str, bytes] | None = None
) -> list[Path]:
    """Write the charts, the sheets examples and predictions, and the panels as .png files.

    `charts` are those of `draw_charts`, where they have been drawn already.
    """
    sheets = {"examples": examples, "predictions": predictions}
    if material.of_votes:
        sheets = {"examples": votes_charts.examples}
    drawn = {name: sheet_png(draw(material)) for name, draw in sheets.items()}
    drawn |= {panel.name: panel.png for panel in material.panels}
    paths = []
    for name, png in {**(charts or draw_charts(material)), **drawn}.items():
        path = Path(folder) / f"{name}.png"
        with replacing(path, binary=True) as file:
            file.write(png)
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
