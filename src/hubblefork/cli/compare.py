"""`hubblefork compare RUN RUN...`: runs compared on the same test images."""

from pathlib import Path
from typing import Annotated

import typer


def compare(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN RUN...", help="Run folders, or evaluations.")
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="PAGE", help="An .html file. [default: comparison.html]")
    ] = None,
) -> None:
    """Compare runs on the test images that they share: differences, curves, disagreements."""
    from hubblefork.cli.output import show
    from hubblefork.workflow import compare as workflow

    found = workflow.compare(runs, out=out)
    show(found)
    print(found.page)
