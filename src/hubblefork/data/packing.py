"""Pack a source: decode, frame and store every image once, in a cache keyed by content.

    <cache>/stamps/<stamp and framing>     the key of the dataset packed from these files
    <cache>/datasets/<key>/                the packed dataset; the key is a hash of its content

The stamp is made of what `core.file_cache.file_stamp` sees, so that a second run reads no image.
The key is made of the bytes, so that images that were moved or copied are not packed again.

A damaged dataset is packed again (`checksums.py` says when it is checked). It is written to a
hidden folder and renamed, so that it is never incomplete. Two processes may pack the same source at
once: each writes its own, and the first one stays.
"""

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hubblefork.core.cache import cache_folder
from hubblefork.core.errors import RequestError, first_few
from hubblefork.core.files import appearing, make_folder, replacing
from hubblefork.core.progress import progress, say
from hubblefork.core.tries import is_transient
from hubblefork.data.checksums import write_sums
from hubblefork.data.dataset import FORMAT, DamagedDataset, PackedDataset
from hubblefork.data.images.blank import warn_of_blank
from hubblefork.data.images.blocks import block_rows, read_blocks
from hubblefork.data.images.decoded import UnreadableImage
from hubblefork.data.images.framing import Framing
from hubblefork.data.images.read import PIXELS
from hubblefork.data.images.transforms import transforms_digest
from hubblefork.data.sources.base import Source

# Images in a block, the unit of work: few enough for a smooth progress bar, enough for the cost of
# sending it to be small.
_BLOCK_IMAGES = 64

# An upper limit on the size of a row of the table, or of an image that is left out.
_ROW_BYTES = 1 << 10


def pack(
    source: Source,
    framing: Framing | None = None,
    cache: str | Path | None = None,
    workers: int | None = None,
) -> PackedDataset:
    """Return the packed dataset of `source`, from the cache if these images are in it.

    framing: crop, size and channels; None keeps the centre square with the source's channels.
    cache: folder of the cache; None for the environment variable HUBBLEFORK_CACHE, or else the
        user's cache folder of this system.
    workers: how many blocks are read at once; None for one for each processor core.

    Images that cannot be read are left out, listed in `dataset.json` and reported on stderr. So is
    it where most images are blank.

    Raises RequestError where no image can be read, a class loses all its images, images
    differ in size and no size is given, a file changes meanwhile, or the source cannot be read or
    the cache not be written (a full disk). Then nothing is left in the cache.
    """
    framing = framing or source.framing()
    if ready := source.packed(framing):
        warn_of_blank(ready.blank, len(ready))
        return ready
    folder = cache_folder(cache)
    for note in source.notes:
        say(note)
    stamped = _stamp(source)
    form = [framing.to_json(), transforms_digest(framing.transforms), FORMAT, PIXELS]
    stamp = folder / "stamps" / _sha256(stamped, form)
    key = _stamped_key(stamp)
    dataset = _open_whole(dataset_folder(key, folder), source) if key else None
    if dataset is None:
        with _errors_explained(f"{source.name} cannot be read"):
            content = source.content()
        key = _sha256(content, form)
        path = dataset_folder(key, folder)
        room = "make room, or set HUBBLEFORK_CACHE to a folder with room"
        with _errors_explained(f"cannot write the packed images in {folder}", f"; {room}"):
            if _open_whole(path, source) is None:
                from joblib import cpu_count  # takes a tenth of a second to import

                make_folder(path.parent)
                with appearing(path, first_stays=True) as temporary:
                    _write(temporary, source, framing, content, key, workers or cpu_count())
                    if _stamp(source) != stamped:
                        raise RequestError(
                            f"{source.name} changed while it was packed; pack it again once its "
                            "files no longer change"
                        )
            with replacing(stamp) as file:
                file.write(key)
        dataset = PackedDataset.open(path, source.name)
    # The same images may have been packed from other places, with other notes.
    dataset.info["notes"] = source.notes
    if left_out := dataset.info["left_out"]:
        say(f"left out {len(left_out):,} of {len(source.table):,} images: {_reasons(left_out)}")
    warn_of_blank(dataset.blank, len(dataset))
    return dataset


def open_packed(
    key: str, cache: str | Path | None = None, source: str | None = None
) -> PackedDataset | None:
    """Open the dataset of this key; None if it is not in the cache (any more), or damaged.

    source: the name of its source, where that differs from when it was packed.
    """
    path = dataset_folder(key, cache)
    try:
        return PackedDataset.open(path, source) if path.is_dir() else None
    except DamagedDataset as error:
        say(f"{error}; packing its source again mends them")
        return None


def _stamped_key(stamp: Path) -> str | None:
    """The key that was written for a stamp; None where there is none, or it is damaged."""
    try:
        key = stamp.read_text(encoding="ascii")
    except (OSError, ValueError):
        return None
    return key if re.fullmatch("[0-9a-f]{64}", key) else None


def _open_whole(path: Path, source: Source) -> PackedDataset | None:
    """Open a packed dataset of the cache; None if there is none, or a damaged one was removed."""
    if not os.path.lexists(path):
        return None
    try:
        return PackedDataset.open(path, source.name)
    except DamagedDataset as error:
        say(f"{error}; packing them again")
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    return None


def _stamp(source: Source) -> str:
    with _errors_explained(f"{source.name} cannot be read"):
        return source.stamp()


@contextmanager
def _errors_explained(what: str, hint: str = "") -> Iterator[None]:
    """Turn a system error that stays into one line: what could not be done, and why."""
    try:
        yield
    except OSError as error:
        if is_transient(error):
            raise
        raise RequestError(f"{what}: {error.strerror or error}{hint}") from error


def dataset_folder(key: str, cache: str | Path | None = None) -> Path:
    """The folder of the dataset of this key in a cache, as `pack` takes it."""
    return cache_folder(cache) / "datasets" / key


def _write(
    folder: Path, source: Source, framing: Framing, content: str, key: str, workers: int
) -> None:
    """Write the three files of a packed dataset in `folder`."""
    total = len(source.table)
    side = framing.size or framing.crop or _first_side(source, framing)
    shape = (side, side, framing.channels)
    image_bytes = side * side * framing.channels
    _check_room(folder, total * (image_bytes + _ROW_BYTES))

    blocks = block_rows(total, max(image_bytes, source.held_bytes), _BLOCK_IMAGES)
    workers = max(1, min(workers, len(blocks)))
    jobs = (source.job(block) for block in blocks)
    read = read_blocks(jobs, framing, shape, workers, source.prefer)
    # Numbers of every image are kept as arrays, which take a tenth of the memory of lists.
    rows: list[np.ndarray] = []
    digests: list[str] = []
    sizes: list[np.ndarray] = []
    positions: list[tuple[float, float, float] | None] = []
    left_out: list[dict[str, str]] = []
    blank = 0
    # Plain writes, not a memory map: on a full disk a write is an error that can be reported, and
    # a memory map kills the process.
    with (
        open(folder / "images.npy", "wb") as file,
        closing(read),
        progress("packing", total) as done,
    ):
        header = _npy_header((total, *shape))
        file.write(header)
        for block, result in zip(blocks, read, strict=True):
            if result.misfit is not None:
                place, found = result.misfit
                raise RequestError(
                    f"{source.name}: the images differ in size "
                    f"({source.table['origin'].iloc[block[place]]} gives {found[1]}x{found[0]}, an "
                    f"earlier one {side}x{side}); give one size (--size)"
                )
            file.write(result.pixels)
            rows.append(np.array(result.read, np.int64) + block.start)
            digests += result.digests
            sizes.append(np.array(result.sizes, np.int32).reshape(-1, 3))
            positions += result.positions
            blank += result.blank
            for place, reason in result.left_out:
                row = source.table.iloc[block[place]]
                left_out.append({"id": row["id"], "origin": row["origin"], "reason": reason})
            done(len(block))
        file.seek(0)
        true_header = _npy_header((len(digests), *shape))
        assert len(true_header) == len(header), "numpy pads the header for any number of rows"
        file.write(true_header)

    if not digests:
        small = all("smaller than the crop" in each["reason"] for each in left_out)
        raise RequestError(
            f"{source.name}: none of its {total:,} images can be used: {_reasons(left_out)}"
            + "; give a smaller --crop" * small
        )
    table = source.table.iloc[np.concatenate(rows)].reset_index(drop=True)
    table = _with_image_columns(table, digests, np.concatenate(sizes), positions)
    counts = _counts(source, table, left_out)
    table_file = BytesIO()
    table.to_parquet(table_file, index=False)
    (folder / "table.parquet").write_bytes(table_file.getvalue())
    info = {
        "format": FORMAT,
        "source": source.name,
        "task": source.task.to_json(),
        "shape": [len(table), *shape],
        "counts": counts,
        "framing": framing.to_json(),
        "notes": source.notes,
        "left_out": left_out,
        "blank": blank,
        "content": content,
        "key": key,
        "hubblefork": version("hubblefork"),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    text = json.dumps(info, indent=2, ensure_ascii=False)
    (folder / "dataset.json").write_text(text, encoding="utf-8")
    write_sums(folder)


def _with_image_columns(
    table: pd.DataFrame,
    digests: list[str],
    sizes: np.ndarray,
    positions: list[tuple[float, float, float] | None],
) -> pd.DataFrame:
    """Add what was found in the images: digest, width, height, bands, and if known ra, dec
    and pxscale.

    A position in the source's own table takes precedence over that in an image's header.
    """
    width, height, bands = sizes.T
    table = table.assign(digest=digests, width=width, height=height, bands=bands)
    if any(positions):
        headers = np.array([each or (np.nan,) * 3 for each in positions])
        for column, values in zip(("ra", "dec", "pxscale"), headers.T, strict=True):
            table[column] = table[column].fillna(pd.Series(values)) if column in table else values
    return table


def _first_side(source: Source, framing: Framing) -> int:
    """Return the side of the first image that can be read."""
    for row in range(len(source.table)):
        image = source.read([row], framing)[0]
        if not isinstance(image, UnreadableImage):
            return image.pixels.shape[0]
    return 1  # none can; reading them all gives the reasons


def _npy_header(shape: tuple[int, ...]) -> bytes:
    """Return the header of an .npy file; its length is the same for any number of rows."""
    stream = BytesIO()
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue()


def _check_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        raise RequestError(
            f"packing needs {_gigabytes(needed)} in {folder.parent.parent}, where "
            f"{_gigabytes(free)} are free; give a smaller size (--size), make room, or set "
            "HUBBLEFORK_CACHE to a folder with room"
        ) from full


def _counts(source: Source, table: pd.DataFrame, left_out: list[dict[str, str]]) -> dict[str, int]:
    """Return the number of images of each class; RequestError where one has lost all of them."""
    if not source.task.label_columns:
        return {}
    before, after = (
        source.task.class_counts(source.task.labels(each)) for each in (source.table, table)
    )
    emptied = [name for name, number in after.items() if not number and before[name]]
    if emptied:
        raise RequestError(
            f"{source.name}: no image of class {first_few(map(repr, emptied))} can be used: "
            f"{_reasons(left_out)}"
        )
    return after


def _reasons(left_out: list[dict[str, str]]) -> str:
    return first_few(f"{each['origin']} ({each['reason']})" for each in left_out)


def _gigabytes(count: int) -> str:
    """
    >>> _gigabytes(1_234_567_890), _gigabytes(2_000_000)
    ('1.2 GB', '0.002 GB')
    """
    return f"{count / 1e9:.2g} GB"


def _sha256(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
