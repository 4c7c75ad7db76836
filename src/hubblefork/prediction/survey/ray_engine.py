"""Do the shards of a survey on a Ray cluster: Ray Data, one row per shard, one actor a worker.

The folder of the survey is to be on a file system that all machines share, and hubblefork installed
on each of them. Ray replaces workers and machines that die, and does their shards again. What is
done is told by the files of the shards and not by Ray's own checkpoints, which are written at the
very end.
"""

import json
import logging
import os
import socket
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from hubblefork.core.errors import RequestError, first_line
from hubblefork.core.progress import be_silent, progress, say
from hubblefork.core.tries import reason_of
from hubblefork.prediction.survey.one_shard import BUSY_WAIT, attempt, load
from hubblefork.prediction.survey.plan import Survey
from hubblefork.prediction.survey.shards import MOST_FAILURES
from hubblefork.prediction.survey.todo import Todo
from hubblefork.prediction.survey.watchdog import watched

# Seconds that a cluster has to answer in.
_ANSWER = 5.0


class ShardActor:
    """A worker of the cluster, which keeps the model and does one shard after another.

    session: of the command that started it. What an actor has begun is marked in the folder, since
    Ray does not tell how often one has died over the same shard.
    """

    def __init__(self, folder: str, device: str, session: str):
        import torch

        be_silent()
        torch.set_num_threads(1)
        self.survey = Survey.open(Path(folder))
        with watched():
            self.predictor = load(self.survey, device)
        self.session = session

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        told = [json.dumps(self._do(int(shard))) for shard in batch["shard"]]
        return {"shard": batch["shard"], "outcome": np.array(told, dtype=object)}

    def _do(self, shard: int) -> dict[str, Any]:
        mark = self.survey.folder / "locks" / f"{shard:05d}.{self.session}"
        if mark.exists() and mark.stat().st_size >= MOST_FAILURES:
            return {"died": "each time that it was tried"}
        with mark.open("ab") as file:
            file.write(b".")
        outcome = attempt(self.survey, self.predictor, shard)
        mark.unlink(missing_ok=True)
        if "busy" in outcome:
            time.sleep(BUSY_WAIT)
        return outcome


def run_on_ray(
    survey: Survey,
    shards: Sequence[int],
    address: str = "auto",
    device: str = "auto",
    workers: int | None = None,
) -> Todo:
    """Do shards that are neither done nor set aside; see `run_survey`.

    address: of a cluster; `auto` for the one that this machine belongs to, or else a new one on
        this machine. workers: actors; None for one per GPU, or all processors of each machine but
        one (two actors on two processors may wait for each other for ever:
        https://github.com/ray-project/ray/issues/44687).

    Raises RequestError where Ray is not installed or the cluster cannot be reached.
    """
    todo = Todo(survey, shards)
    if not todo.waiting:
        return todo
    session = uuid.uuid4().hex
    with (
        _cluster(address) as ray,
        progress("classifying", todo.rows, "rows", before=todo.done) as advance,
    ):
        while todo.waiting:
            handed = [todo.waiting.popleft() for _ in range(len(todo.waiting))]
            for shard, outcome in _outcomes(ray, survey, handed, device, session, workers):
                todo.settle(shard, outcome)
                advance(outcome.get("done", 0), todo.note)
    for mark in (survey.folder / "locks").glob(f"*.{session}"):
        mark.unlink(missing_ok=True)
    return todo


def _outcomes(
    ray: Any,
    survey: Survey,
    shards: list[int],
    device: str,
    session: str,
    workers: int | None,
) -> Iterator[tuple[int, dict[str, Any]]]:
    """What became of each shard, as they are done."""
    on_gpus, most = _most_actors(ray, device)
    size = min(workers or most, len(shards))
    rows = ray.data.from_items(
        [{"shard": shard} for shard in shards], override_num_blocks=len(shards)
    )
    done = rows.map_batches(
        ShardActor,
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=size),
        fn_constructor_args=(str(survey.folder.absolute()), device, session),
        num_cpus=1,
        num_gpus=int(on_gpus),
        udf_modifying_row_count=False,
    )
    try:
        for batch in done.iter_batches(batch_size=1, prefetch_batches=0):
            for shard, outcome in zip(batch["shard"], batch["outcome"], strict=True):
                yield int(shard), json.loads(outcome)
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None)
        if isinstance(cause, RequestError):  # a changed model
            raise RequestError(str(cause)) from error
        raise RequestError(
            f"Ray has stopped trying: {first_line(error)}; the next run continues"
        ) from error


def _connect(ray: Any, address: str) -> None:
    options: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    if address == "auto":
        address = os.environ.get("RAY_ADDRESS") or address
    try:
        _knock(address)
        ray.init(address=address, **options)
    except (OSError, ValueError) as error:
        if address != "auto":
            why = reason_of(error) if isinstance(error, OSError) else first_line(error)
            raise RequestError(
                f"no Ray cluster at {address}: {why}; --ray auto starts one on this machine where "
                "none is running"
            ) from error
        say("no Ray cluster is running here: one is started on this machine")
        ray.init(address="local", include_dashboard=False, **options)


def _knock(address: str) -> None:
    """Raise OSError or ValueError unless something answers at the address of a cluster.

    Ray itself tries again for minutes, also where a file tells it of a cluster that was killed.
    """
    from ray._private.services import canonicalize_bootstrap_address

    found = canonicalize_bootstrap_address(address.removeprefix("ray://"))
    if found is None:
        raise ValueError("expected HOST:PORT")
    host, _, port = found.rpartition(":")
    socket.create_connection((host.strip("[]"), int(port)), _ANSWER).close()


def _most_actors(ray: Any, device: str) -> tuple[bool, int]:
    """Whether GPUs are used, and how many actors there may be, one per GPU or a processor."""
    machines = [each["Resources"] for each in ray.nodes() if each["Alive"]]
    gpus = 0 if device == "cpu" else sum(int(each.get("GPU", 0)) for each in machines)
    # Ray Data spreads them over the machines. One processor of each is left, also for the actor of
    # another machine that is lost.
    processors = sum(max(1, int(each["CPU"]) - 1) for each in machines if each.get("CPU", 0) >= 1)
    if not gpus and not processors:
        raise RequestError("the Ray cluster has no processor for a worker")
    return bool(gpus), gpus or processors


@contextmanager
def _cluster(address: str) -> Iterator[Any]:
    """Connect to a cluster, or start one on this machine that ends with the block."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_DATA_DISABLE_PROGRESS_BARS", "1")
    try:
        import ray
        import ray.data
    except ImportError:
        raise RequestError("--ray needs Ray: pip install 'hubblefork[survey]'") from None
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    _connect(ray, address)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.max_errored_blocks = 0
    try:
        yield ray
    finally:
        ray.shutdown()
