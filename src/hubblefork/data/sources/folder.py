"""A directory with one folder of images a class, or train/, val/ and test/ folders of such.

Without labels, any directory with images in it.
"""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from hubblefork.core.errors import RequestError, first_few
from hubblefork.data.folders import files_below, listing
from hubblefork.data.images.read import is_image_name
from hubblefork.data.sources.base import ImageFiles, display_text
from hubblefork.data.sources.companion_table import columns_beside
from hubblefork.data.subsets import SUBSET_WORDS
from hubblefork.tasks.classes import Classes
from hubblefork.tasks.task import Task, Unlabelled

_LAYOUT = "expected one folder of images a class, as in {name}/spiral/1.jpg, {name}/edge_on/2.jpg"


def open_folder(path: Path, name: str, labelled: bool = True) -> ImageFiles:
    """Open a directory whose folders are the classes; classes are the folders' names, sorted.

    Folders within a class folder are read too. Hidden files and folders are skipped. Files that
    are not images, and images outside the class folders, are ignored with a note. An id is the
    path relative to the directory, without its suffix where that is unique. The columns of a .csv
    table in the directory that names the images are joined to the table.

    labelled: whether classes are needed. Without, a directory without classes stands for every
        image below it, and the notes say why.

    Raises RequestError where the directory has no images, no class folders or only one class, or
    where a class has no image in train/.
    """
    try:
        return _open_classes(path, name)
    except RequestError as error:
        if labelled:
            raise
        found = _Found()
        found.read_class(path, "")
        if not found.files:
            raise
        found.remarks.append(f"Read without labels: {error}.")
    return _source(path, name, Unlabelled(), found, {})


def _open_classes(path: Path, name: str) -> ImageFiles:
    found = _Found()
    folders, others = listing(path)
    found.ignored += others
    subsets = _subsets(folders, name)
    for folder in folders:
        if subsets is None:
            found.read_class(path, folder)
        elif folder in subsets:
            classes, files = listing(path / folder)
            found.ignored += [os.path.join(folder, each) for each in files]
            for each in classes:
                found.read_class(path, os.path.join(folder, each), subsets[folder])
        else:
            found.ignored.append(folder + os.sep)
    if not found.files:
        _refuse_without_classes(name, others)

    names = sorted(set(found.labels))
    if subsets is not None:
        in_train = {label for label, subset in zip(found.labels, found.subsets, strict=True)
                    if subset == "train"}  # fmt: skip
        missing = [label for label in names if label not in in_train]
        if missing:
            raise RequestError(
                f"{name}: no image of class {first_few(map(repr, missing))} in train/; "
                "every class needs images to learn from"
            )
    if len(names) < 2:
        catalogues = [file for file in others if file.lower().endswith((".csv", ".parquet"))]
        hint = f"; if {catalogues[0]} is its catalogue, give that file" if catalogues else ""
        raise RequestError(
            f"{name} has only one class, {names[0]!r}; two or more class folders are needed{hint}"
        )
    number = {label: index for index, label in enumerate(names)}
    known: dict[str, Sequence] = {"label": [number[label] for label in found.labels]}
    if subsets is not None:
        known["split"] = found.subsets
    return _source(path, name, Classes(tuple(names)), found, known)


def _source(
    path: Path, name: str, task: Task, found: "_Found", known: dict[str, Sequence]
) -> ImageFiles:
    """Return the source, with the columns of tables beside the images."""
    origins = [display_text(Path(file).as_posix()) for file in found.files]
    table = pd.DataFrame({"id": _ids(found.files), **known, "origin": origins})
    here = [each for each in found.ignored if os.sep not in each]
    for file in [each for each in here if each.lower().endswith(".csv")]:
        columns_and_note = columns_beside(path / file, found.files, name)
        if columns_and_note is not None:
            columns, note = columns_and_note
            table = table.join(columns[columns.columns.difference(table.columns, sort=False)])
            found.ignored.remove(file)
            found.remarks.append(note)
    paths = [os.path.join(path, file) for file in found.files]
    return ImageFiles(name, task, table, paths, found.notes())


def _subsets(folders: list[str], name: str) -> dict[str, str] | None:
    """Return the subset that each folder stands for; None where the folders are classes.

    A class may be called "test", so the folders are subsets only if one of them is train, with
    another subset or nothing else beside it.
    """
    subsets = {each: SUBSET_WORDS[each.lower()] for each in folders if each.lower() in SUBSET_WORDS}
    known = set(subsets.values())
    if "train" in known and (len(known) > 1 or len(folders) == 1):
        return subsets
    if folders and len(subsets) == len(folders):
        raise RequestError(
            f"{name} has {first_few(folders)} but no train folder; "
            "expected train/, and val/ or test/ beside it, each with one folder a class"
        )
    return None


@dataclass
class _Found:
    """What was found so far: the file, class and subset of each image; notes; what was ignored.

    Files are paths relative to the directory.
    """

    files: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    subsets: list[str | None] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)

    def read_class(self, root: Path, folder: str, subset: str | None = None) -> None:
        """Add the images in one class folder and the folders within it."""
        before = len(self.files)
        for file in files_below(root, folder):
            (self.files if is_image_name(file) else self.ignored).append(file)
        number = len(self.files) - before
        self.labels += [display_text(os.path.basename(folder))] * number
        self.subsets += [subset] * number
        if not number:
            self.empty.append(folder)

    def notes(self) -> list[str]:
        """Notes on the tables that were joined and on what was ignored."""
        notes = [*self.remarks]
        if self.ignored:
            what = "file or folder was" if len(self.ignored) == 1 else "files or folders were"
            notes.append(
                f"{len(self.ignored):,} {what} ignored, not being images of a class: "
                f"{first_few(map(display_text, self.ignored))}."
            )
        if self.empty:
            shown = first_few(map(display_text, self.empty))
            notes.append(f"Folders without images were ignored: {shown}.")
        return notes


def _ids(files: list[str]) -> list[str]:
    """Return each path without its suffix, or with it where it would not be unique.

    m31.fits.gz keeps its suffix beside m31.fits.
    """
    bare = [os.path.splitext(file)[0] for file in files]
    # A stem that several files share, or that is itself a file, is not unique.
    count = Counter(bare) + Counter(files)
    ids = [stem if count[stem] == 1 else file for stem, file in zip(bare, files, strict=True)]
    return [display_text(Path(each).as_posix()) for each in ids]


def _refuse_without_classes(name: str, files: list[str]) -> None:
    layout = _LAYOUT.format(name=name.rstrip("/\\"))
    images = sum(map(is_image_name, files))
    if images:
        raise RequestError(f"{name} has {images:,} images but no class folders; {layout}")
    raise RequestError(f"{name} holds no images; {layout}")
