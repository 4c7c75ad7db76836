"""What every source offers: a table with one row per image, and a way to read those images."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import pandas as pd

from hubblefork.core.errors import RequestError
from hubblefork.core.file_cache import file_stamp
from hubblefork.core.progress import progress, say
from hubblefork.core.regular_files import not_a_file
from hubblefork.core.tries import is_transient
from hubblefork.core.urls import absolute, file_name, protocol_of
from hubblefork.data.dataset import PackedDataset
from hubblefork.data.images.blocks import DecodedImages, Job
from hubblefork.data.images.decoded import ImageInput
from hubblefork.data.images.framing import Framing
from hubblefork.data.images.read import FITS_SUFFIXES, read_images
from hubblefork.data.images.remote import check_protocol
from hubblefork.sky.stretch import Stretch
from hubblefork.tasks.task import Task


class Source(ABC):
    """Images with labels, not yet read.

    name: the source as the user gave it; it stands in every output.
    task: what a label means.
    table: one row per image: `id` (unique text); the task's label columns: `label` (class index)
        or the vote fractions; `origin` (where the image is); if known `split` (train, val or
        test), `group` (text; a group stays in one subset), `ra` and `dec` (degrees, ICRS).
    channels: of its images: 1, 3 (red, green, blue) or the number of its bands.
    bands: number of bands of counts, among which a stretch can choose; 0 for bytes.
    hdu: what the image is called that is read of FITS files with several; None where none has.
    held_bytes: what a job holds of each image before it is done; 0 where it only names files.
    notes: plain sentences on what was ignored and why.
    """

    name: str
    task: Task
    table: pd.DataFrame
    channels: int = 3
    bands: int = 0
    hdu: str | None = None
    held_bytes: int = 0
    notes: list[str]

    @property
    def prefer(self) -> Literal["threads", "processes"]:
        """Whether images are read faster by threads or by processes."""
        return "threads"

    @abstractmethod
    def content(self) -> str:
        """Return the SHA-256 of all that the source holds: its table and every image."""

    def stamp(self) -> str:
        """Return a cheap fingerprint that changes when the source is edited."""
        return self.content()

    @abstractmethod
    def job(self, rows: Sequence[int]) -> Job:
        """Return a function of the framing that reads the images of these rows.

        It holds no more than these rows need, since it is sent to other processes.
        """

    def framing(
        self,
        crop: int | None = None,
        size: int | None = None,
        grey: bool = False,
        stretch: Stretch | None = None,
        transforms: Sequence[str] = (),
    ) -> Framing:
        """Return a framing that keeps this source's channels, or the bands that a stretch chooses.

        Raises RequestError where the source does not have these bands.
        """
        stretch = stretch or Stretch()
        channels = self.channels
        if stretch.bands is not None:
            if max(stretch.bands) >= self.bands:
                has = f"bands 0 to {self.bands - 1}" if self.bands else "bytes and not counts"
                raise RequestError(
                    f"stretch.bands is {list(stretch.bands)}, and {self.name} has {has}"
                )
            channels = len(stretch.bands)
        channels = 1 if grey else channels
        return Framing(crop, size, channels, stretch, tuple(transforms), self.hdu)

    def framing_like(self, framing: Framing) -> Framing:
        """Return the framing of a model for these images: they keep the image that is read.

        Says so where that is another than the one that the model was trained on.
        """
        return keep_image(framing, self.hdu, self.name)

    def look_at_bands(self, images: Sequence[ImageInput], counted: int, total: int) -> list[str]:
        """Find out the bands of counts, and which image is read; returns notes on them.

        images: some or all of those that are FITS files or have a file for each band. counted: how
            many are, of all `total`.
        """
        if not counted:
            return []
        # astropy takes half a second to import, and most sources have no FITS files.
        from hubblefork.data.images.multiband import look_at_counts

        found = look_at_counts(images, self.hdu)
        self.bands, self.hdu, notes = found.bands, found.hdu, found.notes
        if counted == total:
            self.channels = self.bands or self.channels
        else:
            notes.append(
                f"{counted:,} of {total:,} images are FITS files, which become colour images "
                "as the others are."
            )
        return notes

    def image_files(self, row: int) -> tuple[str, ...]:
        """Return the file of an image, or one for each of its bands; () where it is in none."""
        return ()

    def packed(self, framing: Framing) -> PackedDataset | None:
        """Return these images as packed already, if they are; else None."""
        return None

    def read(self, rows: Sequence[int], framing: Framing) -> DecodedImages:
        """Read the images of these rows, before transforms; the reason for an unreadable one."""
        return self.job(rows)(framing)


def keep_image(framing: Framing, hdu: str | None, name: str) -> Framing:
    """Return a model's framing for the images of `name`, of whose FITS files `hdu` is read."""
    if hdu and framing.hdu and hdu != framing.hdu:
        say(f"{name}: {hdu} is read of FITS files; the model learnt from {framing.hdu}")
    return replace(framing, hdu=hdu or framing.hdu)


# Starting processes takes a second or two, in which threads read this many images.
_WORTH_PROCESSES = 5000


def faster_by(names: Iterable[str]) -> Literal["threads", "processes"]:
    """Return what reads image files of these names faster.

    JPEG is decoded without Python's lock, so that processes are no faster than threads. For other
    formats, two threads are 1.2 to 1.5 times as fast as one, and two processes 1.7 to 1.9 times,
    once they have started.
    """
    others = sum(not name.lower().endswith((".jpg", ".jpeg")) for name in names)
    return "processes" if others >= _WORTH_PROCESSES else "threads"


# How many image files, at most, a stamp looks into: a few milliseconds.
_LOOKS = 100


@dataclass(eq=False, repr=False)
class ImageFiles(Source):
    """A source whose images are files or URLs: `paths` has one for each row of `table`, or a tuple
    with one for each band.

    FITS files have the bands of most of them, and the same image of each is read (see
    `look_at_counts`); among other images they become colour images too.

    Nothing is fetched to find out whether a source has changed: a URL stands for what it gave when
    it was packed. An image that changes behind its URL, or appears there, is not noticed.

    hdu: what that image is called, where it was asked for.
    """

    name: str
    task: Task
    table: pd.DataFrame
    paths: Sequence[str | tuple[str, ...]]
    notes: list[str]
    hdu: str | None = None

    def __post_init__(self) -> None:
        self.paths = [
            tuple(map(absolute, path)) if isinstance(path, tuple) else absolute(path)
            for path in self.paths
        ]
        for protocol in sorted({*map(protocol_of, self._files())} - {""}):
            check_protocol(protocol)
        counted = [path for path in self.paths if not _is_bytes(path)]
        notes = self.look_at_bands(counted, len(counted), len(self.paths))
        self.notes = [*self.notes, *notes]

    @property
    def prefer(self) -> Literal["threads", "processes"]:
        """As `faster_by` says; threads for URLs, which are waited for."""
        return faster_by(path for path in self._files() if not protocol_of(path))

    def stamp(self) -> str:
        digest = hashlib.sha256(table_digest(self.table, self.task).encode())
        files = self._files()
        for place, path in enumerate(files):
            # To open every file takes too long; a source that is replaced shows in some of them.
            look = place % (len(files) // _LOOKS + 1) == 0
            try:
                stamp = path if protocol_of(path) else file_stamp(path, look)
            except (OSError, ValueError) as error:  # ValueError for a name that no file can have
                if is_transient(error):
                    raise
                stamp = f"{path}\0gone"
            digest.update(f"{stamp}\0".encode(*_ENCODING))
        return digest.hexdigest()

    def content(self) -> str:
        digest = hashlib.sha256(table_digest(self.table, self.task).encode())
        files = self._files()
        blocks = [files[start : start + 256] for start in range(0, len(files), 256)]
        with progress("fingerprint", len(files), "files") as done, ThreadPoolExecutor() as pool:
            for file_digests in pool.map(_file_digests, blocks):
                for each in file_digests:
                    digest.update(each)
                done(len(file_digests))
        return digest.hexdigest()

    def job(self, rows: Sequence[int]) -> Job:
        return partial(read_images, [self.paths[row] for row in rows])

    def image_files(self, row: int) -> tuple[str, ...]:
        path = self.paths[row]
        return (path,) if isinstance(path, str) else path

    def _files(self) -> list[str]:
        return [file for row in range(len(self.paths)) for file in self.image_files(row)]


def _is_bytes(path: str | tuple[str, ...]) -> bool:
    return isinstance(path, str) and not file_name(path).lower().endswith(FITS_SUFFIXES)


# File names may hold bytes that are not UTF-8; Python carries them as lone surrogates.
_ENCODING = ("utf-8", "surrogateescape")


def display_text(name: str) -> str:
    r"""Return a file name as text that every table can hold.

    >>> display_text("Spirale à bras"), display_text("caf\udce9")
    ('Spirale à bras', 'caf\\xe9')
    """
    return name.encode(*_ENCODING).decode("utf-8", "backslashreplace")


def table_digest(table: pd.DataFrame, task: Task) -> str:
    """Return the SHA-256 of a table and of what its labels mean."""
    digest = hashlib.sha256(repr(task.to_json()).encode())
    for column in table:
        digest.update(f"\0{column}\0".encode())
        values = table[column]
        if values.dtype.kind in "iufb":
            digest.update(values.to_numpy().tobytes())
        else:
            digest.update("\0".join(map(str, values)).encode())
    return digest.hexdigest()


def _file_digests(paths: Sequence[str]) -> list[bytes]:
    return [_file_digest(path) for path in paths]


def _file_digest(path: str) -> bytes:
    if protocol_of(path):
        return path.encode(*_ENCODING)
    if not_a_file(path):  # read() gives the reason for this image
        return b"unreadable"
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        if is_transient(error):
            raise
        return b"unreadable"
