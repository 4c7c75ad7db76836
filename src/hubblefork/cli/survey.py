"""`hubblefork survey plan|run|status|finish|export`: classify a catalogue of any length."""

import json
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
    source_is_there,
)
from hubblefork.cli.verb import Verb
from hubblefork.prediction.survey.local_pool import worker_ahead

app = typer.Typer(
    help="Classify a catalogue of any length, shard by shard.",
    no_args_is_help=True,
)


def _is_planned(survey: Path) -> Path:
    """Tell of a folder that is no survey before anything that takes long is imported."""
    from hubblefork.prediction.survey.plan_file import require_plan

    require_plan(survey)
    return survey


SurveyArgument = Annotated[
    Path,
    typer.Argument(callback=_is_planned, metavar="DIR", help="The folder of a survey."),
]


@app.command(cls=Verb)
def plan(
    model: ModelArgument,
    catalogue: Annotated[
        str,
        typer.Argument(
            callback=source_is_there,
            metavar="CATALOGUE|SOURCE",
            help="A catalogue, a folder or another source.",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder to make.")],
    shard_rows: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Rows of each shard; by default 1,024 to 32,768, for about 64 shards."
        ),
    ] = None,
    columns: ColumnsOption = None,
    mosaics: MosaicsOption = None,
    crop: Crop = None,
    coverage: Annotated[
        float | None,
        typer.Option(
            metavar="FRACTION",
            help="Add prediction sets that contain the true class with this probability.",
        ),
    ] = None,
) -> None:
    """Read a catalogue once, and write what each shard has to do."""
    from hubblefork.core.progress import say
    from hubblefork.core.terminal import print_path

    say(f"planning the predictions of {catalogue} by {model}")
    from hubblefork.workflow import survey

    folder = survey.plan(
        model, catalogue, out=out, shard_rows=shard_rows, columns=columns, mosaics=mosaics,
        crop=crop, coverage=coverage,
    )  # fmt: skip
    print_path(folder)


@app.command(cls=Verb)
def run(
    survey: SurveyArgument,
    part: Annotated[
        str | None, typer.Option(metavar="i/n", help="Only the i-th of n parts, as in a job array.")
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(metavar="auto|ADDRESS", help="Run on a Ray cluster (hubblefork[survey])."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Processes. [default: one per GPU, or one per core]"),
    ] = None,
    device: Device = "auto",
    retry: Annotated[
        bool, typer.Option("--retry", help="Try shards again that were set aside.")
    ] = False,
) -> None:
    """Predict the shards that are not done yet."""
    from hubblefork.core.progress import say
    from hubblefork.core.terminal import print_path

    say(f"running {survey}")

    # A worker begins its imports before those of this process.
    with worker_ahead() if ray is None else nullcontext():
        found = hubblefork.survey.run_all(
            survey, part=part, ray=ray, workers=workers, device=device, retry=retry
        )
    _say(found)
    if found.done_shards + len(found.set_aside) == found.shards and not found.finished:
        _say(f"hubblefork survey finish {survey} checks that each row is there")
    print_path(survey)


@app.command(cls=Verb)
def status(
    survey: SurveyArgument,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as one line of JSON.")] = False,
) -> None:
    """Print the progress of a survey."""
    from hubblefork.workflow import survey as workflow

    found = workflow.status(survey)
    print(json.dumps(found.to_json()) if as_json else found)


@app.command(cls=Verb)
def finish(survey: SurveyArgument) -> None:
    """Check that each row was answered once, and write manifest.json and unreadable.parquet."""
    from hubblefork.core.progress import say
    from hubblefork.core.terminal import print_path

    say(f"checking {survey}")
    from hubblefork.workflow import survey as workflow

    _say(workflow.finish(survey))
    _say(f"hubblefork survey export {survey} --to answers.fits writes one table")
    print_path(survey / "manifest.json")


@app.command(cls=Verb)
def export(
    survey: SurveyArgument,
    to: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="A table: .fits, .vot, .ecsv, .parquet, .csv, .tsv; or NAME.hats, a folder.",
        ),
    ],
    where: Annotated[
        str | None,
        typer.Option(metavar="CONDITION", help="Only these rows: 'typicality > 0.01'."),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="ra=COLUMN,dec=COLUMN", help="The columns with positions, for NAME.hats."
        ),
    ] = None,
) -> None:
    """Write the answers of a finished survey as one table."""
    from hubblefork.core.progress import say
    from hubblefork.core.terminal import print_path

    say(f"exporting {survey}")
    from hubblefork.workflow import survey as workflow

    say(f"{workflow.export(survey, to=to, where=where, columns=columns):,} rows")
    print_path(to)


def _say(found: object) -> None:
    from hubblefork.core.progress import say

    say(str(found))
