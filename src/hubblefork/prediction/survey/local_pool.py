"""A pool of worker processes on this machine, each of which does one shard after another.

There is one process per core, with one thread each: two threads of one network wait for each other
wherever the machine has something else to do (`benchmarks/survey_workers.py`). On GPUs there is one
process per GPU. Where there are fewer shards, fewer processes have more threads each.

A process begins with imports that take seconds. The first one can begin them before anything else
is done, by `worker_ahead`; for that, this module itself imports nothing that takes long.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from queue import Queue
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hubblefork.prediction.survey.plan import Survey

# Of its libraries, none starts threads of its own beside ours.
_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

# On Linux, of Nvidia's driver, of AMD's, and of Windows below it: without one of them torch finds
# no GPU.
_DRIVERS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")

# A process that nobody has given anything to do yet.
_ahead: list["subprocess.Popen[str]"] = []


@dataclass(frozen=True)
class Event:
    """Something that a worker told, or its end: {"died": how}."""

    worker: int
    content: dict[str, Any]


class LocalPool:
    """Workers that are given shards, and whose events come in one queue.

    shards: how many there are to do. device: `auto`, `cpu` or `cuda`. workers: how many; None for
    one per GPU or one per core.
    """

    def __init__(
        self, survey: "Survey", shards: int, device: str = "auto", workers: int | None = None
    ):
        from joblib import cpu_count

        self.survey = survey
        self._gpus = _gpus(device)
        most = workers or self._gpus or cpu_count()
        self.number = min(most, shards)
        self.threads = max(1, (cpu_count() if self._gpus else most) // self.number)
        self._processes: dict[int, subprocess.Popen[str]] = {}
        self._events: Queue[Event] = Queue()

    def start(self, worker: int) -> None:
        """Start a worker, also in place of one that has died."""
        process = _ahead.pop() if _ahead else _begin()
        self._processes[worker] = process
        threading.Thread(target=self._listen, args=(worker, process), daemon=True).start()
        told = {"survey": str(self.survey.folder), "device": "cpu", "threads": self.threads}
        if self._gpus:
            told.update(device="cuda", gpu=_visible(worker % self._gpus))
        self._tell(worker, json.dumps(told))

    def _listen(self, worker: int, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            with suppress(ValueError):  # what something printed before the worker began
                self._events.put(Event(worker, dict(json.loads(line))))
        code = process.wait()
        how = f"by signal {-code}" if code < 0 else f"with status {code}"
        self._events.put(Event(worker, {"died": how}))

    def give(self, worker: int, shard: int) -> None:
        """Give a worker a shard; where it has died, that is an event."""
        self._tell(worker, str(shard))

    def _tell(self, worker: int, line: str) -> None:
        stdin = self._processes[worker].stdin
        assert stdin is not None
        with suppress(BrokenPipeError):  # `_listen` tells
            stdin.write(f"{line}\n")
            stdin.flush()

    def next(self) -> Event:
        """Wait for the next event."""
        return self._events.get()

    def stop(self) -> None:
        """End all workers."""
        for process in self._processes.values():
            _end(process)


@contextmanager
def local_pool(
    survey: "Survey", shards: int, device: str, workers: int | None
) -> Iterator[LocalPool]:
    """A pool that is stopped when the block is left."""
    pool = LocalPool(survey, shards, device, workers)
    try:
        yield pool
    finally:
        pool.stop()


@contextmanager
def worker_ahead() -> Iterator["subprocess.Popen[str]"]:
    """Start a process, which the first pool in the block takes as its first worker."""
    process = _begin()
    _ahead.append(process)
    try:
        yield process
    finally:
        _ahead.clear()
        _end(process)


def _begin() -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "hubblefork.prediction.survey.worker", str(os.getpid())],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8",
        env={**os.environ, **dict.fromkeys(_LIMITS, "1")},
        start_new_session=True,  # an interrupt at the keyboard is for the parent
    )  # fmt: skip


def _end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.wait()


def _gpus(device: str) -> int:
    """How many GPUs are to be used; RequestError for a device that is not there.

    torch is imported only where there may be some: its import takes as long as a short survey.
    """
    nowhere = sys.platform == "linux" and not any(map(os.path.exists, _DRIVERS))
    if device == "cpu" or (device == "auto" and nowhere):
        return 0
    import torch

    from hubblefork.core.device import choose_device

    return torch.cuda.device_count() if choose_device(device).type == "cuda" else 0


def _visible(gpu: int) -> str:
    """The name of a GPU among those that this process may use."""
    names = os.environ.get("CUDA_VISIBLE_DEVICES")
    return names.split(",")[gpu] if names else str(gpu)
