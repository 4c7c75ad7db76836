"""Processor time of each verb before its real work: its help, a wrong request, and a tiny one.

    python benchmarks/start_up.py            prints the table of docs/commands.md
    python benchmarks/start_up.py --tries 9

User and system time of the whole process, which other work on the machine changes little: medians.
The wrong request names a model, a source or a survey that is not there. The tiny one is of 60
images of 32x32 pixels, or of a LeNet-5 that was trained on them: its work is next to nothing.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from markdown_table import as_markdown
from PIL import Image

NOWHERE = "nowhere/at/all"
SMALL = ["--recipe", "lenet5", "--size", "32", "--set", "epochs=1"]
# The wrong request of each verb, and its tiny one; none where it ends only by being interrupted,
# or has work of many seconds. The folder FRESH is another one each time.
FRESH = "fresh"
VERBS = {
    "inspect": (["inspect", NOWHERE], ["inspect", "images", "--size", "32"]),
    "compare": (["compare", NOWHERE, "a"], ["compare", "a", "b"]),
    "list": (["list", "nothing"], ["list", "recipes"]),
    "list networks": (["list", "nothing"], ["list", "networks"]),
    "survey status": (["survey", "status", NOWHERE], ["survey", "status", "survey"]),
    "survey export": (
        ["survey", "export", NOWHERE, "--to", "a.csv"],
        ["survey", "export", "survey", "--to", "answers.csv"],
    ),
    "survey plan": (
        ["survey", "plan", NOWHERE, "images", "--out", FRESH],
        ["survey", "plan", "a", "images", "--out", FRESH],
    ),
    "predict": (["predict", NOWHERE, "images"], ["predict", "a", "images/bright/0.png"]),
    "train": (["train", NOWHERE], ["train", "images", *SMALL, "--dry-run"]),
    "evaluate": (["evaluate", NOWHERE], ["evaluate", "a", "images", "--out", FRESH]),
    "explain": (["explain", NOWHERE], None),
    "export": (["export", NOWHERE], None),
    "reproduce": (["reproduce", "nobody"], None),
    "serve": (["serve", NOWHERE], None),
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


def median(folder: Path, words: list[str] | None, status: int, tries: int) -> str:
    """The median of the processor seconds of a request; a dash where there is none."""
    if words is None:
        return "–"
    seconds = []
    for _ in range(tries):
        fresh = tempfile.mktemp(dir=folder)
        seconds.append(run(folder, [fresh if each == FRESH else each for each in words], status))
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
        for verb, (wrong, tiny) in VERBS.items():
            shown = [*(verb.split() if verb.startswith("survey") else verb.split()[:1]), "--help"]
            requests = [(shown, 0), (wrong, 2), (tiny, 0)]
            rows.append([verb, *(median(folder, *each, tries) for each in requests)])
    print(as_markdown(["verb", "`--help`", "wrong request", "tiny request"], rows), end="")


if __name__ == "__main__":
    main()
