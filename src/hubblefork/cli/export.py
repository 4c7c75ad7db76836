"""`hubblefork export MODEL --format onnx|hub`: a model for other programs and other people."""

from pathlib import Path
from typing import Annotated

import typer

from hubblefork.cli.options import ModelArgument


def export(
    model: ModelArgument,
    format: Annotated[
        str,
        typer.Option(
            metavar="onnx|hub",
            help="onnx: one file that onnxruntime runs. hub: a repository of the Hugging Face hub.",
        ),
    ] = "onnx",
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The .onnx file to write.")
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(metavar="OWNER/NAME", help="The repository of the hub to write to."),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Write the files of the repository to a new folder; upload nothing."
        ),
    ] = None,
    private: Annotated[
        bool, typer.Option("--private", help="Make a repository that only its owner sees.")
    ] = False,
    licence: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Licence of the model: apache-2.0, cc-by-4.0, mit, ..."),
    ] = None,
) -> None:
    """Export a model to ONNX, or to the Hugging Face hub."""
    from hubblefork.core.progress import say
    from hubblefork.core.terminal import print_path

    say(f"exporting {model}")
    from hubblefork.workflow import export as workflow

    print_path(
        workflow.export(
            model, format, out=out, to=to, folder=folder, private=private, licence=licence
        )
    )
