"""Predictions on the terminal: one screen."""

import pandas as pd
from rich.console import Console
from rich.text import Text

from hubblefork.report.metrics_table import terminal_table
from hubblefork.tasks.predictions import Predictions

# Rows that leave room for the rest on a screen of 40 lines.
_MOST = 30


def print_predictions(predictions: Predictions, console: Console) -> None:
    """Print what the model says of each image, of the first thirty if there are more."""
    summary = predictions.take(slice(_MOST)).summary()
    table = terminal_table(*summary.columns)
    for row in summary.itertuples(index=False):
        typicality = [f"{each:.2g}" if pd.notna(each) else "–" for each in row[2:]]
        # As text: what stands in brackets would be read as markup.
        table.add_row(Text(str(row.id)), Text(row.answer), *typicality)
    console.print(table)
    more = len(predictions) - len(summary)
    if more > 0:
        console.print(f"and {more:,} more: --out FILE writes all")
