"""`hubblefork evaluate RUN [SOURCE]`: measure a model on its test set or on other images."""

from pathlib import Path
from typing import Annotated

import typer

from hubblefork.cli.options import Crop, Device, Rule, RunArgument


def evaluate(
    run: RunArgument,
    source: Annotated[
        str | None, typer.Argument(help="Labelled images. [default: the run's test set]")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The folder to make.")] = None,
    crop: Crop = None,
    classes: Rule = None,
    device: Device = "auto",
) -> None:
    """Measure a trained model, and write predictions, metrics, figures and a report."""
    from hubblefork.cli.output import show_metrics
    from hubblefork.workflow import evaluate as workflow

    evaluation = workflow.evaluate(run, source, out=out, crop=crop, classes=classes, device=device)
    show_metrics(evaluation.metrics)
    print(evaluation.path)
