"""`hubblefork export MODEL --format onnx --out FILE`: a model for other programs."""

from pathlib import Path
from typing import Annotated

import typer

from hubblefork.cli.options import ModelArgument


def export(
    model: ModelArgument,
    format: Annotated[
        str, typer.Option(metavar="onnx", help="onnx: one file that onnxruntime runs.")
    ] = "onnx",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="The .onnx file.")] = None,
) -> None:
    """Export a model for programs that do not have hubblefork."""
    from hubblefork.core.terminal import print_path
    from hubblefork.workflow import export as workflow

    print_path(workflow.export(model, format, out=out))
