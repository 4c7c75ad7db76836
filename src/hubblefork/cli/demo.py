"""`hubblefork demo`: train, evaluate and report on a simulated sky."""

from pathlib import Path
from typing import Annotated

import typer

from hubblefork.cli.options import Device, Seed

_SETTINGS = {
    # On two cores the demo then takes less than five minutes, installation included.
    "epochs": 6,
    # Simulated images are cropped as tightly as Galaxy10's: the network sees all of them.
    "view.field_of_view": 1.0,
    "data.size": 64,
}


def demo(
    out: Annotated[Path | None, typer.Option(help="The run folder to write.")] = None,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Train on 4,000 simulated galaxies and write a report. No data is needed."""
    from hubblefork.cli.output import show_metrics
    from hubblefork.core.terminal import print_path
    from hubblefork.workflow import train as workflow

    run = workflow.train("simulated", out=out, settings=_SETTINGS, seed=seed, device=device)
    show_metrics(run.metrics)
    print_path(run.report)
