"""`hubblefork reproduce NAME|all [SOURCE]`: published systems, trained as published."""

from pathlib import Path
from typing import Annotated

import typer

from hubblefork.cli.options import Device, Seed, Settings, source_is_there


def reproduce(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME|all", help="The recipe of a published system (hubblefork list recipes)."
        ),
    ],
    source: Annotated[
        str | None,
        typer.Argument(
            callback=source_is_there,
            help="Labelled images, as for train. [default: those of the publication]",
        ),
    ] = None,
    set_: Settings = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The folder of the runs. [default: runs/reproduction]"),
    ] = None,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Train what a publication trained, as published.

    Writes one page with the published figures beside those of the runs. Given again, it goes on
    where it was cut off.
    """
    from hubblefork.core.terminal import print_path
    from hubblefork.recipes.recipe import parse_settings
    from hubblefork.workflow import reproduce as workflow

    found = workflow.reproduce(
        name, source, out=out, settings=parse_settings(set_ or []), seed=seed, device=device
    )
    print_path(found.page)
