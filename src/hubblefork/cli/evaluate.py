"""`hubblefork evaluate RUN [SOURCE]`: measure a model on its test set or on other images."""

from pathlib import Path
from typing import Annotated

import typer

from hubblefork.cli.options import (
    ColumnsOption,
    Crop,
    Device,
    ModelArgument,
    MosaicsOption,
    Rule,
    source_is_there,
)


def evaluate(
    run: ModelArgument,
    source: Annotated[
        str | None,
        typer.Argument(
            callback=source_is_there,
            metavar="SOURCE",
            help="Labelled images to evaluate on. [default: the run's test set]",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="The folder to write. [default: evaluation-SOURCE in RUN]"
        ),
    ] = None,
    columns: ColumnsOption = None,
    mosaics: MosaicsOption = None,
    crop: Crop = None,
    classes: Rule = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Also measure in bins of this column of numbers, such as redshift.",
        ),
    ] = None,
    device: Device = "auto",
) -> None:
    """Evaluate a trained model on labelled images.

    Writes its predictions, metrics, figures and a report.
    """
    from hubblefork.cli.output import show_metrics
    from hubblefork.core.progress import say
    from hubblefork.core.terminal import print_path

    say(f"evaluating {run} on {source or 'its own test set'}")
    from hubblefork.workflow import evaluate as workflow

    evaluation = workflow.evaluate(
        run,
        source,
        out=out,
        columns=columns,
        mosaics=mosaics,
        crop=crop,
        classes=classes,
        against=against,
        device=device,
    )
    show_metrics(evaluation.metrics, against=against is not None)
    print_path(evaluation.path)
