"""Which members of tars belong to one sample, and where its images lie, by WebDataset's rule.

The key of a member is its path up to the first dot of its file name; members of one tar with one
key are a sample (https://github.com/webdataset/webdataset).
"""

import os
import re
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from hubblefork.core.errors import RequestError, first_few, nearest
from hubblefork.core.names import normalised, stem
from hubblefork.core.parsing import TooLarge
from hubblefork.core.progress import progress
from hubblefork.data.companions import bands_in_order
from hubblefork.data.folders import kinds
from hubblefork.data.images.decoded import FilePart
from hubblefork.data.images.read import FITS_SUFFIXES, is_image_name
from hubblefork.data.sources.base import display_text
from hubblefork.data.sources.sample_columns import MOST_BYTES, SampleColumns, is_column
from hubblefork.data.sources.tar_members import Member, regular_members

_KEY = re.compile(r"((?:.*/)?[^/.]+)\.([^/]+)", re.DOTALL)


class TarIndex:
    """The samples of some tars: N of them with M image files, each of which takes some 40 bytes.

    name: the source, as the user gave it. shards: the absolute paths of the tars.
    keys: (N,) of the samples. suffixes: of image files, in lower case.
    columns: what stands beside the images.

    Raises RequestError where a tar is damaged, or has two members of one name.
    """

    def __init__(self, name: str, shards: Sequence[str]) -> None:
        self.name, self.shards = name, shards
        self.keys: list[str] = []
        self.suffixes: list[str] = []
        size = sum(map(os.path.getsize, shards))
        self.columns = SampleColumns(size)
        self._shards = array("l")
        self._images = array("q")
        self._links: list[str] = []
        self._others: list[str] = []
        with progress(f"reading the headers of {name}", size, "bytes") as done:
            for number, shard in enumerate(shards):
                self._read(number, Path(shard), done)
        # Row, suffix, offset and size of each image file.
        self._image = np.frombuffer(self._images, np.int64).reshape(-1, 4)

    def _read(self, number: int, shard: Path, done: Callable[[int], None]) -> None:
        rows: dict[str, int] = {}
        end = 0
        seen: set[tuple[int, str]] = set()
        with open(shard, "rb") as file:
            for member in regular_members(shard, self._links):
                done(member.offset + member.size - end)
                end = member.offset + member.size
                found = _KEY.fullmatch(member.name)
                suffix = found[2].lower() if found else ""
                is_image = is_image_name(f"x.{suffix}")
                if not found or (not is_image and not _is_column(suffix, member)):
                    self._others.append(member.name)
                    continue
                row = rows.setdefault(found[1], len(self.keys))
                if row == len(self.keys):
                    self.keys.append(display_text(found[1]))
                    self._shards.append(number)
                if (row, suffix) in seen:
                    raise RequestError(f"{shard}: two of its members are called {member.name}")
                seen.add((row, suffix))
                if is_image:
                    if suffix not in self.suffixes:
                        self.suffixes.append(suffix)
                    place = self.suffixes.index(suffix)
                    self._images.extend((row, place, member.offset, member.size))
                else:
                    file.seek(member.offset)
                    try:
                        self.columns.add(row, suffix, file.read(member.size), member.name)
                    except TooLarge as error:
                        raise RequestError(f"{self.name}: {error}") from None

    def choose_images(self, asked: str | None) -> np.ndarray:
        """Return which image files are those of each sample: (N, bands) indices, -1 for none.

        asked: the suffix of the images, or those of the bands in their order with commas between.

        Raises RequestError where there are none, and where it is not clear which they are.
        """
        rows, suffix = self._image[:, 0], self._image[:, 1]
        if not len(rows):
            found = f"; it has {kinds(self._others)}" if self._others else ""
            raise RequestError(
                f"{self.name} holds no images: JPEG, PNG, WebP, TIFF or FITS expected{found}"
            )
        members = np.full((len(self.keys), 1), -1)
        if asked:
            chosen = [self._asked(each) for each in asked.lower().split(",")]
        elif np.bincount(rows).max() == 1:
            members[rows, 0] = np.arange(len(rows))
            return members
        else:
            chosen = self._bands()
        members = np.repeat(members, len(chosen), axis=1)
        for band, each in enumerate(chosen):
            files = np.flatnonzero(suffix == each)
            members[rows[files], band] = files
        return members

    def _asked(self, suffix: str) -> int:
        if suffix not in self.suffixes:
            hint = nearest(suffix, self.suffixes)
            raise RequestError(f"{self.name} has no images with the suffix {suffix!r}; {hint}")
        return self.suffixes.index(suffix)

    def _bands(self) -> list[int]:
        order = bands_in_order([stem(each) for each in self.suffixes])
        if order is None:
            raise RequestError(
                f"{self.name} has several images under one key ({first_few(self.suffixes, 6)}), "
                "which are not bands (as g.fits, r.fits): choose one by :images=SUFFIX, or bands "
                "in their order by :images=SUFFIX,SUFFIX"
            )
        return order

    def suffix(self, member: int) -> str:
        return self.suffixes[self._image[member, 1]]

    def file_name(self, member: int) -> str:
        """Return what an image file is called in its tar."""
        return f"{self.keys[self._image[member, 0]]}.{self.suffix(member)}"

    def are_fits(self, members: np.ndarray) -> np.ndarray:
        """Return which of these image files (n,) are FITS files by their names, (n,) bool."""
        fits = np.array([f".{each}".endswith(FITS_SUFFIXES) for each in self.suffixes], bool)
        return fits[self._image[members, 1]]

    def place(self, member: int) -> FilePart:
        """Return where an image file lies."""
        row, _, offset, size = self._image[member].tolist()
        return FilePart(self.shards[self._shards[row]], offset, size, self.file_name(member))

    def origins(self, members: np.ndarray) -> list[str]:
        """Return where the images of each sample are: the tar, and the files in it."""
        shards = self._shard_names()
        return [
            f"{shards[shard]}/"
            + (", ".join(self.file_name(each) for each in files if each >= 0) or key)
            for shard, key, files in zip(self._shards, self.keys, members.tolist(), strict=True)
        ]

    def unique_keys(self) -> tuple[pd.Series, str]:
        """Return the keys as ids, behind their tar where tars repeat them, and what they are."""
        keys = pd.Series(map(normalised, self.keys), dtype="str")
        if not keys.duplicated().any():
            return keys, "images are identified by their keys"
        shards = [stem(each) for each in self._shard_names()]
        behind = [f"{shards[shard]}/{key}" for shard, key in zip(self._shards, keys, strict=True)]
        return pd.Series(behind, dtype="str"), "tars repeat keys: images are identified as TAR/KEY"

    def splits(self, split_of_shard: Sequence[str | None]) -> pd.Series:
        """Return the split of each sample's tar."""
        return pd.Series(np.array(split_of_shard, object)[np.asarray(self._shards)], dtype="object")

    def notes(self) -> list[str]:
        """Return sentences on the members that are not used."""
        notes = self.columns.notes()
        if self._links:
            notes.append(
                f"{len(self._links):,} members are links, sparse or special files, or have names "
                f"with .. in them, and were ignored: {first_few(map(display_text, self._links))}."
            )
        if self._others:
            shown = first_few(map(display_text, self._others))
            notes.append(
                f"{len(self._others):,} members were ignored, being neither images nor .cls, .json "
                f"or .txt: {shown} ({kinds(self._others)})."
            )
        return notes

    def _shard_names(self) -> list[str]:
        """The tars as they are called in the folder that all of them are in."""
        folder = os.path.commonpath(list(map(os.path.dirname, self.shards)))
        names = [Path(os.path.relpath(each, folder)).as_posix() for each in self.shards]
        return list(map(display_text, names))


def _is_column(suffix: str, member: Member) -> bool:
    return is_column(suffix) and member.size <= MOST_BYTES
