"""What tests of surveys share: processes that are killed, and what is found in the folder."""

import json
import os
import signal
from collections import Counter
from collections.abc import Callable
from multiprocessing import get_context

import pyarrow.parquet as pq
import torch

from hubblefork.prediction.survey.plan import Survey


def in_a_process(do: Callable[[], object], *patches: tuple[object, str, Callable]) -> int:
    """Do something in a process of its own, with other functions in place; returns how it ends."""

    def run() -> None:
        torch.set_num_threads(1)  # threads of the parent are not there
        for where, name, function in patches:
            setattr(where, name, function)
        do()
        os._exit(0)

    process = get_context("fork").Process(target=run)
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def ids_of(survey: Survey) -> Counter[int]:
    """How often each id is among the answers."""
    tables = [pq.read_table(path) for path in (survey.folder / "shards").glob("*.parquet")]
    return Counter(each for table in tables for each in table["objid"].to_pylist())


def manifest(survey: Survey) -> dict:
    return json.loads((survey.folder / "manifest.json").read_text())
