"""The files of a shard: whether it is done, and what has failed; `one_shard.py` does it."""

import hashlib
import json
import os
import re
import time
import uuid
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hubblefork.core.files import replacing
from hubblefork.core.parsing import parse_json
from hubblefork.prediction.survey.plan import Survey, is_damage

# Of the footer of a shard's file, what tells whose it is.
_KEY = b"hubblefork"

# Tries of a shard before it is set aside.
MOST_FAILURES = 3

# Of the end of a shard's file, as much as holds what it tells.
_TAIL = 64 << 10


class Done(NamedTuple):
    """What the file of a shard says of it.

    rows: all of them. unreadable: those without a prediction. ids: a digest of the ids in order.
    """

    rows: int
    unreadable: int
    ids: str


def find_done(survey: Survey, shard: int) -> Done | None:
    """What is known of a shard that is done; None where it is not.

    A file that is cut off, or of another plan, does not count. Raises OSError where it is not known
    whether there is one.
    """
    try:
        with pq.ParquetFile(survey.shard_path(shard)) as file:
            rows = file.metadata.num_rows
            told = parse_json((file.metadata.metadata or {})[_KEY])
            if (told["plan"], told["shard"]) != (survey.plan.hash, shard):
                return None
            found = Done(rows, told["unreadable"], told["ids"])
    except (OSError, pa.ArrowException, ValueError, KeyError, TypeError) as error:
        if not is_damage(error):
            raise
        return None
    return found if rows == survey.plan.length(shard) else None


def glance(survey: Survey, shard: int) -> Done | None:
    """The same, read from the last bytes of the file alone: for 30,000 shards in a second.

    What is damaged above them is not seen.
    """
    try:
        with survey.shard_path(shard).open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            tail = file.read()
    except FileNotFoundError:
        return None
    for found in re.findall(rb'\{"plan": "\w+", "shard": \d+, [^{}]+\}', tail):
        told = parse_json(found)
        if tail.endswith(b"PAR1") and told["plan"] == survey.plan.hash and told["shard"] == shard:
            return Done(survey.plan.length(shard), told["unreadable"], told["ids"])
    return find_done(survey, shard)


def write_done(survey: Survey, shard: int, table: pa.Table, done: Done) -> None:
    """Write the file of a shard, whole or not at all, with what `find_done` finds in it."""
    told = {
        "plan": survey.plan.hash,
        "shard": shard,
        "unreadable": done.unreadable,
        "ids": done.ids,
    }
    table = table.replace_schema_metadata({_KEY: json.dumps(told)})
    with replacing(survey.shard_path(shard), binary=True) as file:
        rows = survey.plan.shard_rows
        pq.write_table(table, file, row_group_size=rows, write_page_checksum=True)


def ids_digest(ids: np.ndarray) -> str:
    """A digest of ids in their order."""
    digest = hashlib.blake2b(digest_size=16)
    for each in ids:
        digest.update(each.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()


def failures(survey: Survey) -> dict[int, list[str]]:
    """Why shards could not be done, each time, in the order of the times."""
    found = defaultdict(list)
    for path in sorted((survey.folder / "failures").glob("*-*.json")):
        try:
            reason = str(parse_json(path.read_text(encoding="utf-8"))["reason"])
        except (OSError, ValueError, KeyError, TypeError):
            reason = "the note of it is damaged"
        found[int(path.name.partition("-")[0])].append(reason)
    return found


def note_failure(survey: Survey, shard: int, reason: str) -> int:
    """Note why a shard could not be done; returns how many times that is now."""
    # Whoever notes at the same time has another name.
    name = f"{shard:05d}-{time.time_ns()}-{uuid.uuid4().hex[:8]}.json"
    with replacing(survey.folder / "failures" / name) as file:
        json.dump({"reason": reason, "time": time.strftime("%Y-%m-%dT%H:%M:%S")}, file)
    return sum(1 for _ in _notes(survey, shard))


def forget_failures(survey: Survey, shards: Iterable[int]) -> None:
    """Let shards that are set aside be tried again."""
    for shard in shards:
        for path in _notes(survey, shard):
            path.unlink(missing_ok=True)


def _notes(survey: Survey, shard: int) -> Iterable[Path]:
    return (survey.folder / "failures").glob(f"{shard:05d}-*.json")
