"""A directory with one folder of pictures a class, or train/, val/ and test/ folders of such."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from hubblefork.data.pictures import is_picture_name
from hubblefork.data.sources.base import PART_WORDS, PictureFiles, display_text
from hubblefork.data.task import Classes
from hubblefork.errors import RequestError, first_few

_LAYOUT = "expected one folder of pictures a class, as in {name}/spiral/1.jpg, {name}/edge_on/2.jpg"


def open_folder(path: Path, name: str) -> PictureFiles:
    """Open a directory whose folders are the classes; classes are the folders' names, sorted.

    Folders within a class folder are read too. Hidden files and folders are skipped. Files that
    are no pictures, and pictures outside the class folders, are ignored and named in the notes.
    An id is the path relative to the directory, without its suffix where that is unique.

    Raises RequestError where the directory is empty, has no class folders or only one class, or
    where a class has no picture in train/.
    """
    found = _Found()
    folders, found.ignored = _listing(path)
    loose = list(found.ignored)
    parts = _parts(folders, name)
    for folder in folders:
        if parts is None:
            found.read_class(path, folder)
        elif folder in parts:
            classes, beside = _listing(path / folder)
            found.ignored += [os.path.join(folder, each) for each in beside]
            for each in classes:
                found.read_class(path, os.path.join(folder, each), parts[folder])
        else:
            found.ignored.append(folder + os.sep)
    if not found.files:
        _complain_of_no_classes(name, loose)

    names = sorted(set(found.labels))
    number = {label: index for index, label in enumerate(names)}
    table = pd.DataFrame(
        {
            "id": _ids(found.files),
            "label": [number[label] for label in found.labels],
            "origin": [display_text(Path(file).as_posix()) for file in found.files],
        }
    )
    if parts is not None:
        table["split"] = found.parts
        in_train = set(table["label"][table["split"] == "train"])
        missing = [label for index, label in enumerate(names) if index not in in_train]
        if missing:
            raise RequestError(
                f"{name}: no picture of class {first_few(map(repr, missing))} in train/; "
                "every class needs pictures to learn from"
            )
    if len(names) < 2:
        catalogues = [file for file in loose if file.lower().endswith((".csv", ".parquet"))]
        hint = f"; if {catalogues[0]} is its catalogue, give that file" if catalogues else ""
        raise RequestError(
            f"{name} has only one class, {names[0]!r}; two or more class folders are needed{hint}"
        )
    paths = [os.path.join(path, file) for file in found.files]
    return PictureFiles(name, Classes(tuple(names)), table, paths, found.notes())


def _parts(folders: list[str], name: str) -> dict[str, str] | None:
    """Return the part that each folder stands for; None where the folders are classes.

    A class may be called "test", so the folders are parts only if train is one of them, and
    another part beside it or nothing else.
    """
    parts = {each: PART_WORDS[each.lower()] for each in folders if each.lower() in PART_WORDS}
    known = set(parts.values())
    if "train" in known and (len(known) > 1 or len(folders) == 1):
        return parts
    if folders and len(parts) == len(folders):
        raise RequestError(
            f"{name} has {first_few(folders)} but no train folder; "
            "expected train/, and val/ or test/ beside it, each with one folder a class"
        )
    return None


@dataclass
class _Found:
    """What was found so far: for each picture its file, class and part, and what was ignored.

    Files are paths relative to the directory.
    """

    files: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    parts: list[str | None] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)

    def read_class(self, root: Path, folder: str, part: str | None = None) -> None:
        """Take the pictures in one class folder and the folders within it."""
        before = len(self.files)
        for file in _files_below(root, folder):
            (self.files if is_picture_name(file) else self.ignored).append(file)
        number = len(self.files) - before
        self.labels += [display_text(os.path.basename(folder))] * number
        self.parts += [part] * number
        if not number:
            self.empty.append(folder)

    def notes(self) -> list[str]:
        """Say in plain sentences what was ignored."""
        notes = []
        if self.ignored:
            what = "file or folder was" if len(self.ignored) == 1 else "files or folders were"
            notes.append(
                f"{len(self.ignored):,} {what} ignored as no picture of a class: "
                f"{first_few(map(display_text, self.ignored))}."
            )
        if self.empty:
            shown = first_few(map(display_text, self.empty))
            notes.append(f"Folders without pictures were ignored: {shown}.")
        return notes


def _listing(path: Path) -> tuple[list[str], list[str]]:
    """Return the names of the folders and of the files in `path`, sorted, without hidden ones."""
    folders, files = [], []
    for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
        if not entry.name.startswith("."):
            (folders if entry.is_dir() else files).append(entry.name)
    return folders, files


def _files_below(root: Path, folder: str, above: frozenset[str] = frozenset()) -> Iterator[str]:
    """Give the path, relative to `root`, of every file in `folder` and the folders within it."""
    above = above or frozenset({os.path.realpath(root)})
    real = os.path.realpath(os.path.join(root, folder))
    if real in above:  # a link that leads back to a folder it lies in
        return
    folders, files = _listing(root / folder)
    for file in files:
        yield os.path.join(folder, file)
    for each in folders:
        yield from _files_below(root, os.path.join(folder, each), above | {real})


def _ids(files: list[str]) -> list[str]:
    """Return each path without its suffix, or with it where two paths differ in nothing else."""
    bare = [os.path.splitext(file)[0] for file in files]
    count = Counter(bare)
    ids = [stem if count[stem] == 1 else file for stem, file in zip(bare, files, strict=True)]
    return [display_text(Path(each).as_posix()) for each in ids]


def _complain_of_no_classes(name: str, loose: list[str]) -> None:
    layout = _LAYOUT.format(name=name.rstrip("/\\"))
    pictures = sum(map(is_picture_name, loose))
    if pictures:
        raise RequestError(f"{name} has {pictures:,} pictures but no class folders; {layout}")
    raise RequestError(f"{name} holds no pictures; {layout}")
