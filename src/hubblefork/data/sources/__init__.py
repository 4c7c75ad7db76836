"""Where images and labels come from: one reader for each kind of input.

`open_source` chooses the reader by what is given: a known name, a directory, a file, or arrays and
tables in memory.
"""

import inspect
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubblefork.core.arguments import wrong
from hubblefork.core.errors import RequestError, nearest
from hubblefork.core.path_options import check_options, split_options
from hubblefork.core.registry import F, Registry
from hubblefork.core.regular_files import not_a_file
from hubblefork.core.urls import protocol_of
from hubblefork.data.sources.file_names import is_array_name, is_tar_name
from hubblefork.data.sources.path_options import is_in_memory

if TYPE_CHECKING:
    from hubblefork.data.sources.base import Source

SOURCES = {
    "simulated": "simulated galaxies in the ten Galaxy10 classes; or simulated:N:seedS",
    "simulated:votes": "the same galaxies with the votes of their volunteers: 37 fractions",
    "galaxy10-sdss": "Galaxy10 SDSS: 21,785 images, downloaded once; or galaxy10-sdss:FILE.h5",
    "galaxy10-decals": "Galaxy10 DECaLS: 17,736 images; or galaxy10-decals:FILE.h5",
    "kaggle:DIR": "the Galaxy Zoo challenge as unzipped: 37 vote fractions; DIR alone does too",
    "kaggle:DIR:test": "its unlabelled test images",
    "DIRECTORY": "one folder of images per class, or train/, val/ and test/ folders of such",
    "CATALOGUE.csv": "a table with id, image (path or URL), label; split, group, ra, dec if known",
    "CATALOGUE.parquet": "the same as a Parquet file; image_g, image_r... for a file each band",
    "FILE.h5, .npz, .npy": "arrays of images and labels; FILE:images=KEY:labels=KEY names them",
    "DATASET": "a Hugging Face data set: Parquet with images in it, or saved to disk",
    "SHARDS.tar": "WebDataset: a tar, a folder of tars, or sky-{000..009}.tar; KEY.jpg, KEY.cls",
    "hub:OWNER/NAME": "the same from the Hugging Face hub (extra: hubblefork[hub])",
}

_registry = Registry(
    "source",
    {
        "simulated": "hubblefork.data.sources.simulated:open_simulated",
        "galaxy10-sdss": "hubblefork.data.sources.galaxy10:open_galaxy10",
        "galaxy10-decals": "hubblefork.data.sources.galaxy10:open_galaxy10",
        "kaggle": "hubblefork.data.sources.kaggle:open_kaggle",
        "hub": "hubblefork.data.sources.huggingface:open_hub",
    },
)


def register_source(name: str) -> Callable[[F], F]:
    """Decorate a function or class that opens a source, so that `name:TEXT` names it.

    It is called with the text after `name:` (empty for `name` alone), and with `labelled`, if it
    has a parameter of that name: whether labels are needed. It returns a `Source`; `open_source`
    makes one of a table of paths or of arrays.

    A package announces a source in its pyproject.toml instead, and is imported when it is used::

        [project.entry-points."hubblefork.sources"]
        survey = "my_package.sources:open_survey"

    Raises RequestError for a name that is taken or cannot be one.

    >>> import numpy as np
    >>> @register_source("squares")
    ... def squares(text):
    ...     images = np.zeros((int(text), 16, 16), np.uint8)
    ...     return open_source((images, ["dark", "black"] * (len(images) // 2)))
    >>> open_source("squares:4").task
    Classes(names=('black', 'dark'))
    """
    return _registry.register(name)


def describe_sources() -> dict[str, str]:
    """What can be given as a source, with one line on each."""
    return SOURCES | _registry.describe()


def open_source(
    given: Any,
    classes: str | Mapping[str, Any] | None = None,
    labelled: bool = True,
    hdu: str | None = None,
    columns: str | Mapping[str, str] | None = None,
    mosaics: str | None = None,
) -> "Source":
    """Open a source.

    Parameters
    ----------
    given
        A name, a directory or a file (see `SOURCES`); `(images, labels)`: images (N, H, W),
        (N, H, W, C) or (N, C, H, W), and labels as class names, class numbers, one-hot rows or
        rows of vote fractions; images alone, also as a list, where no labels are needed; a pandas
        DataFrame or an astropy Table with the columns of a catalogue; a Source; a PackedDataset.
    classes
        Derive classes from votes: `galaxy10`, `five`, the path of a TOML file of thresholds, or
        such thresholds (see `hubblefork.data.sources.votes_to_classes`).
    labelled
        Whether labels are needed; without, images alone are enough, and a source that has no
        labels gets the task `Unlabelled`.
    hdu
        Name (EXTNAME) or number of the image to read of FITS files with several; by default the
        likeliest (see `hubblefork.sky.fits_images`). `:hdu=` after a path takes precedence, and
        a Source keeps its own.
    columns
        The column of each role of a catalogue, where it is not called as usual:
        `id=objid,image=file,label=morph,ra=RA,dec=DEC`, or a dict. It can stand behind a path too:
        `sky.fits:id=objid:image=file`.
    mosaics
        FITS mosaics that the images of a catalogue are cut from, `tiles/:size=30`; behind a path:
        `sky.fits:mosaics=tiles/:size=30`.

    A known name wins over a directory of that name: write `./simulated` for the directory.
    Raises RequestError where there is no such source, or where it cannot be used.
    """
    from hubblefork.data.sources.column_roles import asked_of, with_options

    asked = asked_of(columns, mosaics)
    if isinstance(given, str | Path):
        source = _open_text(with_options(str(given), asked), labelled, hdu)
    else:
        from hubblefork.data.sources.memory import open_object

        source = open_object(given, labelled, hdu, split_options(with_options("", asked))[1])
    if classes is not None:
        from hubblefork.data.sources.votes_to_classes import VotesToClasses

        source = VotesToClasses(source, classes)
    return source


def with_columns(
    given: Any,
    columns: str | Mapping[str, str] | None,
    mosaics: str | None,
    labelled: bool = True,
) -> Any:
    """Return a source with what `open_source` takes as `columns` and `mosaics` said in itself.

    >>> with_columns("sky.csv", {"id": "objid", "label": "morph"}, None)
    'sky.csv:id=objid:label=morph'
    """
    if columns is None and mosaics is None:
        return given
    if isinstance(given, str | Path):
        from hubblefork.data.sources.column_roles import asked_of, with_options

        return with_options(str(given), asked_of(columns, mosaics))
    return open_source(given, labelled=labelled, columns=columns, mosaics=mosaics)


def check_place(name: str) -> None:
    """RequestError for a text that is no source's and names nothing that is there; opens nothing.

    >>> check_place("simulated:9")
    >>> check_place("nowhere/at/all")
    Traceback (most recent call last):
    hubblefork.core.errors.RequestError: nowhere/at/all: no such file or directory
    """
    _require_text(name)
    path, _ = split_options(name)
    known = name.partition(":")[0] in _registry.names()
    if not (known or os.path.lexists(Path(path).expanduser()) or is_array_name(name)
            or is_tar_name(path)):  # fmt: skip
        raise _absent(name)


def _require_text(name: str) -> None:
    # Empty text would be the current folder, and is more likely a variable that was never set.
    if not split_options(name)[0]:
        raise wrong("source", name, "a directory, a file or a name (hubblefork list sources)")


def _open_text(name: str, labelled: bool, hdu: str | None) -> "Source":
    _require_text(name)
    kind, _, rest = name.partition(":")
    if opener := _registry.find(kind):
        return _open_registered(opener, rest, {"name": name, "labelled": labelled, "hdu": hdu})
    path_text, options = split_options(name)
    path = Path(path_text).expanduser()
    if os.path.isdir(path):  # False also for names that no system can have
        return _open_directory(path, name, labelled, options, hdu)
    if os.path.lexists(path) and (reason := not_a_file(path)):
        raise RequestError(f"{name}: {reason}; save what it gives in a file, and give that")
    if is_array_name(name):
        from hubblefork.data.sources import arrays

        return arrays.open_arrays(name, labelled)
    if path.suffix.lower() in (".parquet", ".arrow") and os.path.isfile(path):
        from hubblefork.data.sources import huggingface

        if path.suffix.lower() == ".arrow" or (
            "mosaics" not in options and huggingface.holds_images(path)
        ):
            return huggingface.open_saved(path, name, labelled, options, hdu)
    from hubblefork.core.tables.stored import is_table

    if os.path.exists(path) and is_table(path):
        from hubblefork.data.sources.catalogue import open_catalogue

        return open_catalogue(name, labelled, hdu)
    if is_tar_name(path_text):
        from hubblefork.data.sources import webdataset

        return webdataset.open_webdataset(path, name, labelled, options, hdu)
    if os.path.exists(path):
        from hubblefork.data.folders import is_archive
        from hubblefork.data.images.read import is_image_name

        if is_archive(name):
            raise RequestError(f"{name} is an archive: unpack it, and give the directory")
        if is_image_name(name):
            raise RequestError(
                f"{name} is one image; a source is a directory with one folder of images per "
                "class, or a catalogue that names many"
            )
        raise RequestError(
            f"{name}: a source is a directory, a catalogue (.csv, .parquet, a FITS table, .vot, "
            ".ecsv), a file of arrays (.h5, .npz, .npy), a tar or a name (hubblefork list sources)"
        )
    raise _absent(name)


def _absent(name: str) -> RequestError:
    """The mistake in a text that names no source and nothing that is there."""
    if protocol_of(name):
        return RequestError(
            f"{name}: a source is on this machine; URLs are those of single images, in the column "
            "image of a catalogue"
        )
    if is_in_memory(name):
        return RequestError(f"{name} was in memory and is no longer known: give it again as source")
    path = Path(split_options(name)[0]).expanduser()
    if len(path.parts) > 1 or path.suffix:
        return RequestError(f"{name}: no such file or directory")
    hint = nearest(name.partition(":")[0], _registry.names())
    return RequestError(f"{name}: neither a file or directory nor a known source; {hint}")


def _open_registered(opener: Callable[..., Any], text: str, more: Mapping[str, Any]) -> "Source":
    """Call an opener with the text, and by name with what more it takes."""
    from hubblefork.data.sources.base import Source

    parameters = inspect.signature(opener).parameters
    name = more["name"]
    source = opener(text, **{key: more[key] for key in more if key in parameters})
    if not isinstance(source, Source):
        raise RequestError(
            f"{name}: what is registered as the source {name.partition(':')[0]!r} returned "
            f"{type(source).__name__}; expected a hubblefork Source"
        )
    source.name = name
    return source


def _open_directory(
    path: Path, name: str, labelled: bool, options: Mapping[str, str], hdu: str | None
) -> "Source":
    from hubblefork.data.sources import huggingface, kaggle, webdataset

    if kaggle.is_kaggle(path):
        check_options(options, (), name)
        return kaggle.open_kaggle(name, name)
    if "mosaics" not in options and huggingface.holds_images(path):
        return huggingface.open_saved(path, name, labelled, options, hdu)
    if webdataset.holds_tars(path):
        return webdataset.open_webdataset(path, name, labelled, options, hdu)
    from hubblefork.core.tables.stored import is_table

    if is_table(path):
        from hubblefork.data.sources.catalogue import open_catalogue

        return open_catalogue(name, labelled, hdu)
    from hubblefork.data.sources.folder import open_folder

    return open_folder(path, name, labelled, options, hdu)
