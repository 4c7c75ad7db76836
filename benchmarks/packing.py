"""Speed and memory of packing, compared with plain Pillow in one process.

    python benchmarks/packing.py [SOURCE...] [--size 80] [--repeats 5] [--out docs/packing.md]

SOURCE is a folder of images or a catalogue. Without one, JPEGs of simulated galaxies are written
to a temporary folder: of 424 pixels, as in the Galaxy Zoo challenge, and of 128. The two methods
are run alternately, so that other load on the machine slows both.

The memory is the peak of a separate process, with Python and all libraries, that packs 5,000 or
50,000 small JPEGs, all different. It is read from Linux' /proc.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import simplejpeg
from PIL import Image, ImageOps

from hubblefork import pack
from hubblefork.core.files import replacing
from hubblefork.data.sources import open_source
from hubblefork.data.sources.simulated import SimulatedSource

_NUMBERS = (5_000, 50_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sources", nargs="*", metavar="SOURCE", help="folders or catalogues")
    parser.add_argument("--size", type=int, default=80, help="side of the packed images, in pixels")
    parser.add_argument("--repeats", type=int, default=5, help="repetitions of each method")
    parser.add_argument("--out", type=Path, help="file to write the page to; it is printed too")
    parser.add_argument("--only-memory-of", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.only_memory_of:
        print(memory_to_pack(asked.only_memory_of, asked.size))
        return

    with tempfile.TemporaryDirectory() as folder:
        sources = asked.sources or make_sources(Path(folder))
        lines = [
            f"# Packing\n\nTo {asked.size}x{asked.size} pixels on {os.cpu_count()} cores; medians "
            f"of {asked.repeats} repetitions, in images per second.\n",
            "| source | images | plain Pillow, one process | `hubblefork.pack` | median ratio |",
            "|---|---|---|---|---|",
            *(speed(source, asked.size, asked.repeats) for source in sources),
            "\n| small JPEGs, all different | peak memory of the process |\n|---|---|",
            *(memory(Path(folder), number, asked.size) for number in _NUMBERS),
        ]
    page = "\n".join(lines) + "\n"
    print(page)
    if asked.out:
        with replacing(asked.out) as file:
            file.write(page)


def speed(source: str, size: int, repeats: int) -> str:
    """Measure both methods on one source, alternately; return a row of the table."""
    opened = open_source(source)
    ways: tuple[Callable[[], object], ...] = (
        lambda: plainly(opened.paths, size),
        lambda: packed_anew(source, size),
    )
    seconds = [[_seconds(way) for way in ways] for _ in range(repeats)]
    plain, ours = (
        len(opened.paths) / statistics.median(column) for column in zip(*seconds, strict=True)
    )
    ratio = statistics.median(one / other for one, other in seconds)
    name = Path(source).name if Path(source).is_dir() else f"{Path(source).parent.name}, catalogue"
    return f"| {name} | {len(opened.paths):,} | {plain:,.0f} | {ours:,.0f} | {ratio:.1f} |"


def plainly(paths: list[str], size: int) -> None:
    """Pack with Pillow alone: every image decoded at full size, cropped and scaled."""
    images = np.empty((len(paths), size, size, 3), np.uint8)
    for row, path in enumerate(paths):
        with Image.open(path) as image:
            images[row] = ImageOps.fit(image.convert("RGB"), (size, size))
    with tempfile.TemporaryFile() as file:
        np.save(file, images)


def packed_anew(source: str | Path, size: int) -> None:
    """Pack a source with an empty cache."""
    with tempfile.TemporaryDirectory() as cache:
        os.environ["HUBBLEFORK_CACHE"] = cache
        pack(source, size=size)


def _seconds(way: Callable[[], object]) -> float:
    start = time.perf_counter()
    way()
    return time.perf_counter() - start


def make_sources(folder: Path) -> list[str]:
    """Write JPEGs of simulated galaxies, each rotated by 0, 90, 180 and 270 degrees."""
    sky = SimulatedSource(250)
    for size in (424, 128):
        images = sky.read(range(sky.number), sky.framing(size=size))
        for turns in range(4):
            for row, image in enumerate(images):
                rotated = np.ascontiguousarray(np.rot90(image.pixels, turns))
                path = folder / f"simulated {size}" / f"class {row % 2}" / f"{row} {turns}.jpg"
                _write(path, rotated, "420" if size == 424 else "444")
    return [str(folder / f"simulated {size}") for size in (424, 128)]


def memory(folder: Path, number: int, size: int) -> str:
    """Pack this many images in a separate process; return a row of the table."""
    place = folder / f"{number} small"
    random = np.random.default_rng(0)
    for row in range(number):
        pixels = random.integers(0, 256, (4, 4, 3), np.uint8).repeat(12, axis=0).repeat(12, axis=1)
        _write(place / f"class {row % 2}" / f"{row}.jpg", pixels, "444")
    command = [sys.executable, __file__, "--only-memory-of", str(place), "--size", str(size)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return f"| {number:,} | {int(answer):,} MB |"


def memory_to_pack(source: Path, size: int) -> int:
    """Pack a source; return the peak memory of this process, in MB."""
    packed_anew(source, size)
    # Not getrusage's ru_maxrss: it starts from the memory of the parent process.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 // 1_000_000


def _write(path: Path, pixels: np.ndarray, subsampling: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(simplejpeg.encode_jpeg(pixels, quality=90, colorsubsampling=subsampling))


if __name__ == "__main__":
    main()
