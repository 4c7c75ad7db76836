"""Arrays of images as a source: `FILE.h5`, `FILE.npz` or `FILE.npy`, with keys of any names.

FILE.npz                                        where it is obvious what is what
FILE.h5:images=train/x:labels=train/y           the keys of images and labels
FILE.npz:order=CHW:classes=KEY                  bands come first; the names of the classes
X.npy:labels=y.npy                              an .npy file holds one array
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from hubblefork.core.errors import RequestError, first_few
from hubblefork.data.sources.array_files import SUFFIXES, Array, open_arrays_of
from hubblefork.data.sources.array_keys import (
    find_images,
    find_key,
    find_labels,
    find_names,
    names_in,
    open_siblings,
    read_columns,
    siblings,
)
from hubblefork.data.sources.array_labels import read_labels
from hubblefork.data.sources.array_pixels import can_be_images, find_pixels
from hubblefork.data.sources.array_source import ArraySource
from hubblefork.data.sources.base import display_text
from hubblefork.data.sources.galaxy10 import recognise
from hubblefork.data.sources.path_options import check_options, split_options
from hubblefork.tasks.task import Task, Unlabelled


def is_array_name(text: str) -> bool:
    """Whether `text` names a file of arrays, with or without options.

    >>> is_array_name("sky.h5"), is_array_name("sky.npz:images=x"), is_array_name("sky.csv")
    (True, True, False)
    """
    return split_options(text)[0].lower().endswith(SUFFIXES)


def open_arrays(text: str, labelled: bool = True) -> ArraySource:
    """Open an HDF5 or NumPy file of images and labels (see the head of this file).

    Images are (N, H, W), (N, H, W, C) or (N, C, H, W); labels whole numbers, text, one-hot, or
    37 vote fractions. Arrays of N values called id, group, split, ra, dec, redshift and pxscale
    become columns. `notes` say by which rule numbers other than bytes became bytes.

    labelled: whether labels are needed; otherwise the task is Unlabelled where none can be used.

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
    check_options(options, [*["images"] * (not alone), "labels", "order", "classes"], text)

    arrays = open_arrays_of(path, file)
    images = find_images(arrays, options.get("images"), file)
    pixels, notes = find_pixels(images, options.get("order"), path)
    further = [each for each in arrays if each is not images and can_be_images(each)]
    if further:
        notes.append(f"Images are those of {images.key}; passed over: {first_few(further)}.")
    files = [path]
    if alone:
        given = {each: options[each] for each in ("labels", "classes") if each in options}
        files += siblings(path, list(given.values()))
        if len(files) > 1 and not given:
            found = first_few(display_text(each.name) for each in files[1:])
            notes.append(f"Found beside it: {found}.")
        arrays += open_siblings(files[1:])
        options |= {each: Path(value).name for each, value in given.items()}
    # Which part an image is of is of no use without labels.
    beside = [each for each in arrays if each is not images and (labelled or each.last != "split")]

    number = images.shape[0]
    table = read_columns(beside, number, display_text(path.stem), file)
    try:
        task, labels = _labels(beside, options, table["id"], file)
    except RequestError as error:
        if labelled:
            raise
        task, labels = Unlabelled(), pd.DataFrame(index=table.index)
        if beside:
            notes.append(f"Read without labels ({error}).")
    table = pd.concat([table, labels], axis=1)
    if kind := recognise(arrays):
        notes.append(
            f"This is Galaxy10; {kind}:{display_text(file)} gives its classes their names."
        )
    where = display_text(path.name)
    table["origin"] = [f"{where} row {row}" for row in range(number)]
    return ArraySource(text, task, table, notes, pixels, files)


def _labels(
    arrays: Sequence[Array], options: Mapping[str, str], ids: pd.Series, file: str
) -> tuple[Task, pd.DataFrame]:
    """Return the task and the columns of the labels, which `options` name or which are obvious."""
    if "labels" in options:
        labels = find_key(arrays, options["labels"], file)
    else:
        labels = find_labels(arrays, len(ids), file)
    if labels.shape[0] != len(ids):
        raise RequestError(f"{file}: {labels.shape[0]:,} labels, {labels}, for {len(ids):,} images")
    if "classes" in options:
        names = names_in(find_key(arrays, options["classes"], file))
    else:
        names = find_names(arrays, labels)
    task, columns = read_labels(labels, names, ids)
    if task.exclusive and len(task.names) < 2:
        raise RequestError(f"{file} has only one class, {task.names[0]!r}; two or more are needed")
    return task, columns
