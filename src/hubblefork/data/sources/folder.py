"""A directory with one folder of images per class, or train/, val/ and test/ folders of such.

Without labels, any directory with images in it.
"""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from hubblefork.core.errors import RequestError, first_few
from hubblefork.core.folders import files_below, listing
from hubblefork.core.names import normalised, stem
from hubblefork.core.path_options import check_options
from hubblefork.data.folders import kinds, passed_over
from hubblefork.data.images.read import is_image_name
from hubblefork.data.sources.base import ImageFiles, display_text
from hubblefork.data.sources.class_labels import spelling_notes
from hubblefork.data.sources.companion_table import columns_beside
from hubblefork.data.sources.folder_layout import Folder, find_layout
from hubblefork.data.sources.ids import id_columns, one_each
from hubblefork.data.sources.table_columns import check_ids
from hubblefork.data.subsets import SUBSETS
from hubblefork.tasks.classes import Classes
from hubblefork.tasks.task import Task, Unlabelled

_LAYOUT = "expected one folder of images per class, as in {name}/spiral/1.jpg, {name}/edge_on/2.jpg"


def open_folder(
    path: Path,
    name: str,
    labelled: bool = True,
    options: Mapping[str, str] | None = None,
    hdu: str | None = None,
) -> ImageFiles:
    """Open a directory whose folders are the classes; classes are the folders' names, sorted.

    What its folders are is found by `data.sources.folder_layout`. Folders within a class folder
    are read too. Hidden files and folders are skipped. Files that are not images, and images
    outside the class folders, are ignored with a note. An id is the path relative to the
    directory, without its suffix where that is unique. The columns of a .csv table in the
    directory that names the images are joined to the table.

    labelled: whether classes are needed. Without, a directory without classes stands for every
        image below it, and the notes say why.
    options: `folders` may be `classes`: the folders are classes, whatever they are called and hold;
        `hdu` names the image to read of FITS files, else the parameter `hdu` does; `id` names a
        column of a table beside the images that has their ids.

    Raises RequestError where the directory has no images, no class folders or only one class,
    where a class has no image in train/, and where it is not clear which folders are the classes.
    """
    options = options or {}
    check_options(options, ("folders", "hdu", "id"), name)
    hdu = options.get("hdu", hdu)
    if options.get("folders", "classes") != "classes":
        raise RequestError(f"{name}: expected :folders=classes, not {options['folders']!r}")
    try:
        return _open_classes(path, name, options, hdu)
    except RequestError as error:
        if labelled:
            raise
        found = _Found()
        found.read_class(Folder.read(path, ""), "")
        if not found.files:
            raise
        found.remarks.append(f"Read without labels: {error}.")
    return _source(path, name, Unlabelled(), found, {}, hdu, options.get("id"))


def _open_classes(path: Path, name: str, options: Mapping[str, str], hdu: str | None) -> ImageFiles:
    layout = find_layout(path, name, "folders" in options)
    found = _Found(ignored=layout.ignored)
    for folder, label, subset in layout.classes:
        found.read_class(folder, label, subset)
    names = sorted(set(found.labels))
    if len(names) < 2:
        _refuse_without_classes(path, name, names)
    number = {label: index for index, label in enumerate(names)}
    known: dict[str, Sequence] = {"label": [number[label] for label in found.labels]}
    if any(found.subsets):
        known["split"] = found.subsets
        found.remarks += _lacking(found, names, name)
    found.remarks += spelling_notes(found.spellings)
    return _source(path, name, Classes(tuple(names)), found, known, hdu, options.get("id"))


def _lacking(found: "_Found", names: Sequence[str], name: str) -> list[str]:
    """Return notes on classes that a subset lacks; RequestError where that is train."""
    has: dict[str, set[str]] = {}
    for label, subset in zip(found.labels, found.subsets, strict=True):
        has.setdefault(subset or "", set()).add(label)
    notes = []
    for subset in [each for each in SUBSETS if each in has]:
        missing = [label for label in names if label not in has[subset]]
        if missing and subset == "train":
            raise RequestError(
                f"{name}: no image of class {first_few(map(repr, missing))} in train/; "
                "every class needs images to learn from"
            )
        if missing:
            notes.append(f"No image of class {first_few(map(repr, missing))} in {subset}/.")
    return notes


def _source(
    path: Path,
    name: str,
    task: Task,
    found: "_Found",
    known: dict[str, Sequence],
    hdu: str | None,
    id_column: str | None,
) -> ImageFiles:
    """Return the source, with the columns of tables beside the images."""
    origins = [display_text(Path(file).as_posix()) for file in found.files]
    table = pd.DataFrame({"id": _ids(found.files), **known, "origin": origins})
    here = [each for each in found.ignored if os.sep not in each]
    for file in [each for each in here if each.lower().endswith((".csv", ".tsv"))]:
        columns_and_note = columns_beside(path / file, found.files, name)
        if columns_and_note is not None:
            columns, note = columns_and_note
            if id_column and normalised(id_column) in columns:
                ids = columns[normalised(id_column)]
                check_ids(ids, f"{name}: {file}")
                table["id"], id_column = ids, None
                note += f" Ids are those of its column {ids.name}."
            elif other := id_columns(columns):
                note += f" Images are identified by their paths; :id={other[0]} takes its ids."
            table = table.join(columns[columns.columns.difference(table.columns, sort=False)])
            found.ignored.remove(file)
            found.remarks.append(note)
    if id_column:
        raise RequestError(
            f"{name}: no table beside the folders has a column {id_column!r} of ids and names the "
            "images"
        )
    paths = [os.path.join(path, file) for file in found.files]
    return ImageFiles(name, task, table, paths, found.notes(), hdu)


@dataclass
class _Found:
    """What was found so far: the file, class and subset of each image; notes; what was ignored.

    Files are paths relative to the directory; spellings, the names of the class folders.
    """

    files: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    subsets: list[str | None] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    spellings: set[str] = field(default_factory=set)
    ignored: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)

    def read_class(self, folder: Folder, label: str, subset: str | None = None) -> None:
        """Add the images in one class folder and the folders within it."""
        self.files += folder.images
        self.ignored += [file for file in folder.files if not is_image_name(file)]
        written = display_text(label)
        self.labels += [normalised(written) or written] * len(folder.images)
        self.spellings |= {written} if folder.images else set()
        self.subsets += [subset] * len(folder.images)
        if not folder.images:
            self.empty.append(folder.path + (f" ({kinds(folder.files)})" if folder.files else ""))

    def notes(self) -> list[str]:
        """Notes on the tables that were joined and on what was ignored."""
        notes = [*self.remarks]
        if self.ignored:
            what = "file or folder was" if len(self.ignored) == 1 else "files or folders were"
            shown = first_few(map(display_text, self.ignored))
            if len(self.ignored) > 3:
                shown += f" ({kinds(self.ignored)})"
            notes.append(
                f"{len(self.ignored):,} {what} ignored, not being images of a class: {shown}."
            )
        if self.empty:
            shown = first_few(map(display_text, self.empty))
            notes.append(f"Folders without images were ignored: {shown}.")
        return notes


def _ids(files: list[str]) -> pd.Series:
    """Return each path without its suffix, or with it where it would not be unique.

    m31.fits.gz keeps its suffixes beside m31.fits.
    """
    names = [normalised(display_text(Path(each).as_posix())) for each in files]
    bare = [normalised(stem(name)) for name in names]
    # A stem that several files share, or that is itself a file, is not unique.
    count = Counter(bare) + Counter(names)
    ids = [each if count[each] == 1 else name for each, name in zip(bare, names, strict=True)]
    # Two files may differ only in how accents are coded.
    return one_each(pd.Series(ids, dtype="str"))


def _refuse_without_classes(path: Path, name: str, classes: Sequence[str]) -> None:
    """Refuse a directory with one class or none; what was passed over may be the reason."""
    layout = _LAYOUT.format(name=name.rstrip("/\\"))
    others = passed_over(path)
    folders, files = listing(path)
    catalogues = [file for file in files if file.lower().endswith((".csv", ".parquet"))]
    hint = f"; if {catalogues[0]} is its catalogue, give that file" if catalogues else ""
    if classes:
        inner = [each.name for folder in folders for each in Folder.read(path, folder).classes]
        if len(inner) > 1:
            hint = f"; if {first_few(inner)} are the classes, give {name}/{folders[0]}"
        raise RequestError(
            f"{name} has only one class, {classes[0]!r}; two or more class folders are needed"
            f"{others}{hint}"
        )
    images = sum(map(is_image_name, files_below(path)))
    if images:
        raise RequestError(
            f"{name} has {images:,} images but no class folders; {layout}{others}{hint}"
        )
    raise RequestError(f"{name} holds no images; {layout}{others}")
