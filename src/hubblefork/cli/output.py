"""What verbs print on stdout besides the path of what they wrote."""

from collections.abc import Mapping
from typing import Any


def show_metrics(metrics: Mapping[str, Any]) -> None:
    """Print one screen of metrics, in colour on a terminal."""
    from rich.console import Console

    from hubblefork.report.table import print_metrics

    print_metrics(metrics, Console(highlight=False))
