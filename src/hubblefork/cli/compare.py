"""`hubblefork compare RUN RUN...`: runs compared on the same test images."""

from pathlib import Path
from typing import Annotated

import typer


def _are_there(runs: list[Path]) -> list[Path]:
    from hubblefork.runs.folders import require_folders

    require_folders(runs)
    return runs


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(
            callback=_are_there,
            metavar="RUN",
            help="Two or more run folders, or folders that evaluate wrote.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="PAGE", help="The .html file to write. [default: comparison.html]"),
    ] = None,
) -> None:
    """Compare runs on the test images that they have in common.

    The page shows metrics, training curves and images on which the runs disagree.
    """
    from hubblefork.core.progress import say
    from hubblefork.core.terminal import print_path, print_screen
    from hubblefork.core.text import several

    say(f"comparing {several(len(runs), 'run')}")
    from hubblefork.workflow import compare as workflow

    found = workflow.compare(runs, out=out)
    print_screen(found)
    print_path(found.page)
