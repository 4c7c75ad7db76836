"""A pool of worker processes on this machine, each of which does one shard after another.

There is one process per core, with one thread each: two threads of one network wait for each other
wherever the machine has something else to do (`benchmarks/survey_workers.py`). On GPUs there is one
process per GPU.
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
from typing import Any

from joblib import cpu_count

from hubblefork.prediction.survey.plan import Survey

# Of its libraries, none starts threads of its own beside ours.
_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Event:
    """Something that a worker told, or its end: {"died": how}."""

    worker: int
    content: dict[str, Any]


class LocalPool:
    """Workers that are given shards, and whose events come in one queue.

    device: `auto`, `cpu` or `cuda`. workers: how many; None for one per GPU or one per core.
    """

    def __init__(self, survey: Survey, device: str = "auto", workers: int | None = None):
        # A survey is planned, looked at and exported without torch.
        import torch

        from hubblefork.core.device import choose_device

        self.survey = survey
        self.device = choose_device(device).type
        gpus = torch.cuda.device_count() if self.device == "cuda" else 0
        self.number = workers or gpus or cpu_count()
        self.threads = max(1, cpu_count() // self.number) if gpus else 1
        self._gpus = gpus
        self._processes: dict[int, subprocess.Popen[str]] = {}
        self._events: Queue[Event] = Queue()

    def start(self, worker: int) -> None:
        """Start a worker, in place of one that has died."""
        environment = {**os.environ, **dict.fromkeys(_LIMITS, str(self.threads))}
        if self._gpus:
            environment["CUDA_VISIBLE_DEVICES"] = _visible(worker % self._gpus)
        process = subprocess.Popen(
            [sys.executable, "-m", "hubblefork.prediction.survey.worker",
             str(self.survey.folder), self.device, str(self.threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8",
            env=environment,
            start_new_session=True,  # an interrupt at the keyboard is for the parent
        )  # fmt: skip
        self._processes[worker] = process
        threading.Thread(target=self._listen, args=(worker, process), daemon=True).start()

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
        stdin = self._processes[worker].stdin
        assert stdin is not None
        try:
            stdin.write(f"{shard}\n")
            stdin.flush()
        except BrokenPipeError:
            return  # `_listen` tells

    def next(self) -> Event:
        """Wait for the next event."""
        return self._events.get()

    def stop(self) -> None:
        """End all workers."""
        for process in self._processes.values():
            process.kill()
            process.wait()


@contextmanager
def local_pool(survey: Survey, device: str, workers: int | None) -> Iterator[LocalPool]:
    """A pool that is stopped when the block is left."""
    pool = LocalPool(survey, device, workers)
    try:
        yield pool
    finally:
        pool.stop()


def _visible(gpu: int) -> str:
    """The name of a GPU among those that this process may use."""
    names = os.environ.get("CUDA_VISIBLE_DEVICES")
    return names.split(",")[gpu] if names else str(gpu)
