"""Damage every kind of file that hubblefork reads, at random, and check how it answers.

    python benchmarks/fuzz.py [--tries 3000] [--seed 0] [--only KIND...] [--keep FOLDER]

Each try copies a small valid input, model file, run or cache, damages one of its files (flipped
bits, cuts, splices, huge numbers, swapped fields, deep nesting, nothing left), and runs a command
on it in a process of its own, with a limit of time and of memory. The command must either be done
(status 0) or be refused in one line (status 2): no traceback, no crash, no hang, no temporary file
left, and no prediction that is not a number unless its row names a problem. Prints a table of how
the tries ended, and exits with 1 if any failed; with `--keep`, what failed is copied to a folder,
with the command and what it printed. Linux only.
"""

import argparse
import os
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from fuzz_damage import damage
from fuzz_inputs import KINDS, Kind, make_template
from markdown_table import as_markdown

_SECONDS = 60  # of a try; the slowest valid input takes about three
_MEMORY = 2**31  # bytes
_ENDS = ("done", "refused", "failed", "hung", "memory")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tries", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first try")
    parser.add_argument("--only", nargs="*", help="kinds of input, in place of all")
    parser.add_argument("--keep", type=Path, help="folder to copy failed tries to")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    asked = parser.parse_args()
    kinds = [kind for kind in KINDS if not asked.only or kind.name in asked.only]
    ends: dict[str, Counter[str]] = {kind.name: Counter() for kind in kinds}
    most = 0
    with tempfile.TemporaryDirectory() as name:
        os.environ |= {"OMP_NUM_THREADS": "1", "COLUMNS": "200"}
        context = get_context("spawn")  # tries are forked from a process that has computed nothing
        template = Path(name) / "template"
        with ProcessPoolExecutor(1, context) as pool:
            pool.submit(make_template, template).result()
        with ProcessPoolExecutor(asked.processes, context, import_all) as pool:
            valid = [
                (kind, command, pool.submit(_try, kind, command, template, None, None))
                for kind in kinds
                for command in kind.commands
            ]
            for kind, command, job in valid:
                end, _, problem = job.result()
                if end != "done":
                    print(f"{kind.name}, undamaged: {command}: {end} {problem}")
            numbers = range(asked.first, asked.first + asked.tries)
            jobs = [
                pool.submit(
                    attempt, kinds[n % len(kinds)], template, f"{asked.seed}-{n}", asked.keep
                )
                for n in numbers
            ]
            for number, job in enumerate(jobs):
                kind, end, memory, problem = job.result()
                ends[kind][end] += 1
                most = max(most, memory)
                if problem:
                    print(f"{kind} (try {asked.first + number}): {end}: {problem}", flush=True)
    rows = [(name, *(str(found[end]) for end in _ENDS)) for name, found in ends.items()]
    total = sum(ends.values(), Counter())
    print(as_markdown(("kind", *_ENDS), [*rows, ("all", *(str(total[end]) for end in _ENDS))]))
    bad = total.total() - total["done"] - total["refused"]
    print(f"tried {total.total()}, failed {bad}; peak memory {most / 2**30:.2f} GiB")
    sys.exit(bool(bad))


def import_all() -> None:
    """Import what the commands import, so that a forked one starts at once."""
    for module in ("evaluate", "explain", "compare", "inspect", "predict", "train"):
        import_module(f"hubblefork.workflow.{module}")


def attempt(kind: Kind, template: Path, seed: str, keep: Path | None) -> tuple[str, str, int, str]:
    """One try: the kind, how it ended, its peak memory in bytes, and what was wrong."""
    dice = random.Random(seed)
    kept = keep / seed if keep else None
    return kind.name, *_try(kind, dice.choice(kind.commands), template, dice, kept)


def _try(
    kind: Kind, command: str, template: Path, dice: random.Random | None, keep: Path | None
) -> tuple[str, int, str]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "try"
        for path in {path for pattern in kind.files for path in template.glob(pattern)}:
            copy = folder / path.relative_to(template)
            if path.is_file():
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, copy)
        (folder / "tmp").mkdir()
        target = None
        if dice:
            target = dice.choice(sorted(p for p in folder.glob(kind.damaged) if p.is_file()))
            damage(target, dice)
        end, memory, problem = _run(command.split(), folder)
        if problem and target:
            problem = f"{command} ({target.name}): {problem}"
            if keep:
                shutil.copytree(folder, keep, dirs_exist_ok=True)
                (keep / "command.txt").write_text(problem)
    return end, memory, problem


def _run(words: Sequence[str], folder: Path) -> tuple[str, int, str]:
    child = os.fork()
    if child == 0:
        _be_command(words, folder)
    deadline = time.monotonic() + _SECONDS
    while True:
        found, status, used = os.wait4(child, os.WNOHANG)
        if found:
            break
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.wait4(child, 0)
            return "hung", 0, f"more than {_SECONDS} s"
        time.sleep(0.01)
    memory = used.ru_maxrss * 1024
    said = (folder / "tmp" / "err").read_text(errors="replace")
    code = os.waitstatus_to_exitcode(status)
    if memory > _MEMORY:
        return "memory", memory, f"{memory / 2**30:.1f} GiB; {said[-300:]}"
    if problem := _problem(code, said, folder):
        return "failed", memory, problem
    return ("refused" if code else "done"), memory, ""


def _be_command(words: Sequence[str], folder: Path) -> None:
    """Become the command line, with a limit of memory, and end."""
    code = 1
    try:
        err = os.open(folder / "tmp" / "err", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        out = os.open(folder / "tmp" / "out", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(err, 2)
        os.chdir(folder)
        os.environ["HUBBLEFORK_CACHE"] = str(folder / "cache")
        os.environ["TMPDIR"] = str(folder / "tmp")
        tempfile.tempdir = None
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        # Beyond the limit of a try, but before the machine is out of memory.
        resource.setrlimit(resource.RLIMIT_DATA, (2 * _MEMORY, 2 * _MEMORY))
        sys.argv = ["hubblefork", *words]
        from hubblefork.cli import main

        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(bool(end.code))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _problem(code: int, said: str, folder: Path) -> str:
    """What is wrong with how a command ended; nothing where it is done or refused in one line."""
    if "Traceback" in said or code not in (0, 2):
        return f"status {code}: {' | '.join(said.strip().splitlines()[-4:])[-600:]}"
    if re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", said):
        return f"control characters on the terminal: {said[-300:]!r}"
    refusals = [line for line in said.splitlines() if line.startswith("hubblefork: ")]
    if code == 2 and not refusals:
        return f"refused without a reason: {said[-300:]}"
    if code == 2 and len(said.strip().splitlines()[-1]) > 2000:
        return f"a line of {len(said.strip().splitlines()[-1])} characters"
    left = [
        str(path.relative_to(folder))
        for path in folder.rglob(".*")
        if path.name != ".lock" and "tmp" not in path.parts
    ]
    if left:
        return f"left behind: {', '.join(left)}"
    if code == 0 and (folder / "out.csv").exists():
        table = pd.read_csv(folder / "out.csv")
        values = table[["bright", "dark"]].to_numpy(float)
        if np.isnan(values[table["problem"].isna()]).any():
            return "a prediction that is no number, without a problem"
    return ""


if __name__ == "__main__":
    main()
