"""Figures of results that are plain tables: rankings, confused pairs, accuracies, differences.

table = confident_errors(ids, true, probabilities, names)
draw_ranked(table, images).savefig("errors.png")

Evaluation gives tables and numbers, and knows of no figure; these functions draw them.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hubblefork.core.errors import RequestError
from hubblefork.evaluation.comparison import Difference, McNemar
from hubblefork.report.charts import DASHED, whisker
from hubblefork.report.components import Tile
from hubblefork.report.run_data import displayable
from hubblefork.report.sheets import draw_tiles
from hubblefork.report.style import (
    BLUE,
    INK,
    MUTED,
    ORANGE,
    in_percent,
    named_rows,
    panel_axes,
    styled,
)
from hubblefork.tasks.metric import ACCURACY, RMSE

# Inches of a row of a chart.
_ROW = 0.32

_METRICS = {metric.name: metric for metric in (ACCURACY, RMSE)}


def draw_ranked(table: pd.DataFrame, images: np.ndarray, most: int = 15) -> Figure:
    """The first images of a ranking, each above its row of the table.

    table: of `rank_anomalies`, `likely_mislabels`, `confident_errors` or `least_certain`; its
    column `row` is the place of an image in `images`, (N, H, W, C) uint8, which may be a
    memory map. Raises RequestError where the table is empty.

    >>> table = pd.DataFrame({"row": [2, 0], "id": ["c", "a"], "score": [0.9, 0.1]})
    >>> figure = draw_ranked(table, np.zeros((3, 32, 32, 3), np.uint8))
    >>> [text.get_text() for text in figure.axes[0].texts[:2]]
    ['c', 'score: 0.9']
    """
    if table.empty:
        raise RequestError("the table has no rows: there is nothing to draw")
    rows = table.head(most).to_dict("records")
    shown = [name for name, value in rows[0].items() if not isinstance(value, bool)]
    shown = [name for name in shown if name not in ("row", "id")]
    tiles = [
        Tile(
            displayable(images[row["row"]]),
            alt=str(row["id"]),
            text=str(row["id"]),
            facts={
                name.replace("_", " "): value if isinstance(value, str) else f"{value:.3g}"
                for name in shown
                for value in [row[name]]
            },
        )
        for row in rows
    ]
    names = dict.fromkeys(row[name] for row in rows for name in shown)
    return draw_tiles(tiles, [name for name in names if isinstance(name, str)])


def draw_pairs(pairs: pd.DataFrame, most: int = 10) -> Figure:
    """How often each of two classes is misclassified as the other, from `confused_pairs`.

    Raises RequestError where none is.

    >>> pairs = pd.DataFrame({"first": ["disc"], "second": ["arm"], "first_as_second": [3],
    ...                       "second_as_first": [1]})
    >>> [round(bar.get_width()) for bar in draw_pairs(pairs).axes[0].patches]
    [3, 1]
    """
    if pairs.empty:
        raise RequestError("no image is misclassified: there is nothing to draw")
    pairs = pairs.head(most)
    with styled((*pairs["first"], *pairs["second"])) as labels:
        figure = Figure(figsize=(6.4, 2 * _ROW * len(pairs) + 0.9), layout="constrained")
        axes = figure.subplots()
        names = []
        for place, pair in enumerate(pairs.itertuples()):
            ways = (
                (pair.first, pair.second, pair.first_as_second),
                (pair.second, pair.first, pair.second_as_first),
            )
            for way, (true, predicted, count) in enumerate(ways):
                row = 2 * place + way
                axes.barh(row, count, height=0.7, color=ORANGE if place % 2 else BLUE)
                axes.text(count, row, f" {count:,}", va="center", fontsize=8.5)
                names.append(f"{labels[true]} misclassified as {labels[predicted]}")
        named_rows(axes, names, 40, 2)
        axes.set_xlabel("Images")
        return figure


def draw_scores(table: pd.DataFrame, measure: str, baseline: float | None = None) -> Figure:
    """A score and its interval in each row; the dashed line is the first one.

    table: its first column names the rows; then `measure`, low and high. measure: `accuracy` or
    `rmse`. baseline: the score of a constant answer; a dotted line, where it is within the chart.

    >>> table = pd.DataFrame({"images": ["sharp", "blurred"], "rmse": [0.09, 0.12],
    ...                       "low": [0.08, 0.11], "high": [0.1, 0.13]})
    >>> draw_scores(table, "rmse", 0.2).axes[0].get_xlabel()
    'RMSE'
    """
    metric = _METRICS[measure]
    with styled(()):
        figure, (axes,) = panel_axes(1, 6.4, _ROW * len(table) + 1.0)
        axes.axvline(table[metric.name][0], color=MUTED, linestyle=DASHED, linewidth=1)
        if baseline is not None:
            axes.axvline(baseline, color=ORANGE, linestyle=":", linewidth=1.4)
        rows = zip(table[metric.name], table["low"], table["high"], strict=True)
        for place, (value, low, high) in enumerate(rows):
            whisker(axes, place, value, (low, high))
        if metric.percent:
            axes.set_xlim(max(0, table["low"].min() - 0.03), min(1, table["high"].max() + 0.03))
            in_percent(axes.xaxis)
        else:
            axes.set_xlim(0, 1.05 * max(table["high"].max(), baseline or 0))
        named_rows(axes, list(table.iloc[:, 0]))
        axes.set_xlabel(metric.title)
        return figure


def draw_differences(differences: Mapping[str, Difference], test: McNemar | None = None) -> Figure:
    """By how much a second classifier's metrics are above the first's, each on its own scale.

    differences: of `compare_classes` or `compare_votes`; test: of `mcnemar`, named below them.

    >>> from hubblefork.evaluation.comparison import mcnemar
    >>> test = mcnemar(np.array([True, True]), np.array([True, False]))
    >>> figure = draw_differences({"accuracy": Difference(-0.5, -1.0, 0.0)}, test)
    >>> figure.axes[0].get_xlabel()
    'correct: only the first on 1, only the second on 0; p = 1'
    """
    with styled(()):
        figure = Figure(figsize=(6.4, 0.55 * len(differences) + 0.5), layout="constrained")
        rows = figure.subplots(len(differences), squeeze=False)[:, 0]
        for axes, (name, gap) in zip(rows, differences.items(), strict=True):
            # Told by form and colour alike: filled where the interval leaves 0 out.
            colour = BLUE if gap.certain else MUTED
            axes.axvline(0, color=MUTED, linestyle=DASHED, linewidth=1)
            axes.hlines(0, gap.low, gap.high, color=colour)
            axes.plot(gap.value, 0, "o", color=colour, fillstyle="full" if gap.certain else "none")
            reach = 1.15 * max(abs(gap.low), abs(gap.high), abs(gap.value)) or 1
            axes.set(xlim=(-reach, reach), ylim=(-1, 1))
            axes.set_yticks([0], [name.replace("_", " ")])
            axes.tick_params(axis="y", length=0, labelcolor=INK)
            axes.spines["left"].set_visible(False)
        if test is not None:
            rows[-1].set_xlabel(
                f"correct: only the first on {test.only_first:,}, only the second on "
                f"{test.only_second:,}; p = {test.p_value:.2g}"
            )
        return figure
