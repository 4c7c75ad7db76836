"""The result of a run on the terminal: one screen."""

from collections.abc import Mapping
from textwrap import shorten
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hubblefork.core.text import between, percent, several

# Rows that leave room for the rest on a screen of 40 lines.
_MOST_CLASSES = 20

# Of a question, so that it has one line of a terminal of 80 columns.
_MOST_LETTERS = 44

_SHARES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "expected_calibration_error": "calibration error",
}
_NUMBERS = {
    "matthews": "Matthews correlation",
    "log_loss": "log loss",
    "brier": "Brier score",
    "rmse": "RMSE",
    "mae": "mean absolute error",
}


def print_metrics(metrics: Mapping[str, Any], console: Console) -> None:
    """Print what `measure_classes` or `measure_votes` returned, with 95 % intervals.

    Of more than 20 classes, those with the lowest F1 are shown.
    """
    number = metrics["n"]
    of_classes = "classes" in metrics
    tested = several(number, "image") if of_classes else several(number, "galaxy", "galaxies")
    console.print()
    console.print(_summary(metrics, tested))
    console.print()
    console.print(_classes(metrics) if of_classes else _questions(metrics))


def _summary(metrics: Mapping[str, Any], tested: str) -> Table:
    table = terminal_table(f"tested on {tested}", "", "95\u00a0% interval")
    for key, title in _SHARES.items():
        if key in metrics:
            table.add_row(title, percent(metrics[key]), between(metrics["intervals"][key]))
    for key, title in _NUMBERS.items():
        if key in metrics:
            low, high = metrics["intervals"][key]
            table.add_row(title, f"{metrics[key]:.4f}", f"{low:.4f} to {high:.4f}")
    return table


def _classes(metrics: Mapping[str, Any]) -> Table:
    rows = list(metrics["per_class"].items())
    table = terminal_table("class", "precision", "recall", "F1", "images")
    if len(rows) > _MOST_CLASSES:
        # A class without an F1 did not occur in the test set.
        rows = sorted((row for row in rows if row[1]["f1"] is not None), key=lambda r: r[1]["f1"])
        table.columns[0].header = f"the {_MOST_CLASSES} of {len(rows)} classes with the lowest F1"
    for name, values in rows[:_MOST_CLASSES]:
        shares = (percent(values[key]) for key in ("precision", "recall", "f1"))
        # Text, not a string, so that brackets in a name are no markup.
        table.add_row(Text(name), *shares, f"{values['support']:,}")
    return table


def _questions(metrics: Mapping[str, Any]) -> Table:
    table = terminal_table("question", "RMSE", "mean absolute error")
    for number, values in metrics["per_question"].items():
        text = f"{number:>2}  " + shorten(values["text"], _MOST_LETTERS, placeholder="…")
        table.add_row(text, f"{values['rmse']:.4f}", f"{values['mae']:.4f}")
    return table


def terminal_table(first: str, *others: str) -> Table:
    """An empty table without lines, whose further columns are numbers."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column(first)
    for title in others:
        table.add_column(title, justify="right", no_wrap=True)
    return table
