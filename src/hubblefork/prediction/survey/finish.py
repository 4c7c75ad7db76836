"""Prove that a survey is whole, and say which rows have no prediction."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hubblefork.core.errors import RequestError, first_few, first_line
from hubblefork.core.files import replacing
from hubblefork.core.parsing import parse_json
from hubblefork.core.progress import progress
from hubblefork.core.temporary import sweep
from hubblefork.core.text import several
from hubblefork.prediction.survey.plan import Survey, file_hash, is_damage
from hubblefork.prediction.survey.shards import (
    MOST_FAILURES,
    Done,
    failures,
    find_done,
    glance,
    ids_digest,
)

MANIFEST = "manifest.json"
UNREADABLE = "unreadable.parquet"

# Files that are looked at beside each other: on a network drive, each is waited for.
_READERS = 8


@dataclass(frozen=True)
class Status:
    """How far a survey is.

    rows, shards: of the plan. done_rows, done_shards: of them, done. unreadable: rows of these
    without a prediction. set_aside: the numbers of shards that failed too often, with the last
    reason. finished: whether `finish_survey` has found it whole as it is now.
    """

    rows: int
    shards: int
    done_rows: int
    done_shards: int
    unreadable: int
    set_aside: dict[int, str]
    finished: bool

    def __str__(self) -> str:
        words = [f"{self.done_rows:,} of {self.rows:,} rows done", f"{self.done_shards:,} of "
                 f"{several(self.shards, 'shard')}", f"{self.unreadable:,} unreadable"]  # fmt: skip
        if self.set_aside:
            words.append(f"{several(len(self.set_aside), 'shard')} set aside")
        return ", ".join(words) + (", finished" if self.finished else "")

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "set_aside": {str(key): e for key, e in self.set_aside.items()}}


def survey_status(survey: Survey) -> Status:
    """How far a survey is, by the ends of the files of its shards."""
    with ThreadPoolExecutor(_READERS) as pool:
        found = list(pool.map(partial(glance, survey), survey.plan.shards))
    status = _status(survey, found)
    return replace(status, finished=_is_finished(survey, status))


def _status(survey: Survey, found: Sequence[Done | None]) -> Status:
    done = [each for each in found if each]
    set_aside = {
        shard: reasons[-1]
        for shard, reasons in failures(survey).items()
        if len(reasons) >= MOST_FAILURES and found[shard] is None
    }
    return Status(
        rows=survey.plan.rows,
        shards=len(survey.plan.shards),
        done_rows=sum(each.rows for each in done),
        done_shards=len(done),
        unreadable=sum(each.unreadable for each in done),
        set_aside=set_aside,
        finished=False,
    )


def _is_finished(survey: Survey, status: Status) -> bool:
    """Whether there is a manifest, and of all that is there now."""
    try:
        told = parse_json((survey.folder / MANIFEST).read_text(encoding="utf-8"))
        known = (told["plan"], told["rows"], list(told["set_aside"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return False
    return known == (survey.plan.hash, status.done_rows, list(map(str, status.set_aside)))


def finish_survey(survey: Survey) -> Status:
    """Check each shard against its rows, and write `manifest.json` and `unreadable.parquet`.

    Shards that are set aside are named in the manifest, which then says that it is not complete.

    Raises RequestError where shards are still to be done, and for a shard that is damaged, or has
    other ids than its rows have.
    """
    found = [find_done(survey, shard) for shard in survey.plan.shards]
    status = _status(survey, found)
    missing = [
        shard for shard, done in enumerate(found) if done is None and shard not in status.set_aside
    ]
    if missing:
        raise RequestError(
            f"{survey.folder}: {len(missing):,} of {status.shards:,} shards are still to be done "
            f"({first_few(missing)}); hubblefork survey run {survey.folder} does them"
        )
    listed: list[dict[str, Any]] = []
    unreadable = [_NOTHING]
    with progress("checking", status.rows, "rows") as advance:
        for shard, done in enumerate(found):
            if done is None:
                continue
            path = survey.shard_path(shard)
            ids = survey.read_ids(shard)
            if done.ids != ids_digest(ids):
                raise RequestError(f"{path} has other ids than its rows; remove it, and run again")
            unreadable.append(_unreadable(path, shard * survey.plan.shard_rows, ids))
            hashed = {"rows": done.rows, "sha256": file_hash(path)}
            listed.append({"file": f"shards/{path.name}", **hashed})
            advance(done.rows)
    total = sum(each["rows"] for each in listed)
    if total + sum(map(survey.plan.length, status.set_aside)) != status.rows:
        raise RequestError(f"{survey.folder}: {total:,} rows are done, and {status.rows:,} planned")
    for name in ("shards", "failures"):
        sweep(survey.folder / name)
    with replacing(survey.folder / UNREADABLE, binary=True) as file:
        pq.write_table(pa.concat_tables(unreadable), file)
    manifest = {
        "plan": survey.plan.hash,
        "complete": not status.set_aside,
        "rows": total,
        "unreadable": status.unreadable,
        "set_aside": {str(shard): reason for shard, reason in status.set_aside.items()},
        "shards": listed,
    }
    with replacing(survey.folder / MANIFEST) as file:
        json.dump(manifest, file, indent=2, ensure_ascii=False)
    return replace(status, finished=True)


def _unreadable(path: Path, first: int, ids: np.ndarray) -> pa.Table:
    """The rows of a shard that have no prediction: id, number of the row from 1, and problem."""
    try:
        # Every column is read, and compared with the checksums of its pages.
        table = pq.read_table(path, page_checksum_verification=True)
    except (OSError, pa.ArrowException) as error:
        if not is_damage(error):
            raise
        raise RequestError(
            f"{path} is damaged ({first_line(error)}); remove it, and run again"
        ) from error
    problems = table["problem"].to_numpy()
    places = np.flatnonzero(problems != "")
    columns = [ids[places], first + places + 1, problems[places]]
    return pa.table(
        [
            pa.array(values, kind)
            for values, kind in zip(columns, _NOTHING.schema.types, strict=True)
        ],
        schema=_NOTHING.schema,
    )


_NOTHING = pa.schema({"id": pa.string(), "row": pa.int64(), "problem": pa.string()}).empty_table()
