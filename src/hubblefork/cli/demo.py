"""`hubblefork demo`: a simulated sky, trained, measured and reported."""

from pathlib import Path
from typing import Annotated

import typer

from hubblefork.cli.options import Device, Seed

# On two cores this ends within five minutes, installation aside.
_EPOCHS = 14


def demo(
    out: Annotated[Path | None, typer.Option(help="The run folder to make.")] = None,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Simulate 4,000 galaxies, train on them, and write a report: no data needed."""
    from hubblefork.cli.output import show_metrics
    from hubblefork.workflow import train as workflow

    settings = {"epochs": _EPOCHS}
    run = workflow.train("simulated", out=out, settings=settings, seed=seed, device=device)
    show_metrics(run.metrics)
    print(run.report)
