"""`hubblefork train SOURCE --recipe NAME`: train on a source and write a run folder."""

import os
from pathlib import Path
from typing import Annotated

import typer

from hubblefork.cli.options import (
    ColumnsOption,
    Device,
    Grey,
    MosaicsOption,
    Rule,
    Seed,
    Settings,
    Size,
    SourceCrop,
    file_is_there,
    network_is_there,
    source_is_there,
)


def train(
    source: Annotated[
        str,
        typer.Argument(
            callback=source_is_there,
            metavar="SOURCE",
            help="simulated, a directory with one folder for each class, a catalogue, or another "
            "source (hubblefork list sources).",
        ),
    ],
    recipe: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="Name of a recipe (hubblefork list recipes) or a .toml file. [default: default]",
        ),
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(
            callback=network_is_there,
            metavar="NAME",
            help="Network in place of the recipe's (hubblefork list networks).",
        ),
    ] = None,
    set_: Settings = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The run folder to write.")
    ] = None,
    columns: ColumnsOption = None,
    mosaics: MosaicsOption = None,
    crop: SourceCrop = None,
    size: Size = None,
    grey: Grey = False,
    classes: Rule = None,
    seed: Seed = 0,
    device: Device = "auto",
    precision: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Floating-point precision of the training: auto, fp32 or bf16."
        ),
    ] = "auto",
    devices: Annotated[
        int,
        typer.Option(min=1, metavar="N", help="Number of GPUs, or of processes with --device cpu."),
    ] = 1,
    nodes: Annotated[
        int, typer.Option(min=1, metavar="M", help="Number of machines, with N devices each.")
    ] = 1,
    compile_: Annotated[
        str,
        typer.Option(
            "--compile",
            metavar="MODE",
            help="Mode of torch.compile: off, default, reduce-overhead or max-autotune.",
        ),
    ] = "off",
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Continue the interrupted run at --out, or the newest one of the source.",
        ),
    ] = False,
    labels: Annotated[
        Path | None,
        typer.Option(
            callback=file_is_there,
            metavar="FILE",
            help="Labels of the workbench (its file, or a table exported from it), which replace "
            "those of the source.",
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Print the images, the split, the parameters, the epochs and the expected time, "
            "and do not train.",
        ),
    ] = False,
) -> None:
    """Train a classifier on labelled images.

    It is evaluated on its test set, and a report is written.
    """
    from hubblefork.cli.output import show_metrics
    from hubblefork.core.errors import RequestError
    from hubblefork.core.progress import is_silent, say
    from hubblefork.core.terminal import print_path
    from hubblefork.recipes.recipe import load_recipe, parse_settings

    if dry_run and (resume or devices > 1 or nodes > 1):
        raise RequestError("--dry-run is of a new run on one device: leave the others out")
    settings = parse_settings(set_ or [])
    if recipe is not None or not resume:  # else it is that of the run
        # What is wrong with it is told before torch is imported.
        named = load_recipe("default" if recipe is None else recipe, settings).name
        about = f"{'planning to train' if dry_run else 'training'} {named} on {source}"
    else:
        about = f"resuming the training on {source}"
    # torchrun and SLURM start this command several times: the first one speaks for all.
    if (os.environ.get("RANK") or os.environ.get("SLURM_PROCID") or "0") == "0":
        say(about)
    if dry_run:
        from hubblefork.core.terminal import print_screen
        from hubblefork.workflow.dry_run import dry_run as expect

        found = expect(
            source, recipe, network=network, out=out, settings=settings, columns=columns,
            mosaics=mosaics, crop=crop, size=size, grey=grey, classes=classes, seed=seed,
            device=device, precision=precision, labels=labels,
        )  # fmt: skip
        print_screen(found)
        return
    from hubblefork.workflow import train as workflow

    run = workflow.train(
        source,
        recipe,
        network=network,
        out=out,
        settings=settings,
        crop=crop,
        columns=columns,
        mosaics=mosaics,
        size=size,
        grey=grey,
        classes=classes,
        seed=seed,
        device=device,
        precision=precision,
        devices=devices,
        nodes=nodes,
        compile=compile_,
        resume=resume,
        labels=labels,
    )
    if not is_silent():
        show_metrics(run.metrics)
        print_path(run.path)
