"""Kill surveys at random moments, run them again, and check that each row is there once.

    python benchmarks/survey_kills.py [--kills 100] [--rows 4000] [--shard-rows 100] [--seed 0]

A catalogue with its images as bytes in Parquet is planned once and done without a kill. Then
`hubblefork survey run` is started on a copy of the plan again and again, and ended by SIGKILL
together with its workers, at a random moment of the time that it takes. When a survey is whole, its
ids must be those of the plan, each once, its files byte-equal to those of the undisturbed one, and
no temporary file may be left. Then the next survey begins, until there were so many kills. Prints
what was found, and exits with 1 if anything was wrong.
"""

import argparse
import hashlib
import io
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image

from hubblefork.data.images.framing import Framing
from hubblefork.models.model_card import ModelCard
from hubblefork.models.model_file import save_model
from hubblefork.models.view import View
from hubblefork.tasks.classes import Classes

_SIDE = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--rows", type=int, default=4000, help="of the catalogue")
    parser.add_argument("--shard-rows", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0, help="of the moments of the kills")
    asked = parser.parse_args()
    random.seed(asked.seed)
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        os.environ["HUBBLEFORK_CACHE"] = str(base / "cache")
        make_model(base / "model.safetensors")
        make_catalogue(base / "sky.parquet", asked.rows)
        run("survey", "plan", base / "model.safetensors", base / "sky.parquet",
            "--out", base / "plan", "--shard-rows", asked.shard_rows)  # fmt: skip
        shutil.copytree(base / "plan", base / "whole")
        seconds = -time.monotonic()
        run("survey", "run", base / "whole")
        seconds += time.monotonic()
        run("survey", "finish", base / "whole")
        expected = digests(base / "whole")
        kills, surveys, faults = 0, 0, Counter[str]()
        while kills < asked.kills:
            folder = base / "killed"
            shutil.copytree(base / "plan", folder)
            while kills < asked.kills and killed(folder, random.uniform(0, seconds)):
                kills += 1
            faults.update(wrong(folder, base / "sky.parquet", expected))
            surveys += 1
            shutil.rmtree(folder)
    for fault, number in faults.items():
        print(f"{fault}: {number} surveys")
    print(f"{kills} kills in {surveys} surveys of {asked.rows:,} rows; faults: {faults.total()}")
    sys.exit(bool(faults))


def make_model(path: Path) -> None:
    """A small network with random weights, for images of 16x16."""
    torch.manual_seed(0)
    card = ModelCard(
        network="lenet5", options={}, head="softmax", input_shape=(3, _SIDE, _SIDE),
        task=Classes(("a", "b")), framing=Framing(size=_SIDE), colours=("in colour",),
        view=View(size=_SIDE, mean=(0.0,) * 3, std=(1.0,) * 3), recipe="lenet5",
        source="random weights", versions={},
    )  # fmt: skip
    save_model(path, card.create_network(), card)


def make_catalogue(path: Path, rows: int, part: int = 10_000) -> None:
    """A Parquet file of ids, positions and different images, encoded as PNG."""
    generator = np.random.default_rng(0)
    schema = pa.schema({"id": pa.int64(), "ra": pa.float64(), "image": pa.binary()})
    with pq.ParquetWriter(path, schema) as writer:
        for first in range(0, rows, part):
            ids = np.arange(first, min(first + part, rows))
            pixels = generator.integers(0, 256, (len(ids), _SIDE, _SIDE, 3), np.uint8)
            images = [encoded(each) for each in pixels]
            writer.write_table(pa.table([ids + 2**60, ids / rows, images], schema=schema))


def encoded(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=0)
    return file.getvalue()


def run(*words: object) -> None:
    """Run a command of hubblefork to its end."""
    subprocess.run(
        [sys.executable, "-m", "hubblefork", *map(str, words)], check=True, capture_output=True
    )


def killed(folder: Path, seconds: float) -> bool:
    """Start a run and kill it after so long; whether it had not ended before."""
    process = subprocess.Popen(
        [sys.executable, "-m", "hubblefork", "survey", "run", str(folder)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        for each in [process.pid, *below(process.pid)]:
            end_group(each)
        process.wait()
    return process.returncode == -signal.SIGKILL


def below(parent: int) -> list[int]:
    """The processes that a process has started; each worker has a group of its own."""
    path = Path(f"/proc/{parent}/task/{parent}/children")
    return list(map(int, path.read_text().split())) if path.exists() else []


def end_group(process: int) -> None:
    try:
        os.killpg(process, signal.SIGKILL)
    except ProcessLookupError:
        return  # a worker that had not yet become a group, and ends with its parent


def wrong(folder: Path, catalogue: Path, expected: dict[str, str]) -> list[str]:
    """What is wrong with a survey after its last run."""
    try:
        run("survey", "run", folder)
        run("survey", "finish", folder)
    except subprocess.CalledProcessError as error:
        return [f"the next run ended with {error.returncode}: {error.stderr.decode()[-300:]}"]
    faults = []
    found = Counter(
        each
        for path in (folder / "shards").iterdir()
        for each in pq.read_table(path)["id"].to_pylist()
    )
    if found != Counter(pq.read_table(catalogue, columns=["id"])["id"].to_pylist()):
        faults.append("rows are missing, or there twice")
    if digests(folder) != expected:
        faults.append("files differ from those of an undisturbed survey")
    if left := [path.name for path in folder.rglob(".*")]:
        faults.append(f"left behind: {', '.join(sorted(left))}")
    if list((folder / "failures").iterdir()):
        faults.append("a kill was counted as a failure of a shard")
    return faults


def digests(folder: Path) -> dict[str, str]:
    """A hash of each file that has answers."""
    files = [*(folder / "shards").iterdir(), folder / "unreadable.parquet"]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


if __name__ == "__main__":
    main()
