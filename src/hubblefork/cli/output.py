"""What verbs print on stdout besides the path of what they wrote."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType

    from hubblefork.tasks.predictions import Predictions


def show_metrics(metrics: Mapping[str, Any]) -> None:
    """Print one screen of metrics, in colour on a terminal."""
    from hubblefork.report.terminal import metrics_screen

    show(metrics_screen(metrics))


def show(screen: "RenderableType") -> None:
    """Print what shows itself on one screen: an inspection or a comparison."""
    from rich.console import Console

    Console(highlight=False).print(screen)


def show_predictions(predictions: "Predictions") -> None:
    """Print one screen of predictions, in colour on a terminal."""
    from hubblefork.report.terminal import predictions_screen

    show(predictions_screen(predictions))
