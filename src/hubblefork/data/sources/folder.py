"""A directory with one folder of pictures a class, or train/, val/ and test/ folders of such."""

import os
from collections import Counter
from collections.abc import Iterator
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
    folders, loose = _listing(path)
    parts = {folder: PART_WORDS.get(folder.lower()) for folder in folders}
    found_parts = {part for part in parts.values() if part}
    # One class may be called "test"; `train` beside `val` or `test`, or alone, is a split.
    has_parts = "train" in found_parts and (len(found_parts) > 1 or len(folders) == 1)
    if found_parts and found_parts == set(parts.values()) and not has_parts:
        raise RequestError(
            f"{name} has {first_few(folders)} but no train folder; "
            "expected train/, and val/ or test/ beside it, each with one folder a class"
        )

    rows: list[tuple[str, str, str | None]] = []  # relative path, class, part
    ignored = list(loose)
    empty: list[str] = []
    for folder in folders:
        part = parts[folder] if has_parts else None
        if has_parts and part is None:
            ignored.append(f"{folder}/")
            continue
        classes = [folder]
        if part is not None:
            names, loose_in_part = _listing(path / folder)
            classes = [os.path.join(folder, each) for each in names]
            ignored += [os.path.join(folder, each) for each in loose_in_part]
        for each in classes:
            files = list(_files_below(path, each))
            pictures = [file for file in files if is_picture_name(file)]
            ignored += [file for file in files if not is_picture_name(file)]
            rows += [(file, os.path.basename(each), part) for file in pictures]
            if not pictures:
                empty.append(each)

    if not rows:
        _complain_of_no_classes(name, loose)
    labels = sorted({display_text(label) for _, label, _ in rows})
    task = Classes(tuple(labels))
    files = [file for file, _, _ in rows]
    table = pd.DataFrame(
        {
            "id": _ids(files),
            "label": [labels.index(display_text(label)) for _, label, _ in rows],
            "origin": [display_text(Path(file).as_posix()) for file in files],
        }
    )
    if has_parts:
        table["split"] = [part for _, _, part in rows]
        in_train = set(table["label"][table["split"] == "train"])
        missing = [label for index, label in enumerate(labels) if index not in in_train]
        if missing:
            raise RequestError(
                f"{name}: no picture of class {first_few(map(repr, missing))} in train/; "
                "every class needs pictures to learn from"
            )
    if len(labels) < 2:
        catalogues = [file for file in loose if file.lower().endswith((".csv", ".parquet"))]
        hint = f"; if {catalogues[0]} is its catalogue, give that file" if catalogues else ""
        raise RequestError(
            f"{name} has only one class, {labels[0]!r}; two or more class folders are needed{hint}"
        )

    notes = []
    if ignored:
        what = "file or folder was" if len(ignored) == 1 else "files or folders were"
        notes.append(
            f"{len(ignored):,} {what} ignored as no picture of a class: "
            f"{first_few(map(display_text, ignored))}."
        )
    if empty:
        notes.append(f"Folders without pictures were ignored: {first_few(empty)}.")
    return PictureFiles(name, task, table, [os.path.join(path, file) for file in files], notes)


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
