"""`hubblefork explain RUN [IMAGE...]`: why a network answers as it does."""

from pathlib import Path
from typing import Annotated

import typer

from hubblefork.cli.options import Crop, Device, ModelArgument, images_are_there


def explain(
    run: ModelArgument,
    images: Annotated[
        list[str] | None,
        typer.Argument(
            callback=images_are_there,
            metavar="IMAGE|DIRECTORY|SOURCE",
            help="Images to explain. [default: the run's test set]",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The folder to write. [default: explanation in RUN; of images, explanation-NAME]",
        ),
    ] = None,
    crop: Crop = None,
    method: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="grad-cam, integrated-gradients or occlusion. [default: the one that measured "
            "best on validation images, for images where explain RUN was called before]",
        ),
    ] = None,
    layer: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Layer of grad-cam and of the activation maps."),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(metavar="K", help="Train K more networks to find likely wrong labels."),
    ] = None,
    device: Device = "auto",
) -> None:
    """Explain the predictions of a model.

    The page shows attribution, errors, robustness, anomalies and nearest neighbours.
    """
    from hubblefork.core.errors import first_few
    from hubblefork.core.progress import say
    from hubblefork.core.terminal import print_path

    say(f"explaining {first_few(images) if images else 'the test set'} by {run}")
    from hubblefork.workflow import explain as workflow

    explained = workflow.explain(
        run,
        images or [],
        out=out,
        crop=crop,
        method=method,
        layer=layer,
        folds=folds,
        device=device,
    )
    print_path(explained.path)
