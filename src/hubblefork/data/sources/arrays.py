"""Arrays of images as a source: `FILE.h5`, `FILE.npz` or `FILE.npy`, with keys of any names.

FILE.npz                                        where it is obvious which array is which
FILE.h5:images=train/x:labels=train/y           the keys of images and labels
FILE.npz:order=CHW:classes=KEY                  bands come first; the names of the classes
FILE.h5:id=KEY                                  the ids of the images
X.npy:labels=y.npy                              an .npy file holds one array
"""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from hubblefork.core.errors import RequestError, first_few, nearest
from hubblefork.core.names import normalised, stem
from hubblefork.core.path_options import check_options, split_options
from hubblefork.data.sources.array_files import NAMES_OF_CLASSES, Array, open_arrays_of
from hubblefork.data.sources.array_pixels import ArraySource, can_be_images, find_pixels
from hubblefork.data.sources.array_tables import is_column, labels_of, origins, read_columns
from hubblefork.data.sources.base import display_text
from hubblefork.data.sources.galaxy10 import recognise
from hubblefork.data.sources.vote_fractions import votes_of_length
from hubblefork.tasks.task import Task, Unlabelled

# Usual names of the two arrays; where several are possible, a name from here decides.
_IMAGES = frozenset({"images", "image", "pictures", "x", "data"})
_LABELS = frozenset({"labels", "label", "y", "ans", "target", "targets", "class", "classes",
                     "votes", "fractions"})  # fmt: skip


def open_arrays(text: str, labelled: bool = True) -> ArraySource:
    """Open an HDF5 or NumPy file of images and labels.

    Images are (N, H, W), (N, H, W, C) or (N, C, H, W); labels whole numbers, text, one-hot, or
    vote fractions. Arrays of N values called group, split, ra, dec, redshift and pxscale, and ids
    (see `data.sources.ids`), become columns. `notes` say by which rule numbers other than bytes
    became bytes.

    labelled: whether labels are needed; otherwise the task is Unlabelled where there are none.

    Raises RequestError where the file is damaged, where it is not clear which array is which, and
    where labels do not fit the images.

    >>> import numpy as np
    >>> np.savez(folder / "sky.npz", x=np.zeros((4, 8, 8, 3), "u1"), y=["a", "b", "a", "b"])
    >>> source = open_arrays(str(folder / "sky.npz"))
    >>> source.task, source.table["label"].tolist()
    (Classes(names=('a', 'b')), [0, 1, 0, 1])
    """
    file, options = split_options(text)
    path = Path(file).expanduser()
    alone = path.suffix.lower() == ".npy"
    check_options(options, [*["images"] * (not alone), "labels", "order", "classes", "id"], text)

    arrays = open_arrays_of(path, file)
    images = _find_images(arrays, options.get("images"), file)
    pixels, notes = find_pixels(images, options.get("order"), path)
    further = [each for each in arrays if each is not images and can_be_images(each)]
    if further:
        notes.append(f"The images are those of {images.key}; ignored: {first_few(further)}.")
    files = [path]
    if alone:
        given = {each: options[each] for each in ("labels", "classes", "id") if each in options}
        found = [] if "labels" in given or "classes" in given else siblings(path, [])
        files += [*found, *(siblings(path, list(given.values())) if given else [])]
        if found:
            listed = first_few(display_text(each.name) for each in found)
            notes.append(f"Found beside it: {listed}.")
        arrays += [array for each in files[1:] for array in open_arrays_of(each, str(each))]
        options |= {each: Path(value).name for each, value in given.items()}
    # Which subset an image belongs to is of no use without labels.
    others = [each for each in arrays if each is not images and (labelled or each.last != "split")]

    ids = _find_key(others, options["id"], file) if "id" in options else None
    others = [each for each in others if each is not ids]
    own = display_text(stem(path.name))
    table, about_ids = read_columns(others, images.shape[0], own, file, ids)
    try:
        task, labels, about_labels = _labels(others, options, table["id"], file)
        notes += about_labels
    except RequestError as error:
        if labelled:
            raise
        task, labels = Unlabelled(), pd.DataFrame(index=table.index)
        if others:
            notes.append(f"Read without labels ({error}).")
    table = pd.concat([table, labels], axis=1)
    if kind := recognise(arrays):
        notes.append(
            f"This is Galaxy10; {kind}:{display_text(file)} gives its classes their names."
        )
    notes += about_ids
    table["origin"] = origins(path, len(table))
    return ArraySource(text, task, table, notes, pixels, list(map(str, files)))


def _find_images(arrays: Sequence[Array], key: str | None, file: str) -> Array:
    """Return the array of images: the one of this key, or the one that is obvious."""
    shapes = "numbers of shape (N, H, W), (N, H, W, C) or (N, C, H, W)"
    if key is not None:
        images = _find_key(arrays, key, file)
        if not can_be_images(images):
            raise RequestError(f"{file}: {images} cannot be images; expected {shapes}")
        return images
    fitting = [each for each in arrays if can_be_images(each)]
    if not fitting:
        raise RequestError(f"{file} holds no images ({shapes}), but {_listed(arrays)}")
    if obvious := _obvious(fitting, _IMAGES):
        return obvious
    raise RequestError(
        f"{file} holds {_listed(arrays)}; which are the images, and which the labels? "
        f"Say {file}:images=KEY:labels=KEY"
    )


def _labels(
    arrays: Sequence[Array], options: Mapping[str, str], ids: pd.Series, file: str
) -> tuple[Task, pd.DataFrame, list[str]]:
    """Return the task and the columns of the labels, which `options` name or which are obvious,
    and notes on them."""
    if "labels" in options:
        labels = _find_key(arrays, options["labels"], file)
    else:
        labels = _find_labels(arrays, len(ids), file)
    if labels.shape[0] != len(ids):
        raise RequestError(f"{file}: {labels.shape[0]:,} labels, {labels}, for {len(ids):,} images")
    if "classes" in options:
        names = _names_in(_find_key(arrays, options["classes"], file))
    else:
        names = _find_names(arrays, labels)
    return labels_of(labels, names, ids)


def _find_labels(arrays: Sequence[Array], number: int, file: str) -> Array:
    """Return the array that is obviously the labels of this many images."""
    fitting = [each for each in arrays if _can_be_labels(each, number)]
    if obvious := _obvious(fitting, _LABELS):
        return obvious
    others = [each for each in arrays if each.last in _LABELS and each.shape[0] != number]
    if others and not fitting:
        raise RequestError(
            f"{file}: {others[0].shape[0]:,} labels, {others[0]}, for {number:,} images"
        )
    value = "FILE.npy" if file.lower().endswith(".npy") else "KEY"
    raise RequestError(
        f"{file}: which are the labels of its {number:,} images? Beside them it has "
        f"{_listed(arrays)}; say {file}:labels={value}"
    )


def _can_be_labels(array: Array, number: int) -> bool:
    if array.shape[0] != number or len(array.shape) > 2 or is_column(array.last):
        return False
    # Numbers with fractions, and rows of numbers, are labels only if they are called so.
    plain = len(array.shape) == 1 and array.dtype.kind in "biuSUO"
    votes = len(array.shape) == 2 and votes_of_length(array.shape[1]) is not None
    return plain or votes or not _LABELS.isdisjoint(re.findall("[a-z]+", array.last))


def _obvious(fitting: list[Array], names: frozenset[str]) -> Array | None:
    """The only array with a usual name, or the only one at all."""
    named = [each for each in fitting if each.last in names]
    return next((choice[0] for choice in (named, fitting) if len(choice) == 1), None)


def _find_key(arrays: Sequence[Array], key: str, file: str) -> Array:
    for each in arrays:
        if normalised(each.key) == normalised(key.strip("/")):
            return each
    raise RequestError(f"{file} has no array {key!r}; {nearest(key, [a.key for a in arrays])}")


def _find_names(arrays: Sequence[Array], labels: Array) -> list[str]:
    """Return the names of the classes, from the file's arrays or attributes, or nothing."""
    for word in NAMES_OF_CLASSES:
        for each in arrays:
            if each is not labels and each.last == word and len(each.shape) == 1 and each.is_text:
                return _names_in(each)
    return labels.class_names()


def _names_in(array: Array) -> list[str]:
    if len(array.shape) != 1 or not array.is_text:
        raise RequestError(f"{array.file}: {array} cannot be class names; expected text")
    return list(array.column())


def _listed(arrays: Sequence[Array]) -> str:
    return first_few(arrays, 8) or "nothing"


def siblings(path: Path, given: Sequence[str]) -> list[Path]:
    """Return the .npy files that the user has named, or those that are the labels of `path`.

    given: as the user wrote them: relative to the folder of `path`, or else to the current one.

    X_train.npy has y_train.npy, train_images.npy has train_labels.npy, a.npy has a_labels.npy;
    labels.npy and y.npy are the labels of any.
    """
    if given:
        nearby = [path.parent / Path(each).expanduser() for each in given]
        return [each if os.path.isfile(each) else Path(word).expanduser()
                for each, word in zip(nearby, given, strict=True)]  # fmt: skip
    own = stem(path.name).lower()
    names = {f"{own}_labels", f"{own}_y", "labels", "label", "y"}
    names.add(re.sub(r"(?<![a-z])x(?![a-z])", "y", own))
    names |= {re.sub("images?", word, own) for word in ("labels", "label")}
    return sorted(
        each
        for each in path.parent.glob("*.npy")
        if stem(each.name).lower() in names and each.name != path.name
    )
