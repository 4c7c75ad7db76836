"""`hubblefork predict MODEL IMAGE... [--out FILE]`: the classes or vote fractions of images."""

import os
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

import hubblefork
from hubblefork.cli.options import (
    ColumnsOption,
    Crop,
    Device,
    ModelArgument,
    MosaicsOption,
    images_are_there,
)
from hubblefork.core.errors import RequestError, first_few
from hubblefork.core.progress import say
from hubblefork.core.terminal import print_path
from hubblefork.prediction.survey.local_pool import worker_ahead

# Images that could not be read are told one by one, up to so many.
_TOLD = 100


def predict(
    model: ModelArgument,
    images: Annotated[
        list[str],
        typer.Argument(
            callback=images_are_there,
            metavar="IMAGE|DIRECTORY|SOURCE",
            help="Image files, directories of them, catalogues and other sources.",
        ),
    ],
    out: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|DIR/",
            help="The table to write: .csv, .tsv, .parquet, .fits, .vot or .ecsv; or, as DIR/, "
            "the folder of a survey, continued if interrupted.",
        ),
    ] = None,
    submission: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv", help="The submission to Kaggle's Galaxy Zoo challenge to write."
        ),
    ] = None,
    columns: ColumnsOption = None,
    mosaics: MosaicsOption = None,
    crop: Crop = None,
    coverage: Annotated[
        float | None,
        typer.Option(
            metavar="FRACTION",
            help="Add prediction sets that contain the true class with this probability: 0.95.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per image, one on each line.")
    ] = False,
    device: Device = "auto",
) -> None:
    """Predict the classes or the vote fractions of images.

    Without --out, prints a small table, or JSON. Images that cannot be read are listed with the
    reason.
    """
    if as_json and (out is not None or submission is not None):
        raise RequestError("--json prints the predictions: leave --out and --submission out")
    say(f"predicting {first_few(images)} by {model}")
    if as_json:
        from hubblefork.prediction.writers import json_lines
        from hubblefork.workflow.predict import prediction_blocks

        for block in prediction_blocks(
            model, images, columns=columns, mosaics=mosaics,
            crop=crop, coverage=coverage, device=device,
        ):  # fmt: skip
            print("\n".join(json_lines(block)))
        return
    if out is None and submission is None:
        from hubblefork.cli.output import show_predictions
        from hubblefork.workflow.predict import predictions

        found = predictions(
            model, images, columns=columns, mosaics=mosaics,
            crop=crop, coverage=coverage, device=device,
        )  # fmt: skip
        show_predictions(found)
        return
    # Of a survey, a worker begins its imports before those of this process.
    is_survey = out is not None and (out.endswith("/") or os.path.isdir(out))
    with worker_ahead() if is_survey else nullcontext():
        unread = hubblefork.predict(
            model, images, out=out, submission=submission, columns=columns, mosaics=mosaics,
            crop=crop, coverage=coverage, device=device,
        )  # fmt: skip
    for row in unread[:_TOLD].itertuples():
        say(f"not read: {row.id}: {row.problem}")
    if len(unread) > _TOLD:
        where = f"unreadable.parquet in {out}" if is_survey else f"the column problem of {out}"
        say(f"and {len(unread) - _TOLD:,} more: see {where}")
    if is_survey:
        say(f"hubblefork survey export {out} --to answers.fits writes one table")
    print_path(Path(out) if out else submission)
