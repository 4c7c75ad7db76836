"""Do one shard: in whatever process is given one."""

import errno
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from hubblefork.core.errors import RequestError, first_line
from hubblefork.core.files import DISK_FULL
from hubblefork.core.temporary import locking
from hubblefork.core.text import one_line
from hubblefork.models.onnx_predictor import open_predictor
from hubblefork.models.predictor import Predictor
from hubblefork.prediction.predict import predict_rows
from hubblefork.prediction.survey import watchdog
from hubblefork.prediction.survey.plan import Survey
from hubblefork.prediction.survey.shards import Done, find_done, ids_digest, write_done

# Seconds after which a shard that another command is doing is looked at again.
BUSY_WAIT = 1.0

# Threads that a shard has blocks for, at least, however many there are: whoever does it again gives
# the same answers to the bit.
_THREADS = 8

# A survey's folder that cannot be written is the same for every shard.
_NOT_WRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS)


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
    rows = survey.read_rows(shard)
    try:
        [predictions] = predict_rows(
            predictor,
            iter([rows]),
            predictor.framing,
            workers,
            coverage=survey.plan.options["coverage"],
            divide=_THREADS,
            see=lambda block: done(len(block.read) + len(block.left_out)),
        )
    finally:
        rows.images.check()
    found = Done(len(rows), len(predictions.unread()), ids_digest(rows.ids))
    write_done(survey, shard, predictions.arrow(), found)
    return found


def _is_stale(lock: Path) -> bool:
    """Whether nobody has told for so long that a block is done that whoever locked it is gone.

    Network file systems may keep the lock of a machine that was lost.
    """
    return time.time() - lock.stat().st_mtime > 2 * watchdog.SECONDS
