"""Where images and labels come from: one reader for each kind of input.

`open_source` chooses the reader by what was given: a known name, a directory or a file.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from hubblefork.core.errors import RequestError, nearest
from hubblefork.data.sources.path_options import check_options, split_options

if TYPE_CHECKING:
    from hubblefork.data.sources.base import Source

SOURCES = {
    "simulated": "simulated galaxies in the ten Galaxy10 classes; or simulated:N:seedS",
    "simulated:votes": "the same galaxies with the votes of their volunteers: 37 fractions",
    "galaxy10-sdss": "Galaxy10 SDSS: 21,785 images, downloaded once; or galaxy10-sdss:FILE.h5",
    "galaxy10-decals": "Galaxy10 DECaLS: 17,736 images; or galaxy10-decals:FILE.h5",
    "kaggle:DIR": "the Galaxy Zoo challenge as unzipped: 37 vote fractions; DIR alone does too",
    "kaggle:DIR:test": "its unlabelled test images",
    "DIRECTORY": "one folder of images a class, or train/, val/ and test/ folders of such",
    "CATALOGUE.csv": "a table with id, image, label and, if known, split, group, ra, dec",
    "CATALOGUE.parquet": "the same as a Parquet file; image_g, image_r... for a file each band",
    "FILE.h5, .npz, .npy": "arrays of images and labels; FILE:images=KEY:labels=KEY names them",
    "DATASET": "a Hugging Face data set: Parquet with images in it, or saved to disk",
    "hub:OWNER/NAME": "the same from the Hugging Face hub (extra: hubblefork[hub])",
}
_NAMES = ("simulated", "galaxy10-sdss", "galaxy10-decals", "kaggle", "hub")


def open_source(
    text: str | Path,
    classes: str | Mapping[str, Mapping[str, float]] | None = None,
    labelled: bool = True,
) -> "Source":
    """Open the source that `text` names.

    classes: derive classes from votes: `galaxy10`, `five`, the path of a TOML file of thresholds,
        or such thresholds (see `hubblefork.data.sources.votes_to_classes`).
    labelled: whether labels are needed; without, images alone are enough, and a source that has
        no labels gets the task `Unlabelled`.

    A known name wins over a directory of that name: write `./simulated` for the directory.
    Raises RequestError where there is no such source, or where it cannot be used.
    """
    source = _open(text, labelled)
    if classes is not None:
        from hubblefork.data.sources.votes_to_classes import VotesToClasses

        source = VotesToClasses(source, classes)
    return source


def _open(text: str | Path, labelled: bool) -> "Source":
    name = str(text)
    kind, _, rest = name.partition(":")
    match kind:
        case "simulated":
            from hubblefork.data.sources.simulated import SimulatedSource

            return SimulatedSource.parse(name)
        case "galaxy10-sdss" | "galaxy10-decals":
            from hubblefork.data.sources.galaxy10 import open_galaxy10

            return open_galaxy10(kind, rest, name)
        case "kaggle":
            from hubblefork.data.sources.kaggle import open_kaggle

            return open_kaggle(rest, name)
        case "hub":
            from hubblefork.data.sources.huggingface import open_hub

            return open_hub(rest, name, labelled)

    path_text, options = split_options(name)
    path = Path(path_text).expanduser()
    if path.is_dir():
        return _open_directory(path, name, labelled, options)
    from hubblefork.data.sources import arrays

    if arrays.is_array_name(name):
        return arrays.open_arrays(name, labelled)
    if path.suffix.lower() in (".csv", ".parquet", ".arrow") and path.is_file():
        from hubblefork.data.sources import huggingface

        if path.suffix.lower() == ".arrow" or huggingface.holds_images(path):
            return huggingface.open_saved(path, name, labelled, options)
        check_options(options, (), name)
        from hubblefork.data.sources.catalogue import open_catalogue

        return open_catalogue(path, name, labelled)
    if path.exists():
        raise RequestError(
            f"{name}: a source is a directory, a catalogue (.csv, .parquet), a file of arrays "
            "(.h5, .npz, .npy) or a name (hubblefork list sources)"
        )
    if len(path.parts) > 1 or path.suffix:
        raise RequestError(f"{name}: no such file or directory")
    raise RequestError(
        f"{name}: neither a file or directory nor a known source; {nearest(kind, _NAMES)}"
    )


def _open_directory(path: Path, name: str, labelled: bool, options: Mapping[str, str]) -> "Source":
    from hubblefork.data.sources import huggingface, kaggle

    if kaggle.is_kaggle(path):
        check_options(options, (), name)
        return kaggle.open_kaggle(name, name)
    if huggingface.holds_images(path):
        return huggingface.open_saved(path, name, labelled, options)
    check_options(options, (), name)
    from hubblefork.data.sources.folder import open_folder

    return open_folder(path, name, labelled)
