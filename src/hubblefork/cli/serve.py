"""`hubblefork serve RUN|MODEL|SOURCE`: look at images and label them in a browser."""

from pathlib import Path
from typing import Annotated

import typer

from hubblefork.cli.options import Device, run_is_there, source_is_there


def serve(
    what: Annotated[
        str,
        typer.Argument(
            callback=source_is_there,
            metavar="RUN|MODEL|SOURCE",
            help="A run folder, a model file or images.",
        ),
    ],
    source: Annotated[
        str | None,
        typer.Argument(
            callback=source_is_there,
            metavar="SOURCE",
            help="Other images, for the model of a run or file.",
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The file of labels to add to. [default: labels-SOURCE.jsonl]"
        ),
    ] = None,
    rater: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who labels. [default: this user]")
    ] = None,
    compare: Annotated[
        Path | None,
        typer.Option(
            callback=run_is_there,
            metavar="RUN",
            help="A second run: what it corrects and what it breaks.",
        ),
    ] = None,
    port: Annotated[
        int,
        typer.Option(
            min=0, max=65535, metavar="N", help="The port to listen at; 0 is any free one."
        ),
    ] = 0,
    host: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="The address to listen at; any but the default can be reached from elsewhere.",
        ),
    ] = "127.0.0.1",
    device: Device = "auto",
) -> None:
    """Look at images and label them in a browser.

    Prints a link for one browser, and another one as soon as that was opened. Ctrl-C ends it.
    """
    from hubblefork.core.progress import say

    say(f"opening {what}")
    from hubblefork.workflow import serve as workflow

    workflow.serve(
        what, source, host=host, port=port, labels=labels, rater=rater, compare=compare,
        device=device,
        announce=lambda link: print(link, flush=True),
    )  # fmt: skip
