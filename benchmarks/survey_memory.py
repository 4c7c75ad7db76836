"""Compare the peak memory of predicting few and many rows, with and without a survey.

    python benchmarks/survey_memory.py [--rows 1000000] [--fewer 100000] [--workers 1]

For both numbers of rows, a tiny network predicts images of 16x16

- as bytes in one Parquet file, by `hubblefork predict CATALOGUE --out FILE`,
- as files named in a CSV catalogue, by the same,
- as bytes in one Parquet file, by `hubblefork survey run`, which is killed five times on its way.

Peak memory is the sum of that of the command and its workers, as Linux tells it. Exits with 1 if
that of the many rows is more than 1.1 times that of the few, or a row is not there once.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from survey_kills import below, encoded, end_group, make_catalogue, make_model, run

_MOST_GROWTH = 1.1
_KILLS = 5

# Looks at a process, 50 a second, before it counts: one that has been forked and not yet become
# another program seems to be as large as its parent.
_SHORT = 25


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--fewer", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        os.environ["HUBBLEFORK_CACHE"] = str(base / "cache")
        make_model(base / "model.safetensors")
        peaks = [dict(measure(base, rows, asked.workers)) for rows in (asked.fewer, asked.rows)]
    good = True
    for what in peaks[0]:
        few, many = (each[what] for each in peaks)
        good &= many <= _MOST_GROWTH * few
        print(
            f"{what}: {few >> 10:,} MB for {asked.fewer:,} rows, {many >> 10:,} MB for "
            f"{asked.rows:,}, {many / few:.2f} times as much"
        )
    sys.exit(not good)


def measure(base: Path, rows: int, workers: int) -> Iterator[tuple[str, int]]:
    """Peak memory of each way to predict, in kB."""
    folder = base / str(rows)
    folder.mkdir()
    model, stored, named = base / "model.safetensors", folder / "sky.parquet", folder / "sky.csv"
    make_catalogue(stored, rows)
    make_paths(named, rows)
    yield "predict, bytes", peak("predict", model, stored, "--out", folder / "bytes.parquet")
    yield "predict, paths", peak("predict", model, named, "--out", folder / "paths.csv")
    survey = folder / "survey"
    yield "survey plan", peak("survey", "plan", model, stored, "--out", survey)
    command = ("survey", "run", survey, "--workers", workers)
    started = time.monotonic()
    highest = [peak(*command, seconds=10.0 + rows / 10_000) for _ in range(_KILLS)]
    highest.append(peak(*command))
    print(f"{rows:,} rows: survey run, {time.monotonic() - started:.0f} s with kills", flush=True)
    yield "survey run", max(highest)
    run("survey", "finish", survey)
    found = [pq.read_table(path, columns=["id"])["id"] for path in (survey / "shards").iterdir()]
    ids = np.sort(np.concatenate(found))
    if not np.array_equal(ids, np.arange(rows) + 2**60):
        print(f"{rows:,} rows: some are missing, or there twice")
        sys.exit(1)


def make_paths(path: Path, rows: int, images: int = 1000) -> None:
    """A catalogue in CSV over a thousand files."""
    generator = np.random.default_rng(0)
    for number in range(images):
        pixels = generator.integers(0, 256, (16, 16, 3), np.uint8)
        (path.parent / f"{number}.png").write_bytes(encoded(pixels))
    with path.open("w") as file:
        file.write("objid,ra,dec,file\n")
        for row in range(rows):
            file.write(f"{2**60 + row},{360 * row / rows:.6f},{row % 90}.5,{row % images}.png\n")


def peak(*words: object, seconds: float | None = None) -> int:
    """The peak memory of a command and of the workers that it starts, killed after some seconds."""
    command = [sys.executable, "-m", "hubblefork", *map(str, words)]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )
    end = None if seconds is None else time.monotonic() + seconds
    highest: dict[int, int] = {}
    seen: Counter[int] = Counter()
    while process.poll() is None:
        for each in [process.pid, *below(process.pid)]:
            seen[each] += 1
            if seen[each] > _SHORT:
                highest[each] = max(highest.get(each, 0), resident(each))
        if end is not None and time.monotonic() > end:
            for each in [process.pid, *below(process.pid)]:
                end_group(each)
            process.wait()
            return sum(highest.values())
        time.sleep(0.02)
    if process.returncode:
        raise RuntimeError(process.stderr.read().decode()[-500:])
    return sum(highest.values())


def resident(process: int) -> int:
    """Peak resident memory of a process so far, in kB; 0 where it has ended."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    return next((int(e.split()[1]) for e in status.splitlines() if e.startswith("VmHWM")), 0)


if __name__ == "__main__":
    main()
