"""`hubblefork train SOURCE --recipe NAME`: a source becomes a run folder."""

from pathlib import Path
from typing import Annotated

import typer

from hubblefork.cli.options import Device, Rule, Seed


def train(
    source: Annotated[
        str,
        typer.Argument(
            help="simulated, a directory with one folder a class, a catalogue; "
            "see: hubblefork list sources."
        ),
    ],
    recipe: Annotated[
        str | None,
        typer.Option(
            help="Name of a recipe, see: hubblefork list recipes; or a .toml file. "
            "[default: default]"
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Override one value: epochs=20; see: hubblefork list settings.",
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The run folder to make.")] = None,
    crop: Annotated[int | None, typer.Option(help="Keep this centre square, in pixels.")] = None,
    size: Annotated[int | None, typer.Option(help="Side of the packed images.")] = None,
    grey: Annotated[bool, typer.Option("--grey", help="One channel instead of three.")] = False,
    classes: Rule = None,
    seed: Seed = 0,
    device: Device = "auto",
    precision: Annotated[str, typer.Option(help="auto, fp32 or bf16.")] = "auto",
    devices: Annotated[
        int, typer.Option(min=1, metavar="N", help="GPUs, or with --device cpu processes.")
    ] = 1,
    nodes: Annotated[
        int, typer.Option(min=1, metavar="M", help="Machines with N devices each.")
    ] = 1,
    compile_: Annotated[
        str,
        typer.Option(
            "--compile",
            metavar="MODE",
            help="torch.compile: off, default, reduce-overhead or max-autotune.",
        ),
    ] = "off",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the interrupted run.")
    ] = False,
) -> None:
    """Train a classifier on labelled images; measure it on its test set; report."""
    from hubblefork.cli.output import show_metrics
    from hubblefork.core.progress import is_silent
    from hubblefork.recipes.recipe import parse_settings
    from hubblefork.workflow import train as workflow

    settings: dict[str, object] = dict(parse_settings(set_ or []))
    data = {"crop": crop, "size": size, "grey": grey or None, "classes": classes}
    settings |= {f"data.{key}": value for key, value in data.items() if value is not None}
    run = workflow.train(
        source,
        recipe,
        out=out,
        settings=settings,
        seed=seed,
        device=device,
        precision=precision,
        devices=devices,
        nodes=nodes,
        compile=compile_,
        resume=resume,
    )
    if not is_silent():
        show_metrics(run.metrics)
        print(run.path)
