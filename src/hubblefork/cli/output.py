"""What verbs print on stdout besides the path of what they wrote."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hubblefork.core.terminal import print_screen

if TYPE_CHECKING:
    from hubblefork.tasks.predictions import Predictions


def show_metrics(metrics: Mapping[str, Any], against: bool = False) -> None:
    """Print one screen of metrics, in colour on a terminal; against: also those in bins."""
    from hubblefork.report.terminal import metrics_screen

    print_screen(metrics_screen(metrics))
    if against:
        from hubblefork.report.against import against_table
        from hubblefork.tasks.registry import task_from_json

        for table in against_table(metrics, task_from_json(metrics["task"])):
            print()
            print_screen(table)


def show_predictions(predictions: "Predictions") -> None:
    """Print one screen of predictions, in colour on a terminal."""
    from hubblefork.report.terminal import predictions_screen

    print_screen(predictions_screen(predictions))
