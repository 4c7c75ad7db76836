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
from hubblefork.report.run_data import displayable
from hubblefork.report.sheets import TILE, corner, sheet, show
from hubblefork.report.style import GRID, INK, MUTED, PART_COLOURS, WRONG, styled, wrapped

# Inches of a line below an image, and letters that it holds.
_LINE, _LETTERS = 0.135, 28

# Inches of a row of a chart.
_ROW = 0.32

_DASHED = (0, (4, 1.5))


def draw_ranked(table: pd.DataFrame, images: np.ndarray, most: int = 15) -> Figure:
    """The first images of a ranking, each above its row of the table.

    table: of `rank_anomalies`, `likely_mislabels`, `confident_errors` or `least_certain`; its
    column `row` is the place of an image in `images`, (N, H, W, C) uint8, which may be a
    memory map. Raises RequestError where the table is empty.

    >>> table = pd.DataFrame({"row": [2, 0], "id": ["c", "a"], "score": [0.9, 0.1]})
    >>> figure = draw_ranked(table, np.zeros((3, 32, 32, 3), np.uint8))
    >>> figure.axes[0].texts[0].get_text()
    'c\\nscore: 0.9'
    """
    if table.empty:
        raise RequestError("the table has no rows: there is nothing to draw")
    rows = table.head(most).to_dict("records")
    shown = [name for name, value in rows[0].items() if not isinstance(value, bool)]
    shown = [name for name in shown if name not in ("row", "id")]
    caption = 0.1 + _LINE * (1 + len(shown))
    classes = dict.fromkeys(row[name] for row in rows for name in shown)
    with styled(tuple(each for each in classes if isinstance(each, str))) as labels:
        figure, axes = sheet(len(rows), caption)
        for place, row in enumerate(rows):
            left, top = corner(place, caption)
            show(axes, displayable(images[row["row"]]), left, top)
            lines = [str(row["id"])]
            for name in shown:
                value = row[name]
                text = labels[value] if isinstance(value, str) else f"{value:.3g}"
                lines.append(f"{name.replace('_', ' ')}: {text}")
            text = "\n".join(wrapped(line, _LETTERS, 1) for line in lines)
            axes.text(left, top + TILE + 0.05, text, va="top", fontsize=7, linespacing=1.2)
        return figure


def draw_pairs(pairs: pd.DataFrame, most: int = 10) -> Figure:
    """How often each of two classes was taken for the other, from `confused_pairs`.

    Raises RequestError where no class was.

    >>> pairs = pd.DataFrame({"first": ["disc"], "second": ["arm"], "first_as_second": [3],
    ...                       "second_as_first": [1]})
    >>> [round(bar.get_width()) for bar in draw_pairs(pairs).axes[0].patches]
    [3, 1]
    """
    if pairs.empty:
        raise RequestError("no class was taken for another: there is nothing to draw")
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
            for way, (true, said, count) in enumerate(ways):
                colour = PART_COLOURS["train" if place % 2 == 0 else "val"]
                axes.barh(2 * place + way, count, height=0.7, color=colour)
                axes.text(count, 2 * place + way, f" {count:,}", va="center", fontsize=8.5)
                names.append(wrapped(f"{labels[true]} taken for {labels[said]}", 34, 2))
        axes.set_yticks(range(len(names)), names, fontsize=8.5)
        axes.set(ylim=(len(names) - 0.4, -0.6), xlabel="Images")
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        return figure


def draw_scores(table: pd.DataFrame, measure: str, baseline: float | None = None) -> Figure:
    """A score and its interval in each row; the dashed line is the first one.

    table: its first column names the rows; then `measure`, low and high. measure: `accuracy`, from
    0 to 1, or `rmse`. baseline: what a network that knows nothing reaches; a dotted line, where it
    is within the chart.

    >>> table = pd.DataFrame({"images": ["sharp", "blurred"], "rmse": [0.09, 0.12],
    ...                       "low": [0.08, 0.11], "high": [0.1, 0.13]})
    >>> draw_scores(table, "rmse", 0.2).axes[0].get_xlabel()
    'RMSE'
    """
    down = np.arange(len(table))
    of_shares = measure == "accuracy"
    with styled(()):
        figure = Figure(figsize=(6.4, _ROW * len(table) + 1.0), layout="constrained")
        axes = figure.subplots()
        axes.axvline(table[measure][0], color=MUTED, linestyle=_DASHED, linewidth=1)
        if baseline is not None:
            axes.axvline(baseline, color=WRONG, linestyle=":", linewidth=1.4)
        axes.hlines(down, table["low"], table["high"], color=PART_COLOURS["train"])
        axes.plot(table[measure], down, "o", color=PART_COLOURS["train"])
        axes.set_yticks(down, table.iloc[:, 0])
        if of_shares:
            axes.set_xlim(min(table["low"].min() - 0.03, 0.9), 1)
            axes.xaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")
        else:
            axes.set_xlim(0, 1.05 * max(table["high"].max(), baseline or 0))
        axes.set_ylim(len(table) - 0.4, -0.6)
        axes.set_xlabel("Accuracy" if of_shares else "RMSE")
        axes.grid(axis="x", color=GRID)
        return figure


def draw_differences(differences: Mapping[str, Difference], test: McNemar | None = None) -> Figure:
    """By how much a second classifier's metrics are above the first's, each on its own scale.

    differences: of `compare_classes` or `compare_votes`; test: of `mcnemar`, named below them.

    >>> from hubblefork.evaluation.comparison import mcnemar
    >>> test = mcnemar(np.array([True, True]), np.array([True, False]))
    >>> figure = draw_differences({"accuracy": Difference(-0.5, -1.0, 0.0)}, test)
    >>> figure.axes[0].get_xlabel()
    'only the first is right on 1, only the second on 0: p = 1'
    """
    with styled(()):
        figure = Figure(figsize=(6.4, 0.55 * len(differences) + 0.5), layout="constrained")
        rows = figure.subplots(len(differences), squeeze=False)[:, 0]
        for axes, (name, gap) in zip(rows, differences.items(), strict=True):
            # Told by form and colour alike: filled where the interval leaves 0 out.
            colour = PART_COLOURS["train"] if gap.certain else MUTED
            axes.axvline(0, color=MUTED, linestyle=_DASHED, linewidth=1)
            axes.hlines(0, gap.low, gap.high, color=colour)
            axes.plot(gap.value, 0, "o", color=colour, fillstyle="full" if gap.certain else "none")
            reach = 1.15 * max(abs(gap.low), abs(gap.high), abs(gap.value)) or 1
            axes.set(xlim=(-reach, reach), ylim=(-1, 1))
            axes.set_yticks([0], [name.replace("_", " ")])
            axes.tick_params(axis="y", length=0, labelcolor=INK)
            axes.spines["left"].set_visible(False)
        if test is not None:
            rows[-1].set_xlabel(
                f"only the first is right on {test.only_first:,}, only the second on "
                f"{test.only_second:,}: p = {test.p_value:.2g}"
            )
        return figure
