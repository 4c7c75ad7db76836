"""The plan of a survey: which rows each shard has, and all that decides the answers."""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hubblefork.core.errors import RequestError, first_few, first_line
from hubblefork.core.files import appearing
from hubblefork.core.parsing import parse_json
from hubblefork.core.progress import progress
from hubblefork.data.catalogues.opened_images import images_from_json
from hubblefork.data.images.framing import Framing
from hubblefork.data.rows import ImageStream, RowImages, Rows
from hubblefork.models.file_format import MODEL_FILE, current_versions
from hubblefork.models.find import find_model
from hubblefork.prediction.survey.duplicates import IdCheck
from hubblefork.prediction.survey.plan_file import PLAN_FILE, require_plan

FORMAT = 1

# Rows of a shard: some minutes of one core, and a row group that is read fast. Of a short catalogue
# they are fewer, so that there is a shard for each worker and all end at about the same time.
_MOST_ROWS, _LEAST_ROWS = 32_768, 1_024
_SHARDS = 64

# The ids of the rows, in a column of this name beside those of the catalogue.
_IDS = "hubblefork:id"


@dataclass(frozen=True)
class Plan:
    """What a survey is to do; the content of `plan.json`.

    catalogue, model: as the user gave them, a model of the hub with its commit. catalogue_hash,
    model_hash: of what was read. images: how a row becomes an image, as `images_from_json` reads
    it. rows, shard_rows: how many there are, and in each shard but the last. options: coverage,
    crop and hdu of prediction. columns: those that come along, with their types. versions: of what
    made the plan.
    """

    catalogue: str
    catalogue_hash: str
    model: str
    model_hash: str
    images: dict[str, Any]
    rows: int
    shard_rows: int
    options: dict[str, Any]
    columns: dict[str, str]
    versions: dict[str, str] = field(default_factory=dict)
    format: int = FORMAT

    @property
    def shards(self) -> range:
        """The numbers of the shards."""
        return range(-(-self.rows // self.shard_rows))

    def length(self, shard: int) -> int:
        """The number of rows of a shard."""
        return min(self.shard_rows, self.rows - shard * self.shard_rows)

    @property
    def hash(self) -> str:
        """SHA-256 of all that decides the answers."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Survey:
    """A folder with a plan."""

    folder: Path
    plan: Plan

    @classmethod
    def open(cls, folder: Path) -> "Survey":
        """Open a folder that `make_survey` made; RequestError where it is none, or is damaged."""
        require_plan(folder)
        path = folder / PLAN_FILE
        try:
            content = parse_json(path.read_text(encoding="utf-8"))
            told = content.pop("hash")
            plan = Plan(**content)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise RequestError(f"{path} is damaged: {first_line(error)}") from error
        if plan.format != FORMAT:
            raise RequestError(
                f"{path} has the format {plan.format}, expected {FORMAT}: plan it again"
            )
        if told != plan.hash:
            raise RequestError(f"{path} has been changed since it was written: plan it again")
        return cls(folder, plan)

    @property
    def model(self) -> Path:
        return self.folder / MODEL_FILE

    def rows_path(self, shard: int) -> Path:
        return self.folder / "rows" / f"{shard:05d}.parquet"

    def shard_path(self, shard: int) -> Path:
        """The file of a shard's answers; its name follows from the plan alone."""
        return self.folder / "shards" / f"{shard:05d}-{self.plan.hash[:8]}.parquet"

    def read_rows(self, shard: int) -> Rows:
        """The rows of a shard; RequestError where its file is gone or damaged."""
        table = self._read(shard)
        ids, columns = table[_IDS].to_numpy(), table.drop_columns(_IDS)
        return Rows(ids, columns, shard * self.plan.shard_rows, self.images)

    def read_ids(self, shard: int) -> np.ndarray:
        """The ids of a shard, (n,) text; raises as `read_rows`, but for the images."""
        return self._read(shard, [_IDS])[_IDS].to_numpy()

    def _read(self, shard: int, columns: list[str] | None = None) -> pa.Table:
        path = self.rows_path(shard)
        try:
            table = pq.read_table(path, columns=columns)
        except (OSError, pa.ArrowException) as error:
            if not is_damage(error):
                raise
            raise RequestError(f"{path} is damaged: {first_line(error)}; plan it again") from error
        if _IDS not in table.column_names or len(table) != self.plan.length(shard):
            raise RequestError(
                f"{path} has {len(table):,} rows, not those of the plan; plan it again"
            )
        return table

    @cached_property
    def images(self) -> RowImages:
        """How the rows become images; RequestError where they are no longer those of the plan."""
        return images_from_json(self.plan.images)

    def check_model(self) -> None:
        """RequestError where the model is no longer the one that was planned with."""
        if file_hash(self.model) != self.plan.model_hash:
            raise RequestError(
                f"{self.model} is not the model that {self.folder} was planned with; plan it again"
            )


def make_survey(
    framing: Framing,
    model: str | os.PathLike[str],
    stream: ImageStream,
    folder: Path,
    shard_rows: int | None = None,
    coverage: float | None = None,
) -> Survey:
    """Plan a survey: read the rows of a stream once, and write them and the plan to a new folder.

    Raises RequestError for repeated ids, with nothing written, and for images in memory.
    """
    shard_rows = shard_rows or rows_of_a_shard(stream.number)
    images = stream.images.to_json()
    framing = stream.framing_like(framing)
    with appearing(folder) as temporary:
        rows_folder = temporary / "rows"
        rows_folder.mkdir()
        check = IdCheck(temporary, stream.number)
        number = 0
        with progress("planning", stream.number, "rows") as done:
            for shard, rows in enumerate(_in_shards(stream.rows(shard_rows), shard_rows)):
                ids = pa.array(rows.ids, pa.string())
                table = rows.columns.append_column(_IDS, ids)
                pq.write_table(table, rows_folder / f"{shard:05d}.parquet", compression="zstd")
                check.add(rows.ids)
                number += len(rows)
                done(len(rows))
        _refuse_repeated(check, rows_folder, shard_rows, stream.name)
        for file in temporary.glob("ids-*"):
            file.unlink()
        for name in ("shards", "failures", "locks"):
            (temporary / name).mkdir()
        shutil.copyfile(find_model(model), temporary / MODEL_FILE)
        plan = Plan(
            catalogue=stream.name,
            catalogue_hash=stream.content(),
            model=os.fspath(model),
            model_hash=file_hash(temporary / MODEL_FILE),
            images=images,
            rows=number,
            shard_rows=shard_rows,
            options={"coverage": coverage, "crop": framing.crop, "hdu": framing.hdu},
            columns={field.name: str(field.type) for field in stream.schema},
            versions=current_versions(),
        )
        content = json.dumps({**asdict(plan), "hash": plan.hash}, indent=2, ensure_ascii=False)
        (temporary / PLAN_FILE).write_text(content + "\n", encoding="utf-8")
    return Survey(folder, plan)


def rows_of_a_shard(number: int) -> int:
    """How many rows each shard of a catalogue of so many has, where nobody says so.

    >>> rows_of_a_shard(100), rows_of_a_shard(1_000_000), rows_of_a_shard(10**9)
    (1024, 15625, 32768)
    """
    return min(_MOST_ROWS, max(_LEAST_ROWS, -(-number // _SHARDS)))


def _in_shards(parts: Iterator[Rows], length: int) -> Iterator[Rows]:
    """Join rows until each part but the last has this many."""
    waiting: list[Rows] = []
    for rows in parts:
        waiting.append(rows)
        while (number := sum(map(len, waiting))) >= length:
            joined = _joined(waiting)
            yield joined.take(0, length)
            waiting = [joined.take(length, number)] if number > length else []
    if waiting:
        yield _joined(waiting)


def _joined(parts: list[Rows]) -> Rows:
    if len(parts) == 1:
        return parts[0]
    columns = pa.concat_tables([each.columns for each in parts])
    return Rows(
        np.concatenate([each.ids for each in parts]), columns, parts[0].first, parts[0].images
    )


def _refuse_repeated(check: IdCheck, folder: Path, shard_rows: int, name: str) -> None:
    number, examples = check.repeated()
    if not number:
        return
    ids = [
        pq.read_table(folder / f"{row // shard_rows:05d}.parquet", columns=[_IDS])[_IDS][
            row % shard_rows
        ].as_py()
        for row in examples
    ]
    raise RequestError(
        f"{name}: {number:,} rows have the id of an earlier one: {first_few(ids)}; each row needs "
        "an id of its own; --columns id=COLUMN names another column"
    )


def is_damage(error: Exception) -> bool:
    """Whether a file that could not be read is gone or has wrong contents.

    Other errors have a number, and tell nothing of the file: no permission, a lost network.

    >>> is_damage(pa.ArrowInvalid("no magic bytes")), is_damage(PermissionError(errno.EACCES, ""))
    (True, False)
    """
    return not isinstance(error, OSError) or error.errno in (None, errno.ENOENT)


def file_hash(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
