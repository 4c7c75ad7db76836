"""Arguments and options of several verbs, each with one help text."""

from typing import Annotated

import typer


def _model_is_there(model: str) -> str:
    """Tell of a model that is not there before torch is imported, which takes seconds."""
    from hubblefork.models.find import find_model, is_on_hub

    if not is_on_hub(model):  # which is asked once, later
        find_model(model)
    return model


def source_is_there(source: str | None) -> str | None:
    """Tell of a source that is not there before anything that takes long is imported."""
    from hubblefork.data.sources import check_place

    if source is not None:
        check_place(source)
    return source


def network_is_there(network: str | None) -> str | None:
    """The same for the name of a network."""
    from hubblefork.networks.registry import check_network

    if network is not None:
        check_network(network)
    return network


# The help shows it by the verb's parameter, run or model.
ModelArgument = Annotated[
    str,
    typer.Argument(
        callback=_model_is_there,
        help="A run folder, a model file, a shipped model (hubblefork list models), or "
        "hf:OWNER/NAME (Hugging Face).",
    ),
]
Device = Annotated[str, typer.Option(metavar="NAME", help="Compute device: auto, cpu or cuda.")]
Seed = Annotated[
    int,
    typer.Option(
        min=0,
        metavar="N",
        help="Random seed of the split, the initial weights, the batch order and the augmentation.",
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change one setting of the recipe (hubblefork list settings): epochs=20.",
    ),
]
SourceCrop = Annotated[
    int | None,
    typer.Option(metavar="N", help="Side of the central square to keep of each image, in pixels."),
]
Crop = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Side of the central square to keep of each image, in pixels. [default: the model's]",
    ),
]
ColumnsOption = Annotated[
    str | None,
    typer.Option(
        "--columns",
        metavar="ROLE=COLUMN,...",
        help="The catalogue's columns, such as id=objid,image=file,ra=RA,dec=DEC.",
    ),
]
MosaicsOption = Annotated[
    str | None,
    typer.Option(
        "--mosaics",
        metavar="PLACE[:size=ARCSEC]",
        help="Cut the images from these FITS mosaics at the catalogue's ra and dec.",
    ),
]
Size = Annotated[
    int | None,
    typer.Option(metavar="N", help="Side of the packed images that are trained on, in pixels."),
]
Grey = Annotated[
    bool, typer.Option("--grey", help="Convert the images to one channel instead of three.")
]
Rule = Annotated[
    str | None,
    typer.Option(
        "--classes",
        metavar="RULE",
        help="Rule that converts votes to classes: galaxy10, five, or a .toml file of thresholds.",
    ),
]
