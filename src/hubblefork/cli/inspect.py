"""`hubblefork inspect SOURCE`: what a source holds, before training."""

from pathlib import Path
from typing import Annotated

import typer

from hubblefork.cli.options import Rule


def inspect(
    source: Annotated[str, typer.Argument(help="Images with or without labels.")],
    out: Annotated[
        Path | None, typer.Option(metavar="PAGE", help="An .html file. [default: data-SOURCE.html]")
    ] = None,
    crop: Annotated[int | None, typer.Option(help="Keep this centre square, in pixels.")] = None,
    size: Annotated[int | None, typer.Option(help="Side of the packed images.")] = None,
    grey: Annotated[bool, typer.Option("--grey", help="One channel instead of three.")] = False,
    classes: Rule = None,
    group: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Keep its values in one part of the split.")
    ] = None,
) -> None:
    """Inspect a source: counts, images, brightness, duplicates, unreadable files, the split."""
    from hubblefork.cli.output import show
    from hubblefork.workflow import inspect as workflow

    found = workflow.inspect(
        source, out=out, crop=crop, size=size, grey=grey, classes=classes, group=group
    )
    show(found)
    print(found.page)
