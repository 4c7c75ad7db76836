"""Arguments and options of several verbs, each with one help text."""

import os
from pathlib import Path
from typing import Annotated

import typer

from hubblefork.core.errors import RequestError


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


def sources_are_there(sources: list[str] | None) -> list[str] | None:
    """The same for each of several."""
    for source in sources or []:
        source_is_there(source)
    return sources


def images_are_there(images: list[str] | None) -> list[str] | None:
    """The same for images, of which some may be URLs."""
    from hubblefork.core.urls import protocol_of

    sources_are_there([each for each in images or [] if not protocol_of(each)])
    return images


def run_is_there(run: Path | None) -> Path | None:
    """The same for the folder of a run."""
    from hubblefork.runs.folders import require_folders

    if run is not None:
        require_folders([run])
    return run


def file_is_there(path: Path | None) -> Path | None:
    """The same for a file."""
    from hubblefork.core.regular_files import not_a_file

    if path is not None and (reason := not_a_file(path.expanduser())):
        raise RequestError(f"{path}: {reason}")
    return path


def _mosaics_are_there(mosaics: str | None) -> str | None:
    if mosaics is not None:
        from hubblefork.core.path_options import split_options

        place = Path(split_options(mosaics)[0]).expanduser()
        if not os.path.lexists(place):
            raise RequestError(f"--mosaics {mosaics}: no such file or directory")
    return mosaics


def _rule_is_there(rule: str | None) -> str | None:
    if rule is not None and rule.endswith(".toml"):
        file_is_there(Path(rule))
    return rule


def recipe_is_there(recipe: str | None) -> str | None:
    """The same for the name or the file of a recipe."""
    from hubblefork.recipes.recipe import load_recipe

    if recipe is not None:
        load_recipe(recipe)
    return recipe


def network_is_there(network: str | None) -> str | None:
    """The same for the name of a network."""
    from hubblefork.networks.registry import check_network

    if network is not None:
        check_network(network)
    return network


ModelArgument = Annotated[
    str,
    typer.Argument(
        callback=_model_is_there,
        metavar="RUN|MODEL",
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
        callback=_mosaics_are_there,
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
        callback=_rule_is_there,
        metavar="RULE",
        help="Rule that converts votes to classes: galaxy10, five, or a .toml file of thresholds.",
    ),
]
