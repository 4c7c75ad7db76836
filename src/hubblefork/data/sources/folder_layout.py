"""Which folders of a directory are its classes, and which the subsets of its split.

    spiral/1.jpg                  a folder per class
    train/spiral/1.jpg            a folder a subset (seg_train, TestImages, dev...) of classes
    seg_train/seg_train/spiral/   as archives unpack: a subset in a folder of its own name
    spiral/train/1.jpg            a folder per class, with its subsets in it

Names decide where they say train and another subset. Where they say nothing, but the folders hold
no images of their own, and mostly the same folders, either level could be the classes: that is
refused, and `DIR:folders=classes` says that it is the outer one.
"""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from hubblefork.core.errors import RequestError, first_few
from hubblefork.core.folders import files_below, listing
from hubblefork.data.images.read import is_image_name
from hubblefork.data.subsets import SUBSET_WORDS, subset_of

# A folder with no more than this fraction of its images in itself, and not in folders, has none of
# its own, but a cover or an overview.
_STRAY = 0.1


@dataclass(frozen=True)
class Folder:
    """A folder, with the files in it and in the folders within it.

    Paths are relative to the directory `root`.
    """

    root: Path
    path: str
    files: list[str]

    @classmethod
    def read(cls, root: Path, path: str) -> "Folder":
        return cls(root, path, list(files_below(root, path)))

    @property
    def name(self) -> str:
        return os.path.basename(self.path)

    @cached_property
    def images(self) -> list[str]:
        return [file for file in self.files if is_image_name(file)]

    @cached_property
    def own(self) -> list[str]:
        """The files in the folder itself."""
        return [file for file in self.files if os.path.dirname(file) == self.path]

    @cached_property
    def inner(self) -> list["Folder"]:
        """The folders in the folder itself."""
        files: dict[str, list[str]] = {each: [] for each in listing(self.root / self.path)[0]}
        depth = len(self.path) + 1
        for file in self.files:
            name, is_deeper, _ = file[depth:].partition(os.sep)
            if is_deeper:
                files[name].append(file)
        return [Folder(self.root, os.path.join(self.path, each), files[each]) for each in files]

    @property
    def classes(self) -> list["Folder"]:
        """The folders in it that could be classes; none where it has images of its own."""
        if sum(map(is_image_name, self.own)) > _STRAY * len(self.images):
            return []
        return [each for each in self.inner if each.images]


@dataclass
class Layout:
    """What the folders of a directory are.

    classes: folder, class and subset, if any, of each class folder.
    ignored: files and folders (with a separator at the end) that belong to no class.
    """

    classes: list[tuple[Folder, str, str | None]] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def unwrapped(self, folder: Folder) -> Folder:
        """Return the folder within, where one holds only one of its own name or subset."""
        while len(folder.classes) == 1:
            inner = folder.classes[0]
            subset = subset_of(folder.name)
            same = inner.name == folder.name or (subset and subset_of(inner.name) == subset)
            if not same or not inner.classes:
                break
            self.ignored += folder.own
            folder = inner
        return folder

    def add_subsets(self, subsets: dict[str, str], folders: Sequence[Folder]) -> None:
        """Add the class folders of the folders that are subsets, by path."""
        for folder in folders:
            if folder.path in subsets:
                self.ignored += folder.own
                found = [(each, each.name, subsets[folder.path]) for each in folder.inner]
                self.classes += found
            else:
                self.ignored.append(folder.path + os.sep)


def find_layout(root: Path, name: str, as_classes: bool = False) -> Layout:
    """Find out what the folders in a directory are.

    name: the source, as the user gave it.
    as_classes: whether its folders are classes in any case.

    Raises RequestError where the subsets have no train, or where it is not clear what is meant.
    """
    names, files = listing(root)
    layout = Layout(ignored=files)
    folders = [layout.unwrapped(Folder.read(root, each)) for each in names]
    if not as_classes:
        full = [each for each in folders if each.images]
        if len(full) == 1 and not _subsets(folders):
            # An archive that was unpacked into a folder of its own.
            inner = [layout.unwrapped(each) for each in full[0].inner]
            if _subsets(inner):
                layout.ignored += full[0].own
                folders = inner
        if subsets := _subsets(folders):
            layout.add_subsets(subsets, folders)
            return layout
        if transposed := _classes_of_subsets(full):
            layout.classes = transposed
            layout.ignored += [file for each in full for file in each.own]
            return layout
        _refuse_unclear(folders, full, name)
    layout.classes = [(each, each.name, None) for each in folders]
    return layout


def _subsets(folders: Sequence[Folder]) -> dict[str, str]:
    """Return the subset of each folder that is one, by its path; nothing where they are classes.

    A class may be called "test", so they are subsets only if one of them is train, with another
    subset or nothing else beside it. Names that only hold such a word, as "train station" does,
    need more: all folders with images have them, or those that have hold the same folders.
    """
    exact = {each.path: SUBSET_WORDS.get(each.name.lower()) for each in folders}
    loose = {each.path: subset_of(each.name) for each in folders}
    full = [each for each in folders if each.images]
    named = [each for each in full if loose[each.path]]
    if not _tell_a_split(exact):
        unclear = len(named) < len(full) and not _alike(named)
        if unclear or not _tell_a_split({each.path: loose[each.path] for each in full}):
            return {}
    return {path: subset for path, subset in loose.items() if subset}


def _tell_a_split(subsets: dict[str, str | None]) -> bool:
    found = set(subsets.values()) - {None}
    return "train" in found and (len(found) > 1 or len(subsets) == 1)


def _alike(folders: Sequence[Folder]) -> bool:
    """Whether folders hold no images of their own, but mostly the same folders with images."""
    count = Counter(each.name for folder in folders for each in folder.classes)
    shared = sum(number > 1 or len(folders) == 1 for number in count.values())
    # With one folder in each, such as raw/, only the outer ones can be classes.
    return all(each.classes for each in folders) and len(count) > 1 and 2 * shared >= len(count)


def _classes_of_subsets(folders: Sequence[Folder]) -> list[tuple[Folder, str, str | None]]:
    """Return the class folders where each class has folders that are called as subsets."""
    found: list[tuple[Folder, str, str | None]] = [
        (each, folder.name, subset_of(each.name)) for folder in folders for each in folder.classes
    ]
    subsets = {subset for _, _, subset in found}
    clear = None not in subsets and "train" in subsets and len(subsets) > 1
    return found if clear and all(each.classes for each in folders) else []


def _refuse_unclear(folders: Sequence[Folder], full: Sequence[Folder], name: str) -> None:
    names = first_few(each.path for each in folders)
    exact = [each for each in folders if each.name.lower() in SUBSET_WORDS]
    named = [each for each in full if subset_of(each.name)]
    if folders and (len(exact) == len(folders) or (len(named) == len(full) > 0 and _alike(full))):
        raise RequestError(
            f"{name} has {names} but no train folder; "
            "expected train/, and val/ or test/ beside it, each with one folder per class"
        )
    if len(full) > 1 and _alike(full):
        inner = first_few(sorted({each.name for folder in full for each in folder.classes}))
        raise RequestError(
            f"{name}: {first_few(each.path for each in full)} hold the same folders, {inner}; if "
            f"those are the classes, call the outer ones train, val and test; if the outer ones "
            f"are, say {name}:folders=classes"
        )
