"""Galaxy10 SDSS and Galaxy10 DECaLS as their authors publish them: one HDF5 file each.

Leung & Bovy, https://github.com/henrysky/Galaxy10. The two data sets share a name, a number of
classes and nothing else; each is recognised by its keys, shapes and counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from hubblefork.core.cache import cache_folder
from hubblefork.core.errors import RequestError, first_few
from hubblefork.core.file_cache import file_sha256
from hubblefork.core.progress import say
from hubblefork.data.download import fetch
from hubblefork.data.sources.array_files import Array, open_arrays_of
from hubblefork.data.sources.array_pixels import ArraySource, Pixels
from hubblefork.data.sources.array_tables import labels_of, origins, read_columns
from hubblefork.data.sources.base import display_text
from hubblefork.sky.class_rules import GALAXY10_DECALS, GALAXY10_SDSS


@dataclass(frozen=True)
class _Published:
    """What is published of a data set.

    short: how its ids begin.
    side: of its images in pixels.
    keys: of all its arrays but the images, each with one value per image.
    counts: of the images of each class.
    """

    full_name: str
    short: str
    url: str
    sha256: str
    side: int
    keys: tuple[str, ...]
    names: tuple[str, ...]
    counts: tuple[int, ...]


_PUBLISHED: Mapping[str, _Published] = {
    "galaxy10-sdss": _Published(
        "Galaxy10 SDSS",
        "sdss",
        "https://zenodo.org/records/10844811/files/Galaxy10.h5",
        "969a6b1cefcc36e09fffa86febd2f699a4aa19b837ba0427f01b0bc6ded458af",
        69,
        ("ans",),
        GALAXY10_SDSS,
        # Its page says 394 in class 3, and 21,785 in all, to which the classes sum with 349; that
        # is also what others have counted in the file.
        (3461, 6997, 6292, 349, 1534, 17, 589, 1121, 906, 519),
    ),
    "galaxy10-decals": _Published(
        "Galaxy10 DECaLS",
        "decals",
        "https://zenodo.org/records/10845026/files/Galaxy10_DECals.h5",
        "19aefc477c41bb7f77ff07599a6b82a038dc042f889a111b0d4d98bb755c1571",
        256,
        ("ans", "dec", "pxscale", "ra", "redshift"),
        GALAXY10_DECALS,
        (1081, 1853, 2645, 2027, 334, 2043, 1829, 2628, 1423, 1873),
    ),
}


def open_galaxy10(path_text: str, name: str) -> ArraySource:
    """Open one of the two data sets.

    path_text: a file of this data set, whole or some of its rows; empty for the published file,
        which is taken from astroNN's cache, or else downloaded once.
    name: the source, as the user gave it: galaxy10-sdss or galaxy10-decals, or one with a file.

    Ids are as in `decals-00017`: the row in the file. The first note has the full name, the
    number of images and the file.

    Raises RequestError where the file cannot be had, is damaged, or is another data set.
    """
    kind = name.partition(":")[0]
    published = _PUBLISHED[kind]
    path = Path(path_text).expanduser() if path_text else _find_published(kind)
    arrays = {each.key: each for each in open_arrays_of(path, name)}
    _check_kind(arrays, published, path, name)
    images = arrays["images"]
    number = images.shape[0]

    others = [arrays[key] for key in published.keys if key != "ans"]
    table, _ = read_columns(others, number, published.short, name)
    task, labels, _ = labels_of(arrays["ans"], published.names, table["id"])
    notes = [f"{published.full_name}: {number:,} images from {display_text(str(path))}."]
    counts = tuple(np.bincount(labels["label"], minlength=len(published.names)).tolist())
    expected = sum(published.counts)
    # What is known of the counts was partly read from pages; the hash is beyond doubt.
    if number == expected and counts != published.counts and file_sha256(path) != published.sha256:
        raise RequestError(
            f"{name}: {path} has the {expected:,} images of {published.full_name}, but "
            f"{first_few(counts, 10)} of its classes; published are "
            f"{first_few(published.counts, 10)}; get the file again"
        )
    if number != expected:
        notes.append(f"{published.full_name} as published has {expected:,} images.")
    unknown = table[[each for each in ("ra", "dec") if each in table]].isna().any(axis=1)
    if unknown.any():
        raise RequestError(
            f"{name}: {unknown.sum():,} of {number:,} galaxies have no position on the sky: "
            f"{first_few(table['id'][unknown])}; get the file again"
        )
    table = pd.concat([table, labels], axis=1).assign(origin=origins(path, number))
    return ArraySource(name, task, table, notes, Pixels(images, "HWC"), [str(path)])


def _find_published(kind: str) -> Path:
    """Return the published file, from astroNN's cache or our own, or else downloaded."""
    published = _PUBLISHED[kind]
    file = published.url.rpartition("/")[2]
    theirs = Path.home() / ".astroNN" / "datasets" / file
    if theirs.is_file():
        if file_sha256(theirs) == published.sha256:
            return theirs
        say(f"{theirs} is not the published file of {published.full_name}, and is ignored")
    return fetch(
        published.url,
        published.sha256,
        cache_folder() / "downloads" / file,
        published.full_name,
        f"{kind}:FILE",
    )


def recognise(arrays: Sequence[Array]) -> str | None:
    """Return which of the two data sets a file's arrays are, or None.

    >>> recognise([]) is None
    True
    """
    by_key = {each.key: each for each in arrays}
    return next((kind for kind, each in _PUBLISHED.items() if _is(by_key, each)), None)


def _check_kind(arrays: Mapping[str, Array], published: _Published, path: Path, name: str) -> None:
    """Refuse a file that is not this data set, and say what it is."""
    if _is(arrays, published):
        return
    kind = recognise(list(arrays.values()))
    if kind:
        raise RequestError(
            f"{name}: {path} is {_PUBLISHED[kind].full_name}, not {published.full_name}; "
            f"say {kind}:{path}"
        )
    side, found = published.side, first_few(arrays.values(), 8) or "no arrays"
    raise RequestError(
        f"{name}: {path} is not {published.full_name} (images (N, {side}, {side}, 3) uint8, and "
        f"{', '.join(published.keys)} of N values), but holds {found}; the file alone "
        "is read as arrays of any kind"
    )


def _is(arrays: Mapping[str, Array], published: _Published) -> bool:
    """Whether keys, shapes and the type of the images are those of a data set."""
    if arrays.keys() != {"images", *published.keys}:
        return False
    images, side = arrays["images"], published.side
    beside: Sequence[Array] = [arrays[key] for key in published.keys]
    return (
        images.dtype == np.uint8
        and images.shape == (images.shape[0], side, side, 3)
        and all(each.shape == images.shape[:1] for each in beside)
    )
