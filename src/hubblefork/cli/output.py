"""What verbs print on stdout besides the path of what they wrote."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hubblefork.core.terminal import print_screen

if TYPE_CHECKING:
    from hubblefork.tasks.predictions import Predictions


def show_metrics(metrics: Mapping[str, Any]) -> None:
    """Print one screen of metrics, in colour on a terminal."""
    from hubblefork.report.terminal import metrics_screen

    print_screen(metrics_screen(metrics))


def show_predictions(predictions: "Predictions") -> None:
    """Print one screen of predictions, in colour on a terminal."""
    from hubblefork.report.terminal import predictions_screen

    print_screen(predictions_screen(predictions))
