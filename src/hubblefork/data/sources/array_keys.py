"""Which array of a file holds what: the user says it, or it is obvious; otherwise it is asked."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from hubblefork.core.errors import RequestError, first_few, nearest
from hubblefork.data.sources.array_files import NAMES_OF_CLASSES, Array, open_arrays_of
from hubblefork.data.sources.array_pixels import can_be_images
from hubblefork.data.sources.table_columns import as_text, check_ids, degrees, parts
from hubblefork.data.sources.vote_fractions import votes_of_length

# What people call the two arrays; where several could be meant, a name from here decides.
_IMAGES = frozenset({"images", "image", "pictures", "x", "data"})
_LABELS = frozenset({"labels", "label", "y", "ans", "target", "targets", "class", "classes",
                     "votes", "fractions"})  # fmt: skip

# Arrays with one value an image that become columns of the table.
_ID_NAMES = ("id", "ids", "id_str")
_TEXT = ("split", "group")
_DEGREES = {"ra": 360.0, "dec": 90.0}
_NUMBERS = ("redshift", "pxscale")
_COLUMNS = frozenset({*_ID_NAMES, *_TEXT, *_DEGREES, *_NUMBERS})


def find_images(arrays: Sequence[Array], key: str | None, file: str) -> Array:
    """Return the array of images: the one of this key, or the one that is obvious."""
    if key is not None:
        images = find_key(arrays, key, file)
        if not can_be_images(images):
            raise RequestError(
                f"{file}: {images} are no images; expected numbers of shape (N, H, W), "
                "(N, H, W, C) or (N, C, H, W)"
            )
        return images
    fitting = [each for each in arrays if can_be_images(each)]
    if not fitting:
        raise RequestError(
            f"{file} holds no images (numbers of shape (N, H, W), (N, H, W, C) or "
            f"(N, C, H, W)), but {_listed(arrays)}"
        )
    obvious = _obvious(fitting, _IMAGES)
    if obvious is None:
        raise RequestError(
            f"{file} holds {_listed(arrays)}; which are the images, and which the labels? "
            f"Say {file}:images=KEY:labels=KEY"
        )
    return obvious


def find_labels(arrays: Sequence[Array], number: int, file: str) -> Array:
    """Return the array that is obviously the labels of this many images."""
    fitting = [each for each in arrays if _can_be_labels(each, number)]
    labels = _obvious(fitting, _LABELS)
    if labels is not None:
        return labels
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


def find_key(arrays: Sequence[Array], key: str, file: str) -> Array:
    """Return the array of this key."""
    for each in arrays:
        if each.key == key.strip("/"):
            return each
    keys = [each.key for each in arrays]
    raise RequestError(f"{file} has no array {key!r}; {nearest(key, keys)}")


def find_names(arrays: Sequence[Array], labels: Array) -> list[str]:
    """Return the names of the classes, from the file's arrays or attributes, or nothing."""
    for word in NAMES_OF_CLASSES:
        for each in arrays:
            if each is not labels and each.last == word and len(each.shape) == 1 and each.is_text:
                return names_in(each)
    return labels.named_classes()


def names_in(array: Array) -> list[str]:
    """Return the names of the classes that an array holds."""
    if len(array.shape) != 1 or not array.is_text:
        raise RequestError(f"{array.file}: {array} are no names of classes; expected text")
    return list(as_text(array.column()))


def read_columns(arrays: Sequence[Array], number: int, stem: str, file: str) -> pd.DataFrame:
    """Return the table of this many images: id, and group, split, ra, dec and others if known.

    stem: how ids begin where the file has none.
    """
    known = {each.last: each for each in arrays if each.shape == (number,)}
    table = pd.DataFrame({"id": _ids(known, number, stem, file)}, dtype="str")
    for name in _TEXT:
        if name in known:
            words = as_text(known[name].column())
            table[name] = parts(words, file) if name == "split" else words
    for name, limit in _DEGREES.items():
        if name in known:
            table[name] = degrees(_numbers(known[name]), limit, file)
    for name in _NUMBERS:
        if name in known:
            table[name] = _numbers(known[name])
    return table


def siblings(path: Path, given: Sequence[str]) -> list[Path]:
    """Return the .npy files that the user has named, or those that are the labels of `path`.

    given: as the user wrote them: relative to the folder of `path`, or else to the current one.

    X_train.npy has y_train.npy, train_images.npy has train_labels.npy, a.npy has a_labels.npy;
    labels.npy and y.npy are the labels of any.
    """
    if given:
        beside = [path.parent / Path(each).expanduser() for each in given]
        return [each if each.is_file() else Path(word).expanduser()
                for each, word in zip(beside, given, strict=True)]  # fmt: skip
    stem = path.stem.lower()
    names = {f"{stem}_labels", f"{stem}_y", "labels", "label", "y"}
    names.add(re.sub(r"(?<![a-z])x(?![a-z])", "y", stem))
    names |= {re.sub("images?", word, stem) for word in ("labels", "label")}
    return sorted(
        each
        for each in path.parent.glob("*.npy")
        if each.stem.lower() in names and each.name != path.name
    )


def open_siblings(paths: Sequence[Path]) -> list[Array]:
    """List the arrays of several .npy files."""
    return [array for path in paths for array in open_arrays_of(path, str(path))]


def _can_be_labels(array: Array, number: int) -> bool:
    if array.shape[0] != number or len(array.shape) > 2 or array.last in _COLUMNS:
        return False
    # Numbers with fractions, and rows of numbers, are labels only if they are called so.
    plain = len(array.shape) == 1 and array.dtype.kind in "biuSUO"
    votes = len(array.shape) == 2 and votes_of_length(array.shape[1]) is not None
    return plain or votes or not _LABELS.isdisjoint(re.findall("[a-z]+", array.last))


def _obvious(fitting: list[Array], names: frozenset[str]) -> Array | None:
    """The only array of a well-known name, or the only one at all."""
    named = [each for each in fitting if each.last in names]
    for choice in (named, fitting):
        if len(choice) == 1:
            return choice[0]
    return None


def _ids(known: dict[str, Array], number: int, stem: str, file: str) -> list[str] | pd.Series:
    for name in _ID_NAMES:
        if name in known:
            ids = as_text(known[name].column())
            if ids.isna().any():
                raise RequestError(f"{file}: {ids.isna().sum():,} ids are empty")
            check_ids(ids, file)
            return ids
    digits = len(str(number - 1))
    return [f"{stem}-{row:0{digits}d}" for row in range(number)]


def _numbers(array: Array) -> pd.Series:
    if array.dtype.kind not in "iuf":
        raise RequestError(f"{array.file}: {array}; expected numbers")
    return array.column().astype(np.float64)


def _listed(arrays: Sequence[Array]) -> str:
    return first_few(arrays, 8) or "nothing"
