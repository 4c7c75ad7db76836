"""Train on a packed dataset that is larger than the memory available to the training.

    python benchmarks/larger_than_memory.py SOURCE [--size 256] [--limit 1.5] [--recipe lenet5]

packs SOURCE at SIZE pixels, trains one epoch in a Linux control group whose memory is limited to
LIMIT gigabytes (page cache included), and prints the size of the dataset, the limit and the peak
memory. Creating a control group requires root or a delegated group.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hubblefork import pack

# Control groups version 1 and 2: the folder, the file of the limit and that of the peak memory.
_GROUPS = (
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.max_usage_in_bytes"),
    (Path("/sys/fs/cgroup"), "memory.max", "memory.peak"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source")
    parser.add_argument(
        "--size", type=int, default=256, help="side of the packed images, in pixels"
    )
    parser.add_argument("--limit", type=float, default=1.5, help="memory limit, in gigabytes")
    parser.add_argument("--recipe", default="lenet5")
    asked = parser.parse_args()

    dataset = pack(asked.source, size=asked.size)
    command = [sys.executable, "-m", "hubblefork", "train", asked.source, "--recipe", asked.recipe]
    command += ["--size", str(asked.size), "--set", "view.size=64", "--set", "epochs=1"]
    with tempfile.TemporaryDirectory() as folder, limited(int(asked.limit * 1e9)) as (join, peak):
        start = time.monotonic()
        subprocess.run([*command, "--out", f"{folder}/run"], preexec_fn=join, check=True)
        seconds = time.monotonic() - start
        print(
            f"{len(dataset):,} images, {dataset.images.nbytes / 1e9:.2f} GB packed; trained and "
            f"evaluated in {seconds:.0f} s within {asked.limit:g} GB, peak {peak() / 1e9:.2f} GB "
            "with the page cache"
        )


@contextmanager
def limited(size: int) -> Iterator[tuple]:
    """Make a control group of `size` bytes; yields functions to join it and to read its peak."""
    root, limit, peak = next(group for group in _GROUPS if (group[0] / "cgroup.procs").exists())
    group = root / f"hubblefork-{os.getpid()}"
    group.mkdir()
    try:
        (group / limit).write_text(str(size))
        yield (
            lambda: (group / "cgroup.procs").write_text(str(os.getpid())),
            lambda: int((group / peak).read_text()),
        )
    finally:
        group.rmdir()


if __name__ == "__main__":
    main()
