"""`hubblefork predict RUN IMAGE... --out FILE.csv`: classes and probabilities of images."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from hubblefork.cli.options import Crop, Device, RunArgument
from hubblefork.core.errors import RequestError


def predict(
    run: RunArgument,
    images: Annotated[
        list[str],
        typer.Argument(
            metavar="IMAGE|DIRECTORY|SOURCE",
            help="Image files, directories of them, catalogues and other sources.",
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A .csv or .parquet file.")
    ] = None,
    submission: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv", help="A submission to Kaggle's Galaxy Zoo challenge."),
    ] = None,
    crop: Crop = None,
    coverage: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Add sets of classes, of which this share holds the true one: 0.95, say.",
        ),
    ] = None,
    device: Device = "auto",
) -> None:
    """Predict classes, or fractions of votes.

    Images that cannot be read are listed with the reason; of a submission, none may be missing.
    """
    from hubblefork.workflow import predict as workflow

    if (out is None) == (submission is None):
        raise RequestError("give --out FILE (.csv or .parquet), or --submission FILE.csv")
    unread = workflow.predict(
        run,
        images,
        out=out,
        submission=submission,
        crop=crop,
        coverage=coverage,
        device=device,
    )
    for row in unread.itertuples():
        print(f"not read: {row.id}: {row.problem}", file=sys.stderr)
    print(out or submission)
