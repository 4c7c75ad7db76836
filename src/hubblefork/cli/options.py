"""Options that several verbs share, with one text each."""

from pathlib import Path
from typing import Annotated

import typer

RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder or a model file.")]
ModelArgument = Annotated[
    Path, typer.Argument(metavar="MODEL", help="A run folder or a model file.")
]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Seed = Annotated[int, typer.Option(min=0, help="Of split, weights, order and views.")]
Crop = Annotated[
    int | None,
    typer.Option(help="Keep this centre square of the images, in pixels, not the model's."),
]
Rule = Annotated[
    str | None,
    typer.Option(
        "--classes",
        metavar="RULE",
        help="Turn votes into classes: galaxy10, five, or a .toml file of thresholds.",
    ),
]
