"""`hubblefork demo`: train, evaluate and report on a simulated sky."""

from pathlib import Path
from typing import Annotated

import typer

from hubblefork.cli.options import Device, Seed

# Source, recipe and settings. Simulated images are cropped as tightly as Galaxy10's: the network
# sees all of them. On two cores, the first takes less than five minutes, installation included.
FULL = ("simulated", "default", {"epochs": 6, "view.field_of_view": 1.0, "data.size": 64})
# And this one less than a minute.
QUICK = (
    "simulated:1000",
    "fast",
    {"epochs": 5, "view.field_of_view": 1.0, "data.size": 48, "view.size": 48},
)


def demo(
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The run folder to write.")
    ] = None,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick", help="Take less than a minute: 1,000 galaxies, smaller, and the recipe fast."
        ),
    ] = False,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Train on 4,000 simulated galaxies and write a report. No data is needed."""
    from hubblefork.cli.output import show_metrics
    from hubblefork.core.progress import say
    from hubblefork.core.terminal import print_path

    source, recipe, settings = QUICK if quick else FULL
    say(f"training {recipe} on {source}")
    from hubblefork.workflow import train as workflow

    run = workflow.train(source, recipe, out=out, settings=settings, seed=seed, device=device)
    show_metrics(run.metrics)
    print_path(run.report)
