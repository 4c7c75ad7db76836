"""`hubblefork reproduce NAME|all [SOURCE...]`: published systems, trained as published."""

from pathlib import Path
from typing import Annotated

import typer

from hubblefork.cli.options import Device, Seed, Settings, sources_are_there


def reproduce(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME|all", help="The recipe of a published system (hubblefork list recipes)."
        ),
    ],
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE",
            callback=sources_are_there,
            help="Labelled images, as for train, or a directory of several sources: each system "
            "is trained on the one that is like its publication's. [default: those of the "
            "publication]",
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

    Writes one page with the published figures beside those of the runs. Called again, it continues
    where it was interrupted.
    """
    from hubblefork.core.progress import say
    from hubblefork.core.terminal import print_path
    from hubblefork.recipes.recipe import parse_settings, systems_called

    settings = parse_settings(set_ or [])
    say(f"reproducing {', '.join(systems_called(name))}")
    from hubblefork.workflow import reproduce as workflow

    found = workflow.reproduce(
        name, sources or None, out=out, settings=settings, seed=seed, device=device
    )
    print_path(found.page)
