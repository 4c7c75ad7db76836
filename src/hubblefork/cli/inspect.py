"""`hubblefork inspect SOURCE`: check a source before training."""

from pathlib import Path
from typing import Annotated

import typer

from hubblefork.cli.options import (
    ColumnsOption,
    Grey,
    MosaicsOption,
    Rule,
    Size,
    SourceCrop,
    recipe_is_there,
    source_is_there,
)


def inspect(
    source: Annotated[
        str,
        typer.Argument(
            callback=source_is_there, metavar="SOURCE", help="Images, with or without labels."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="PAGE", help="The .html file to write. [default: data-SOURCE.html]"),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            callback=recipe_is_there,
            metavar="NAME|FILE",
            help="Pack and split as this recipe does: a name (hubblefork list recipes) or a .toml "
            "file. [default: default]",
        ),
    ] = None,
    columns: ColumnsOption = None,
    mosaics: MosaicsOption = None,
    crop: SourceCrop = None,
    size: Size = None,
    grey: Grey = False,
    classes: Rule = None,
    group: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Column whose values are groups, each kept in one subset of the split.",
        ),
    ] = None,
) -> None:
    """Inspect a source before training.

    The page shows class counts, images, brightness, duplicates, unreadable files and the split.
    """
    from hubblefork.core.progress import say
    from hubblefork.core.terminal import print_path, print_screen

    say(f"inspecting {source}")
    from hubblefork.workflow import inspect as workflow

    found = workflow.inspect(
        source,
        out=out,
        recipe=recipe,
        columns=columns,
        mosaics=mosaics,
        crop=crop,
        size=size,
        grey=grey,
        classes=classes,
        group=group,
    )
    print_screen(found)
    print_path(found.page)
