"""`hubblefork predict RUN PICTURE... --out FILE.csv`: classes and probabilities of pictures."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from hubblefork.cli.options import Device, RunArgument


def predict(
    run: RunArgument,
    pictures: Annotated[list[Path], typer.Argument(help="Picture files, and folders of them.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="A .csv or .parquet file.")],
    device: Device = "auto",
) -> None:
    """Predict the classes of pictures. Those that cannot be read are listed with the reason."""
    from hubblefork.workflow import predict as workflow

    unread = workflow.predict(run, pictures, out=out, device=device)
    for row in unread.itertuples():
        print(f"not read: {row.id}: {row.problem}", file=sys.stderr)
    print(out)
