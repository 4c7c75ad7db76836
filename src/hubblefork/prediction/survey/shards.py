"""One shard: whether it is done, and how it is done."""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hubblefork.core.errors import RequestError, first_line
from hubblefork.core.files import DISK_FULL, replacing
from hubblefork.core.parsing import parse_json
from hubblefork.core.temporary import locking
from hubblefork.core.text import one_line
from hubblefork.core.tries import TransientFailure
from hubblefork.models.onnx_predictor import open_predictor
from hubblefork.models.predictor import Predictor
from hubblefork.prediction.predict import predict_rows
from hubblefork.prediction.survey.plan import Survey

# Of the footer of a shard's file, what tells whose it is.
_KEY = b"hubblefork"

# Tries of a shard before it is set aside.
MOST_FAILURES = 3


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


def do_shard(
    survey: Survey,
    predictor: Predictor,
    shard: int,
    workers: int = 1,
    done: Callable[[int], None] = lambda number: None,
) -> Done:
    """Predict the rows of a shard and write its file, whole or not at all.

    workers: threads that read images beside the network. done: called with numbers of rows.

    Raises TransientFailure where images cannot be reached for now.
    """
    plan = survey.plan
    rows = survey.read_rows(shard)
    [predictions] = predict_rows(
        predictor,
        iter([rows]),
        predictor.framing,
        workers,
        coverage=plan.options["coverage"],
        see=lambda block: done(len(block.read) + len(block.left_out)),
    )
    found = Done(len(rows), len(predictions.unread()), ids_digest(rows.ids))
    told = {"plan": plan.hash, "shard": shard, "unreadable": found.unreadable, "ids": found.ids}
    table = predictions.arrow()
    table = table.replace_schema_metadata({_KEY: json.dumps(told)})
    with replacing(survey.shard_path(shard), binary=True) as file:
        pq.write_table(table, file, row_group_size=plan.shard_rows)
    return found


def ids_digest(ids: np.ndarray) -> str:
    """A digest of ids in their order."""
    digest = hashlib.blake2b(digest_size=16)
    for each in ids:
        digest.update(each.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()


def failures(survey: Survey, shard: int) -> list[str]:
    """Why a shard could not be done, each time."""
    found = sorted((survey.folder / "failures").glob(f"{shard:05d}-*.json"))
    return [parse_json(path.read_text(encoding="utf-8"))["reason"] for path in found]


def note_failure(survey: Survey, shard: int, reason: str) -> int:
    """Note why a shard could not be done; returns how many times that is now."""
    number = len(failures(survey, shard)) + 1
    path = survey.folder / "failures" / f"{shard:05d}-{number}.json"
    with replacing(path) as file:
        json.dump({"reason": reason, "time": time.strftime("%Y-%m-%dT%H:%M:%S")}, file)
    return number


def forget_failures(survey: Survey) -> None:
    """Let shards that are set aside be tried again."""
    for path in (survey.folder / "failures").glob("*.json"):
        path.unlink(missing_ok=True)


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

    Returns what became of it: {"done": rows, "unreadable": rows}, {"busy": true}, {"failed":
    reason}, or {"refused": message} where no shard of this survey can be done.
    """
    lock = survey.folder / "locks" / f"{shard:05d}"
    try:
        lock.touch()
        with locking(lock) as locked:
            if locked is False:
                return {"busy": True}
            found = find_done(survey, shard)
            if found is None:
                found = do_shard(survey, predictor, shard, workers, done)
    except RequestError as error:
        return {"refused": str(error)}
    except (TransientFailure, MemoryError) as error:
        return {"failed": first_line(error)}
    except OSError as error:
        if error.errno in DISK_FULL:
            return {"refused": one_line(str(error))}
        return {"failed": one_line(str(error))}
    return {"done": found.rows, "unreadable": found.unreadable}
