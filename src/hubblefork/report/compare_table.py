"""Runs side by side on the terminal: one screen."""

import pandas as pd
from rich.console import Console
from rich.text import Text

from hubblefork.core.text import several
from hubblefork.report.comparison_data import CLASS_METRICS, VOTES_METRICS, chance, shown, signed
from hubblefork.report.metrics_table import terminal_table

# The metrics that have room on a terminal of 80 columns.
_MOST_METRICS = 3


def print_comparison(table: pd.DataFrame, pairs: pd.DataFrame, console: Console) -> None:
    """Print what `workflow.compare` returns: its `table` of runs and its `pairs`."""
    kinds = CLASS_METRICS if "accuracy" in table else VOTES_METRICS
    metrics = [(key, title) for key, title, _ in kinds][:_MOST_METRICS]
    titles = [title for _, title in metrics]
    runs = terminal_table(f"on {several(int(table['n'][0]), 'image')}", *titles)
    for row in table.to_dict("records"):
        runs.add_row(Text(row["run"]), *(shown(key, row[key]) for key, _ in metrics))
    more = ["by luck"] if "p_value" in pairs else []
    differences = terminal_table("second less first", *titles, *more)
    for row in pairs.to_dict("records"):
        cells = [
            f"{signed(key, row[key])}\n{signed(key, row[f'{key}_low'])} to "
            f"{signed(key, row[f'{key}_high'])}"
            for key, _ in metrics
        ]
        cells += [chance(row["p_value"])] if more else []
        differences.add_row(Text(f"{row['second']}\nless {row['first']}"), *cells)
    for drawn in (runs, differences):
        console.print()
        console.print(drawn)
