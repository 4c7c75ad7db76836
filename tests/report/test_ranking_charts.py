"""Figures of plain tables: they show the rows of the table, in its order."""

import numpy as np
import pandas as pd
import pytest

from hubblefork.core.errors import RequestError
from hubblefork.evaluation.anomalies import rank_anomalies
from hubblefork.evaluation.comparison import Difference, mcnemar
from hubblefork.evaluation.misclassified import confident_errors, confused_pairs, least_certain
from hubblefork.evaluation.mislabels import likely_mislabels
from hubblefork.report.figures import chart_png, sheet_png
from hubblefork.report.ranking_charts import draw_differences, draw_pairs, draw_ranked

NAMES = ["smooth and round", "a $ 星 of stars"]
RANDOM = np.random.default_rng(0)
TRUE = np.arange(30) % 2
ANSWERS = RANDOM.dirichlet((1, 1), 30)
IDS = [f"an image of the sky with a long name {number}" for number in range(30)]
# Each is as bright as its place, so that a tile tells which image it shows.
IMAGES = np.arange(30, dtype=np.uint8)[:, None, None, None] * np.ones((20, 24, 3), np.uint8)


@pytest.mark.parametrize(
    "table",
    [
        confident_errors(IDS, TRUE, ANSWERS, NAMES),
        least_certain(IDS, ANSWERS, NAMES),
        likely_mislabels(IDS, TRUE, ANSWERS, NAMES),
        rank_anomalies(IDS, RANDOM.normal(size=(30, 3)), RANDOM.normal(size=(50, 3))),
    ],
    ids=["errors", "doubts", "mislabels", "anomalies"],
)
def test_a_ranking_shows_its_first_images_with_their_rows(table):
    figure = draw_ranked(table, IMAGES, most=4)
    (axes,) = figure.axes
    assert [image.get_array()[0, 0, 0] for image in axes.images] == table["row"].tolist()[:4]
    numbers = [name for name in table.columns[2:] if table[name].dtype == float]
    shown = [text.get_text() for text in axes.texts]
    for row in table.head(4).to_dict("records"):
        for name in numbers:
            assert f"{name.replace('_', ' ')}: {row[name]:.3g}" in shown
    assert sheet_png(figure).startswith(b"\x89PNG")


def test_pairs_have_a_bar_for_each_way():
    pairs = confused_pairs(np.array([[5, 3], [1, 9]]), NAMES)
    (axes,) = draw_pairs(pairs).axes
    assert [bar.get_width() for bar in axes.patches] == [3, 1]
    assert axes.get_yticklabels()[0].get_text().startswith("smooth and round\nmisclassified as")


def test_a_difference_that_is_certain_is_filled():
    found = {
        "accuracy": Difference(0.1, 0.05, 0.15),
        "log_loss": Difference(-0.01, -0.03, 0.02),
        "brier": Difference(0.0, 0.0, 0.0),
    }
    figure = draw_differences(found, mcnemar(TRUE == 1, TRUE == 0))
    styles = [axes.lines[-1].get_fillstyle() for axes in figure.axes]
    assert styles == ["full", "none", "none"]
    assert "p = 1" in figure.axes[-1].get_xlabel()
    assert chart_png(figure).startswith(b"\x89PNG")


@pytest.mark.parametrize("draw", [draw_pairs, lambda table: draw_ranked(table, IMAGES)])
def test_an_empty_table_is_told(draw):
    with pytest.raises(RequestError, match="nothing to draw"):
        draw(pd.DataFrame())
