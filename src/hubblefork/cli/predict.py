"""`hubblefork predict MODEL IMAGE... [--out FILE]`: the classes or vote fractions of images."""

from pathlib import Path
from typing import Annotated

import typer

from hubblefork.cli.options import Crop, Device, ModelArgument


def predict(
    model: ModelArgument,
    images: Annotated[
        list[str],
        typer.Argument(
            metavar="IMAGE|DIRECTORY|SOURCE",
            help="Image files, directories of them, catalogues and other sources.",
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The .csv or .parquet file to write.")
    ] = None,
    submission: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv", help="The submission to Kaggle's Galaxy Zoo challenge to write."
        ),
    ] = None,
    crop: Crop = None,
    coverage: Annotated[
        float | None,
        typer.Option(
            metavar="FRACTION",
            help="Add prediction sets that contain the true class with this probability: 0.95.",
        ),
    ] = None,
    device: Device = "auto",
) -> None:
    """Predict the classes or the vote fractions of images.

    Without --out, prints a small table. Images that cannot be read are listed with the reason.
    """
    from hubblefork.core.progress import say
    from hubblefork.core.terminal import print_path
    from hubblefork.workflow import predict as workflow

    if out is None and submission is None:
        from hubblefork.cli.output import show_predictions

        found = workflow.predictions(model, images, crop=crop, coverage=coverage, device=device)
        show_predictions(found)
        return
    unread = workflow.predict(
        model, images, out=out, submission=submission, crop=crop, coverage=coverage, device=device
    )
    for row in unread.itertuples():
        say(f"not read: {row.id}: {row.problem}")
    print_path(out or submission)
