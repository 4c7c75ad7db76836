"""Kill packing, training and prediction at random moments, and check what the next command does.

    python benchmarks/kills.py [--kills 100] [--seed 0]

Each trial starts a command in a new process and ends it by SIGKILL at a random moment of the time
that it takes. Every file that has its final name must then be whole; and the same command, run
again (a training with `--resume`), must give what an uninterrupted one gives, byte for byte, and
leave no temporary file. Prints how often each command was killed, and exits with 1 if anything was
wrong.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from safetensors.numpy import load_file

import hubblefork

# Forked from a process that has imported everything: a command starts in milliseconds.
_PROCESSES = multiprocessing.get_context("forkserver")
_PRELOADED = ["hubblefork.workflow.train", "hubblefork.workflow.predict"]
_SETTINGS = {"epochs": 8, "patience": 99, "batch_size": 16}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100, help="of all commands together")
    parser.add_argument("--seed", type=int, default=0, help="of the moments of the kills")
    asked = parser.parse_args()
    random.seed(asked.seed)
    os.environ["OMP_NUM_THREADS"] = "1"  # more would round differently from time to time
    _PROCESSES.set_forkserver_preload(_PRELOADED)
    killed: Counter[str] = Counter()
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        make_images(base / "sky")
        trials = [Trial(base, command) for command in (PACKING, TRAINING, PREDICTION)]
        for turn in range(10 * asked.kills):
            trial = trials[turn % len(trials)]
            found = trial.run()
            if found is not None:
                killed[trial.command.name] += 1
                faults += [f"{trial.command.name}: {fault}" for fault in found]
            if killed.total() == asked.kills:
                break
    print("".join(f"{fault}\n" for fault in faults), end="")
    print(", ".join(f"{kind}: {number} kills" for kind, number in killed.items()), end="; ")
    print(f"faults: {len(faults)}")
    sys.exit(bool(faults))


def make_images(folder: Path) -> None:
    """Two classes of 150 small images."""
    generator = np.random.default_rng(0)
    for place, name in enumerate(("dark", "bright")):
        (folder / name).mkdir(parents=True)
        for image in range(150):
            pixels = generator.integers(100 * place, 100 * place + 150, (24, 24, 3), np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{image}.png")


@dataclass(frozen=True)
class Command:
    """A command that is killed, in a folder of its own.

    `call(base, folder)` runs it; `prepare(base, folder)` comes before the first time;
    `result(folder)` is what must not depend on a kill; `check(folder)` raises where a file that has
    its final name is not whole.
    """

    name: str
    call: Callable[[Path, Path], None]
    prepare: Callable[[Path, Path], None]
    result: Callable[[Path], Any]
    check: Callable[[Path], None]


class Trial:
    """Runs a command once without a kill, then again and again with one."""

    def __init__(self, base: Path, command: Command):
        self.base, self.command = base, command
        for _ in range(2):  # the first also waits until the modules are imported
            folder = self._new_folder()
            started = time.monotonic()
            process = self._start(folder)
            process.join()
            if process.exitcode:
                raise RuntimeError(f"{command.name} failed without a kill: {_log(folder)}")
            self.seconds = time.monotonic() - started
        self.result = command.result(folder)
        self.files = _files(folder)

    def run(self) -> list[str] | None:
        """What was wrong after a kill; None where the command had ended before it."""
        folder = self._new_folder()
        process = self._start(folder)
        process.join(random.uniform(0, self.seconds))
        process.kill()
        process.join()
        if process.exitcode != -signal.SIGKILL:
            shutil.rmtree(folder)
            return None
        faults = []
        try:
            self.command.check(folder)
        except Exception as error:
            faults.append(f"half-written: {error!r}")
        process = self._start(folder)
        process.join()
        if process.exitcode:
            faults.append(f"the next command ended with {process.exitcode}: {_log(folder)}")
        elif self.command.result(folder) != self.result:
            faults.append("the result differs from that of an uninterrupted command")
        if more := _files(folder) - self.files:
            faults.append(f"left behind: {', '.join(sorted(more))}")
        shutil.rmtree(folder)
        return faults

    def _new_folder(self) -> Path:
        folder = Path(tempfile.mkdtemp(dir=self.base))
        (folder / "tmp").mkdir()
        self.command.prepare(self.base, folder)
        return folder

    def _start(self, folder: Path) -> Any:
        process = _PROCESSES.Process(target=_run, args=(self.command.name, self.base, folder))
        process.start()
        return process


def _run(name: str, base: Path, folder: Path) -> None:
    """The main function of a process that may be killed."""
    log = os.open(folder / "tmp.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ |= {"HUBBLEFORK_CACHE": str(folder / "cache"), "TMPDIR": str(folder / "tmp")}
    tempfile.tempdir = None  # asked for anew
    _COMMANDS[name].call(base, folder)


def _log(folder: Path) -> str:
    return (folder / "tmp.log").read_text()[-800:]


def _files(folder: Path) -> set[str]:
    """Names of all files but what the cache remembers of a file, which goes by the file's path."""
    files = {str(path.relative_to(folder)) for path in folder.rglob("*")}
    return {name for name in files if not name.startswith("cache/remembered/")}


def _digest(folder: Path, *patterns: str) -> str:
    """One hash of the files that match."""
    digest = hashlib.sha256()
    for path in sorted(path for pattern in patterns for path in folder.glob(pattern)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _pack(base: Path, folder: Path) -> None:
    hubblefork.pack(base / "sky", size=24)


def _check_datasets(folder: Path) -> None:
    for path in folder.glob("cache/datasets/[!.]*"):
        images = np.load(path / "images.npy", mmap_mode="r")
        table = pd.read_parquet(path / "table.parquet")
        json.loads((path / "dataset.json").read_text())
        assert len(images) == len(table) == 300, path


def _train(base: Path, folder: Path) -> None:
    hubblefork.train(
        base / "sky",
        "lenet5",
        out=folder / "run",
        settings=_SETTINGS,
        size=24,
        device="cpu",
        precision="fp32",
        resume=True,
    )


def _check_run(folder: Path) -> None:
    """Every file of a run that has its name can be read."""
    readers: dict[str, Callable[[Path], Any]] = {
        ".toml": lambda path: tomllib.loads(path.read_text()),
        ".json": lambda path: json.loads(path.read_text()),
        ".csv": lambda path: pd.read_csv(path, comment="#"),
        ".safetensors": load_file,
        ".png": lambda path: Image.open(path).load(),
        ".html": lambda path: path.read_text().rindex("</html>"),
    }
    _check_datasets(folder)
    for path in folder.glob("run/**/[!.]*.*"):
        if path.suffix in readers:
            readers[path.suffix](path)


def _predict(base: Path, folder: Path) -> None:
    hubblefork.predict(folder / "run", base / "sky", out=folder / "predictions.csv")


def _add_run(base: Path, folder: Path) -> None:
    """A trained run, made once."""
    if not (base / "trained").exists():
        _run_once = _PROCESSES.Process(target=_run, args=("training", base, base / "trained"))
        (base / "trained" / "tmp").mkdir(parents=True)
        _run_once.start()
        _run_once.join()
    shutil.copytree(base / "trained" / "run", folder / "run")


def _check_predictions(folder: Path) -> None:
    if (folder / "predictions.csv").exists():
        assert len(pd.read_csv(folder / "predictions.csv")) == 300


def _nothing(base: Path, folder: Path) -> None:
    """What a command that starts from nothing needs."""


PACKING = Command(
    "packing",
    _pack,
    _nothing,
    lambda folder: _digest(folder, "cache/datasets/*/images.npy", "cache/datasets/*/table.parquet"),
    _check_datasets,
)
TRAINING = Command(
    "training",
    _train,
    _nothing,
    lambda folder: _digest(
        folder, *(f"run/{name}" for name in ("model.safetensors", "predictions.csv", "split.csv"))
    ),
    _check_run,
)
PREDICTION = Command(
    "prediction",
    _predict,
    _add_run,
    lambda folder: _digest(folder, "predictions.csv"),
    _check_predictions,
)
_COMMANDS = {command.name: command for command in (PACKING, TRAINING, PREDICTION)}


if __name__ == "__main__":
    main()
