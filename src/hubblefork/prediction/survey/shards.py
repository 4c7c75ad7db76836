"""One shard: whether it is done, and how it is done."""

import errno
import hashlib
import json
import os
import re
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hubblefork.core.errors import RequestError, first_line
from hubblefork.core.files import DISK_FULL, replacing
from hubblefork.core.parsing import parse_json
from hubblefork.core.temporary import locking
from hubblefork.core.text import one_line
from hubblefork.models.onnx_predictor import open_predictor
from hubblefork.models.predictor import Predictor
from hubblefork.prediction.predict import predict_rows
from hubblefork.prediction.survey import watchdog
from hubblefork.prediction.survey.plan import Survey

# Of the footer of a shard's file, what tells whose it is.
_KEY = b"hubblefork"

# Tries of a shard before it is set aside.
MOST_FAILURES = 3

# Seconds after which a shard that another command is doing is looked at again.
BUSY_WAIT = 1.0

# Of the end of a shard's file, as much as holds what it tells.
_TAIL = 64 << 10

# A survey's folder that cannot be written is the same for every shard.
_NOT_WRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS)


class Done(NamedTuple):
    """What the file of a shard says of it.

    rows: all of them. unreadable: those without a prediction. ids: a digest of the ids in order.
    """

    rows: int
    unreadable: int
    ids: str


def find_done(survey: Survey, shard: int) -> Done | None:
    """What is known of a shard that is done; None where it is not.

    A file that is cut off, or of another plan, does not count.
    """
    try:
        with pq.ParquetFile(survey.shard_path(shard)) as file:
            rows = file.metadata.num_rows
            told = parse_json((file.metadata.metadata or {})[_KEY])
            if (told["plan"], told["shard"]) != (survey.plan.hash, shard):
                return None
            found = Done(rows, told["unreadable"], told["ids"])
    except (OSError, pa.ArrowException, ValueError, KeyError, TypeError):
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
    except OSError:
        return None
    for found in re.findall(rb'\{"plan": "\w+", "shard": \d+, [^{}]+\}', tail):
        told = parse_json(found)
        if tail.endswith(b"PAR1") and told["plan"] == survey.plan.hash and told["shard"] == shard:
            return Done(survey.plan.length(shard), told["unreadable"], told["ids"])
    return find_done(survey, shard)


def do_shard(
    survey: Survey,
    predictor: Predictor,
    shard: int,
    workers: int = 1,
    done: Callable[[int], None] = lambda number: None,
) -> Done:
    """Predict the rows of a shard and write its file, whole or not at all.

    workers: threads that read images beside the network. done: called with numbers of rows.

    Raises TransientFailure where images cannot be reached for now, and RequestError where they may
    no longer be those of the plan.
    """
    plan = survey.plan
    rows = survey.read_rows(shard)
    try:
        [predictions] = predict_rows(
            predictor,
            iter([rows]),
            predictor.framing,
            workers,
            coverage=plan.options["coverage"],
            see=lambda block: done(len(block.read) + len(block.left_out)),
        )
    finally:
        rows.images.check()
    found = Done(len(rows), len(predictions.unread()), ids_digest(rows.ids))
    told = {"plan": plan.hash, "shard": shard, "unreadable": found.unreadable, "ids": found.ids}
    table = predictions.arrow()
    table = table.replace_schema_metadata({_KEY: json.dumps(told)})
    with replacing(survey.shard_path(shard), binary=True) as file:
        pq.write_table(table, file, row_group_size=plan.shard_rows, write_page_checksum=True)
    return found


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


def load(survey: Survey, device: str) -> Predictor:
    """The survey's model with the options of its plan; RequestError where it has been changed."""
    survey.check_model()
    options = survey.plan.options
    predictor = open_predictor(survey.model, device, options["crop"])
    return replace(predictor, framing=replace(predictor.framing, hdu=options["hdu"]))


def attempt(
    survey: Survey,
    predictor: Predictor,
    shard: int,
    workers: int = 1,
    done: Callable[[int], None] = lambda number: None,
) -> dict[str, Any]:
    """Do a shard unless it is done already or another process is doing it.

    Returns what became of it: {"done": rows, "unreadable": rows}; {"busy": true}; {"failed":
    reason}; {"refused": message} where no shard of this survey can be done, or {"stopped": message}
    where none can be now.
    """
    lock = survey.folder / "locks" / f"{shard:05d}"
    try:
        if not lock.exists():  # to touch one that another holds would be a sign of life of it
            lock.parent.mkdir(exist_ok=True)
            lock.touch()
        with locking(lock) as locked, watchdog.watched() as alive:
            if locked is False and not _is_stale(lock):
                return {"busy": True}

            def tell(number: int) -> None:
                alive()
                os.utime(lock)
                done(number)

            tell(0)
            found = find_done(survey, shard) or do_shard(survey, predictor, shard, workers, tell)
    except RequestError as error:
        return {"refused": str(error)}
    except OSError as error:
        if error.errno in DISK_FULL:
            return {"stopped": one_line(str(error))}
        return {"refused" if error.errno in _NOT_WRITABLE else "failed": one_line(str(error))}
    # A fault of this program or of a library, which other shards may not have.
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {first_line(error)}"}
    return {"done": found.rows, "unreadable": found.unreadable}


def _is_stale(lock: Path) -> bool:
    """Whether nobody has told for so long that a block is done that whoever locked it is gone.

    Network file systems may keep the lock of a machine that was lost.
    """
    return time.time() - lock.stat().st_mtime > 2 * watchdog.SECONDS
