"""`hubblefork compare RUN RUN...`: runs compared on the same test images."""

from pathlib import Path
from typing import Annotated

import typer


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN RUN...", help="Run folders, or folders that evaluate wrote."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="PAGE", help="The .html file to write. [default: comparison.html]"),
    ] = None,
) -> None:
    """Compare runs on the test images that they have in common.

    The page shows metrics, training curves and images on which the runs disagree.
    """
    from hubblefork.core.terminal import print_path, print_screen
    from hubblefork.workflow import compare as workflow

    found = workflow.compare(runs, out=out)
    print_screen(found)
    print_path(found.page)
