"""WebDataset: images and what is known of them as members of uncompressed tars.

    sky.tar                         one tar
    DIR                             a folder of tars, without images beside them
    shards-{000..009}.tar           numbered ones
    ...:images=SUFFIX:labels=COLUMN:id=COLUMN:hdu=NAME      where these are not obvious

Of the members of one key, `x.jpg` is the image, `x.cls` its class, `x.json` has further columns and
`x.txt` is one. Headers are read once; workers read each image where it lies, and nothing is
extracted.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from hubblefork.core.braces import expand_braces
from hubblefork.core.errors import RequestError, first_few
from hubblefork.core.file_cache import file_sha256, file_stamp
from hubblefork.core.folders import files_below, listing
from hubblefork.core.path_options import check_options
from hubblefork.core.regular_files import without_file
from hubblefork.core.sampling import stable_sample
from hubblefork.data.images.blocks import DecodedImages, Job
from hubblefork.data.images.decoded import FilePart, UnreadableImage
from hubblefork.data.images.framing import Framing
from hubblefork.data.images.read import is_image_name, read_images
from hubblefork.data.sources.base import Source, faster_by, table_digest
from hubblefork.data.sources.file_names import is_tar_name
from hubblefork.data.sources.huggingface_labels import read_labels
from hubblefork.data.sources.huggingface_layout import DataFile
from hubblefork.data.sources.ids import find_ids
from hubblefork.data.sources.table_columns import with_other_columns, with_plain_names
from hubblefork.data.sources.tar_index import TarIndex
from hubblefork.tasks.task import Task

# Enough to see the bands of FITS files, which `look_at_counts` chooses from.
_LOOKED_AT = 32


def holds_tars(folder: Path) -> bool:
    """Whether a folder has tars in it, and no images, to which these may have been unpacked."""
    return any(map(is_tar_name, listing(folder)[1])) and not any(
        map(is_image_name, files_below(folder))
    )


def open_webdataset(
    path: Path, name: str, labelled: bool, options: Mapping[str, str], hdu: str | None = None
) -> "WebDataset":
    """Open a tar, a folder of tars, or tars with numbers in braces.

    The label is `.cls`, or else the column `label` of `.json`, or the vote fractions of a known
    decision tree. Ids are found as in any table (see `data.sources.ids`), and are otherwise the
    keys. Tars called train, val and test are a split. Rows without a label are left out, and
    counted in the notes.

    options: `images` is the suffix of the images, or those of the bands in their order, with commas
        between them; `labels` and `id` name columns, `hdu` the image to read of FITS files.

    Raises RequestError where a tar is missing, damaged or compressed, none has images, a key has
    several that are no bands, or labels or positions are invalid.
    """
    check_options(options, ("images", "labels", "id", "hdu"), name)
    shards = _shards(path, name)
    index = TarIndex(name, shards)
    members = index.choose_images(options.get("images"))
    rows = with_plain_names(index.columns.table(len(members)), name)
    ids = find_ids(rows, options.get("id"), *index.unique_keys(), name)
    try:
        labels = read_labels(rows, ids.values, {}, options.get("labels"), labelled, name)
    except RequestError as error:
        if "labels" in options or "label" in rows:
            raise
        raise RequestError(
            f"{error}. A class may stand beside each image as KEY.cls; where the folders in a tar "
            "are classes, unpack it, and give the directory"
        ) from None
    table = pd.DataFrame({"id": ids.values, **labels.columns, "origin": index.origins(members)})
    splits = [DataFile.named(os.path.basename(each)).split for each in shards]
    splits = splits if all(splits) else [None] * len(splits)
    table = with_other_columns(
        table, rows, index.splits(splits), [*labels.used, ids.column or "id"], name
    )
    kept = np.flatnonzero(labels.known)
    table = ids.grouped(table).iloc[kept].reset_index(drop=True)
    notes = [*index.notes(), *ids.notes, *labels.notes]
    if members.shape[1] > 1:
        called = ", ".join(map(index.suffix, members.max(axis=0)))
        notes.append(f"An image has a file for each band, in this order: {called}.")
    return WebDataset(
        name, labels.task, table, notes, index, members[kept], options.get("hdu", hdu)
    )


def _shards(path: Path, name: str) -> list[str]:
    if path.is_dir():
        files = [os.path.join(path, each) for each in listing(path)[1] if is_tar_name(each)]
    else:
        files = expand_braces(str(path))
    if gone := without_file(files, files):
        raise RequestError(
            f"{name}: {len(gone):,} of {len(files):,} tars are not there: {first_few(gone)}"
        )
    return list(map(os.path.abspath, files))


@dataclass(eq=False, repr=False)
class WebDataset(Source):
    """Images that are members of tars.

    index: where they lie. members: (N, bands) the image files of each row in it, -1 for none.
    hdu: what the image to read of FITS files is called, where it was asked for.
    """

    name: str
    task: Task
    table: pd.DataFrame
    notes: list[str]
    index: TarIndex
    members: np.ndarray
    hdu: str | None = None

    def __post_init__(self) -> None:
        whole = np.flatnonzero((self.members >= 0).all(axis=1))
        counted = whole
        if self.members.shape[1] == 1:
            counted = whole[self.index.are_fits(self.members[whole, 0])]
        places = [self._place(row) for row in stable_sample(counted, _LOOKED_AT)]
        looked = [each for each in places if not isinstance(each, str)]
        self.notes = [*self.notes, *self.look_at_bands(looked, len(counted), len(whole))]

    @property
    def prefer(self) -> Literal["threads", "processes"]:
        return faster_by(map(self.index.suffix, self.members[self.members >= 0]))

    def stamp(self) -> str:
        return self._digest(list(map(file_stamp, self.index.shards)))

    def content(self) -> str:
        return self._digest([file_sha256(Path(each)) for each in self.index.shards])

    def _digest(self, files: Sequence[str]) -> str:
        digest = hashlib.sha256(self.members.tobytes())
        for each in (table_digest(self.table, self.task), *files):
            digest.update(f"\0{each}".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    def job(self, rows: Sequence[int]) -> Job:
        return partial(_read, [self._place(row) for row in rows])

    def _place(self, row: int) -> FilePart | tuple[FilePart, ...] | str:
        """Where the image of a row lies, or why there is none."""
        members = self.members[row].tolist()
        if min(members) < 0:
            several = len(members) > 1 and max(members) >= 0
            return "one of its bands is missing" if several else "there is no image under this key"
        places = tuple(map(self.index.place, members))
        return places if len(places) > 1 else places[0]


def _read(
    places: Sequence[FilePart | tuple[FilePart, ...] | str], framing: Framing
) -> DecodedImages:
    images = iter(read_images([each for each in places if not isinstance(each, str)], framing))
    return [UnreadableImage(each) if isinstance(each, str) else next(images) for each in places]
