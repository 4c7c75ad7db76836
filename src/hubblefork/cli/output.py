"""What verbs print on stdout besides the path of what they wrote."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from hubblefork.data.inspection import Inspection
    from hubblefork.tasks.predictions import Predictions


def show_metrics(metrics: Mapping[str, Any]) -> None:
    """Print one screen of metrics, in colour on a terminal."""
    from rich.console import Console

    from hubblefork.report.metrics_table import print_metrics

    print_metrics(metrics, Console(highlight=False))


def show_look(inspection: "Inspection") -> None:
    """Print one screen on a source, in colour on a terminal."""
    from rich.console import Console

    from hubblefork.report.inspect_table import print_look

    print_look(inspection, Console(highlight=False))


def show_predictions(predictions: "Predictions") -> None:
    """Print one screen of predictions, in colour on a terminal."""
    from rich.console import Console

    from hubblefork.report.predictions_table import print_predictions

    print_predictions(predictions, Console(highlight=False))


def show_comparison(table: "pd.DataFrame", pairs: "pd.DataFrame") -> None:
    """Print one screen on runs side by side, in colour on a terminal."""
    from rich.console import Console

    from hubblefork.report.compare_table import print_comparison

    print_comparison(table, pairs, Console(highlight=False))
