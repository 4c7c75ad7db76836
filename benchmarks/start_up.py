"""Processor time of each verb before its real work: its help, a wrong request, and a tiny one.

    python benchmarks/start_up.py            prints the table of docs/commands.md
    python benchmarks/start_up.py --tries 9

User and system time, which other work on the machine changes little: medians, of the whole process
or, for the first line, until the process of a tiny request has printed it.
The wrong request names a model, a source or a survey that is not there. The tiny one is of 60
images of 32x32 pixels, or of a LeNet-5 that was trained on them: its work is next to nothing.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from markdown_table import as_markdown
from PIL import Image

NOWHERE = "nowhere/at/all"
SMALL = ["--recipe", "lenet5", "--size", "32", "--set", "epochs=1"]
# The wrong request of each verb, and its tiny one, with whether it is run to its end: not where it
# ends only by being interrupted, or has work of many seconds. FRESH is another path each time.
FRESH = "fresh"
VERBS = {
    "inspect": (["inspect", NOWHERE], ["inspect", "images", "--size", "32"], True),
    "compare": (["compare", NOWHERE, "a"], ["compare", "a", "b"], True),
    "list": (["list", "nothing"], ["list", "recipes"], True),
    "list networks": (["list", "nothing"], ["list", "networks"], True),
    "list models": (["list", "nothing"], ["list", "models"], True),
    "survey status": (["survey", "status", NOWHERE], ["survey", "status", "survey"], True),
    "survey export": (
        ["survey", "export", NOWHERE, "--to", "a.csv"],
        ["survey", "export", "survey", "--to", "answers.csv"],
        True,
    ),
    "survey plan": (
        ["survey", "plan", NOWHERE, "images", "--out", FRESH],
        ["survey", "plan", "a", "images", "--out", FRESH],
        True,
    ),
    "predict": (["predict", NOWHERE, "images"], ["predict", "a", "images/bright/0.png"], True),
    "train": (["train", NOWHERE], ["train", "images", *SMALL, "--out", FRESH], False),
    "train --dry-run": (
        ["train", "images", "--network", "lenet"],
        ["train", "images", *SMALL, "--dry-run"],
        True,
    ),
    "evaluate": (["evaluate", NOWHERE], ["evaluate", "a", "images", "--out", FRESH], True),
    "explain": (["explain", NOWHERE], ["explain", "a", "--out", FRESH], False),
    "export": (["export", NOWHERE], ["export", "a", "--out", f"{FRESH}.onnx"], False),
    "reproduce": (["reproduce", "nobody"], ["reproduce", "mlp", "images", "--out", FRESH], False),
    "serve": (["serve", NOWHERE], ["serve", "images", "--labels", FRESH], False),
    "demo": (["demo", "--seed", "none"], ["demo", "--quick", "--out", FRESH], False),
}


def run(folder: Path, words: list[str], status: int = 0) -> float:
    """Processor seconds of the command line with these words, which has to end with this status."""
    command = [sys.executable, "-m", "hubblefork", *words]
    with (folder / "output").open("w") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)
        _, ended, used = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(ended) != status:
        raise SystemExit(f"{' '.join(words)}:\n{(folder / 'output').read_text()}")
    return used.ru_utime + used.ru_stime


def prepare(folder: Path) -> None:
    """Images, the runs a and b, and a survey that is finished."""
    random = np.random.default_rng(0)
    for name, level in {"bright": 160, "dark": 80}.items():
        (folder / "images" / name).mkdir(parents=True)
        for number in range(30):
            pixels = random.normal(level, 30, (32, 32, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / "images" / name / f"{number}.png")
    for name in ("a", "b"):
        run(folder, ["train", "images", *SMALL, "--out", name])
    run(folder, ["predict", "a", "images", "--out", "survey/"])


def until_first_line(folder: Path, words: list[str]) -> float:
    """Processor seconds until the first line is printed, to either stream; then it is ended."""
    command = [sys.executable, "-m", "hubblefork", *words]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        if not process.stdout.readline():
            raise SystemExit(f"{' '.join(words)}: no line")
        # Fields 14 and 15 of /proc/PID/stat, behind the name in brackets: user and system ticks.
        ticks = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        process.terminate()
        process.stdout.read()
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def median(folder: Path, measure: Callable[..., float], words: list[str], tries: int) -> str:
    """The median of what is measured of a request, in seconds."""
    seconds = []
    for _ in range(tries):
        fresh = tempfile.mktemp(dir=folder)
        seconds.append(measure(folder, [each.replace(FRESH, fresh) for each in words]))
    return f"{statistics.median(seconds):.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tries", type=int, default=5)
    tries = parser.parse_args().tries
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        os.environ["HUBBLEFORK_CACHE"] = str(folder / "cache")
        prepare(folder)
        rows = []
        for verb, (wrong, tiny, ends) in VERBS.items():
            shown = [*(verb.split() if verb.startswith("survey") else verb.split()[:1]), "--help"]
            row = [
                median(folder, run, shown, tries),
                median(folder, partial(run, status=2), wrong, tries),
                median(folder, until_first_line, tiny, tries),
                median(folder, run, tiny, tries) if ends else "–",
            ]
            rows.append([verb, *row])
    names = ["verb", "`--help`", "wrong request", "first line", "tiny request"]
    print(as_markdown(names, rows), end="")


if __name__ == "__main__":
    main()
