"""Pack a source: decode, frame and store every picture once, in a cache keyed by content.

    <cache>/stamps/<stamp and framing>     the key of what was packed from these very files
    <cache>/datasets/<key>/                the packed dataset; the key is that of its content

The stamp looks at names, sizes and times, so a second run reads no picture. The key looks at the
bytes, so pictures that were moved or copied are not packed again.
"""

import hashlib
import json
import os
import shutil
import time
from contextlib import closing, suppress
from datetime import UTC, datetime
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
from joblib import cpu_count

from hubblefork.data.dataset import FORMAT, PackedDataset
from hubblefork.data.framing import Framing
from hubblefork.data.pictures import UnreadablePicture
from hubblefork.data.reading import read_blocks
from hubblefork.data.sources.base import Source
from hubblefork.data.task import Classes
from hubblefork.errors import RequestError, first_few
from hubblefork.files import appearing, replacing
from hubblefork.progress import progress, say

# A block of pictures is the unit of work. It is small enough that the blocks in flight are a few
# tens of megabytes, and that progress is seen; large enough that sending it costs little.
_BLOCK_PICTURES = 64
_BLOCK_BYTES = 8 << 20

# What a row of the table and a left-out picture take on the disk, generously.
_ROW_BYTES = 1 << 10

# A packing writes a block every few seconds; one that has not for an hour has been killed.
_ABANDONED_SECONDS = 3600


def pack(
    source: Source,
    framing: Framing | None = None,
    cache: str | Path | None = None,
    workers: int | None = None,
) -> PackedDataset:
    """Return the packed dataset of `source`, from the cache if these pictures are in it.

    framing: crop, size and colour; None keeps the centre square in colour.
    cache: folder of the cache; None for the environment variable HUBBLEFORK_CACHE, or else the
        user's cache folder of this system.
    workers: how many pictures are read at once; None for one a processor core.

    Pictures that cannot be read are left out, listed in `dataset.json` and told on stderr.

    Raises RequestError where no picture can be read, a class loses all its pictures, pictures
    differ in size and no size is asked for, or the cache cannot be written (a full disk). Then
    nothing is left in the cache.
    """
    framing = framing or Framing()
    folder = cache_folder(cache)
    for note in source.notes:
        say(note)
    stamp = folder / "stamps" / _sha256(source.stamp(), framing.to_json(), FORMAT)
    key = stamp.read_text() if stamp.exists() else None
    try:
        if key is None or not _dataset_folder(folder, key).is_dir():
            content = source.content()
            key = _sha256(content, framing.to_json(), FORMAT)
            if not _dataset_folder(folder, key).is_dir():
                _sweep(folder / "datasets")
                with appearing(_dataset_folder(folder, key)) as temporary:
                    _write(temporary, source, framing, content, key, workers or cpu_count())
            with replacing(stamp) as file:
                file.write(key)
    except OSError as error:
        raise RequestError(
            f"cannot write the packed pictures in {folder}: {error.strerror or error}; "
            "make room, or set HUBBLEFORK_CACHE to a folder with room"
        ) from error
    dataset = PackedDataset.open(_dataset_folder(folder, key), source.name)
    _say_left_out(dataset.info["left_out"], len(source.table))
    return dataset


def open_packed(key: str, cache: str | Path | None = None) -> PackedDataset | None:
    """Open the dataset of this key; None if it is not in the cache (any more)."""
    path = _dataset_folder(cache_folder(cache), key)
    return PackedDataset.open(path) if path.is_dir() else None


def cache_folder(cache: str | Path | None = None) -> Path:
    """Return the folder of the cache: as given, HUBBLEFORK_CACHE, or the user's cache folder.

    >>> cache_folder("elsewhere").name
    'elsewhere'
    """
    given = cache or os.environ.get("HUBBLEFORK_CACHE")
    if given:
        return Path(given).expanduser().absolute()
    import pooch

    return Path(pooch.os_cache("hubblefork"))


def _dataset_folder(cache: Path, key: str) -> Path:
    return cache / "datasets" / key


def _sweep(datasets: Path) -> None:
    """Remove what a packing that was killed has left: hidden folders that nobody writes to."""
    for abandoned in datasets.glob(".*"):
        # Others may be clearing up too, so that a file can go while it is looked at.
        with suppress(FileNotFoundError):
            newest = max(path.stat().st_mtime for path in (abandoned, *abandoned.iterdir()))
            if time.time() - newest > _ABANDONED_SECONDS:
                shutil.rmtree(abandoned, ignore_errors=True)


def _write(
    folder: Path, source: Source, framing: Framing, content: str, key: str, workers: int
) -> None:
    """Write the three files of a packed dataset in `folder`."""
    total = len(source.table)
    side = framing.size or framing.crop or _first_side(source, framing)
    shape = (side, side, framing.channels)
    picture_bytes = side * side * framing.channels
    _check_room(folder, total * (picture_bytes + _ROW_BYTES))

    length = max(1, min(_BLOCK_PICTURES, _BLOCK_BYTES // picture_bytes))
    blocks = [range(start, min(start + length, total)) for start in range(0, total, length)]
    workers = max(1, min(workers, len(blocks)))
    jobs = (source.job(block) for block in blocks)
    read = read_blocks(jobs, framing, shape, workers, source.prefer)
    rows: list[int] = []
    digests: list[str] = []
    left_out: list[dict[str, str]] = []
    # Plain writes, not a memory map: on a full disk a write is an error that can be told, a
    # memory map kills the process.
    with (
        open(folder / "images.npy", "wb") as file,
        closing(read),
        progress("packing", total) as done,
    ):
        header = _npy_header((total, *shape))
        file.write(header)
        for block, result in zip(blocks, read, strict=True):
            if result.misfit is not None:
                _complain_of_sizes(source, block[result.misfit[0]], result.misfit[1], shape)
            file.write(result.pixels)
            rows += [block[place] for place in result.read]
            digests += result.digests
            for place, reason in result.left_out:
                row = source.table.iloc[block[place]]
                left_out.append({"id": row["id"], "origin": row["origin"], "reason": reason})
            done(len(block))
        file.seek(0)
        true_header = _npy_header((len(rows), *shape))
        assert len(true_header) == len(header), "numpy leaves room for any number of rows"
        file.write(true_header)
        file.flush()
        os.fsync(file.fileno())

    if not rows:
        raise RequestError(
            f"{source.name}: none of its {total:,} pictures can be used: {_reasons(left_out)}"
        )
    table = source.table.iloc[rows].reset_index(drop=True).assign(digest=digests)
    counts = _counts(source, table, left_out)
    table_file = BytesIO()
    table.to_parquet(table_file, index=False)
    (folder / "table.parquet").write_bytes(table_file.getvalue())
    info = {
        "format": FORMAT,
        "source": source.name,
        "task": source.task.to_json(),
        "shape": [len(rows), *shape],
        "counts": counts,
        "framing": framing.to_json(),
        "notes": source.notes,
        "left_out": left_out,
        "content": content,
        "key": key,
        "hubblefork": version("hubblefork"),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    text = json.dumps(info, indent=2, ensure_ascii=False)
    (folder / "dataset.json").write_text(text, encoding="utf-8")


def _first_side(source: Source, framing: Framing) -> int:
    """Return the side of the first picture that can be read."""
    for row in range(len(source.table)):
        picture = source.read([row], framing)[0]
        if not isinstance(picture, UnreadablePicture):
            return picture.shape[0]
    return 1  # none can: the reasons are gathered by reading them all


def _complain_of_sizes(
    source: Source, row: int, found: tuple[int, ...], expected: tuple[int, ...]
) -> NoReturn:
    raise RequestError(
        f"{source.name}: the pictures differ in size ({source.table['origin'].iloc[row]} gives "
        f"{found[1]}x{found[0]}, an earlier one {expected[1]}x{expected[0]}); "
        "ask for one size (--size)"
    )


def _npy_header(shape: tuple[int, ...]) -> bytes:
    """Return the head of an .npy file; its length is the same for any number of rows."""
    stream = BytesIO()
    head = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, head)
    return stream.getvalue()


def _check_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise RequestError(
            f"packing needs {_gigabytes(needed)} in {folder.parent.parent}, where "
            f"{_gigabytes(free)} are free; ask for a smaller size (--size), make room, or set "
            "HUBBLEFORK_CACHE to a folder with room"
        )


def _counts(
    source: Source, table: pd.DataFrame, left_out: list[dict[str, str]]
) -> dict[str, int] | None:
    """Return the number of pictures of each class, none of which may have lost all of its own."""
    if not isinstance(source.task, Classes):
        return None
    size = source.task.outputs
    before = np.bincount(source.table["label"], minlength=size)
    after = np.bincount(table["label"], minlength=size)
    emptied = [source.task.names[index] for index in np.flatnonzero((after == 0) & (before > 0))]
    if emptied:
        raise RequestError(
            f"{source.name}: no picture of class {first_few(map(repr, emptied))} can be used: "
            f"{_reasons(left_out)}"
        )
    return dict(zip(source.task.names, after.tolist(), strict=True))


def _say_left_out(left_out: list[dict[str, str]], total: int) -> None:
    if left_out:
        say(f"left out {len(left_out):,} of {total:,} pictures: {_reasons(left_out)}")


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
