"""`hubblefork demo`: a simulated sky, trained, measured and reported."""

from pathlib import Path
from typing import Annotated

import typer

from hubblefork.cli.options import Device, Seed

_SETTINGS = {
    # On two cores the demo then ends within five minutes, installation included.
    "epochs": 6,
    # A simulated image is framed as tightly as Galaxy10's: all of it is shown.
    "view.field_of_view": 1.0,
    "data.size": 64,
}


def demo(
    out: Annotated[Path | None, typer.Option(help="The run folder to make.")] = None,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Simulate 4,000 galaxies, train on them, and write a report: no data needed."""
    from hubblefork.cli.output import show_metrics
    from hubblefork.workflow import train as workflow

    run = workflow.train("simulated", out=out, settings=_SETTINGS, seed=seed, device=device)
    show_metrics(run.metrics)
    print(run.report)
