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
import gzip
import json
import os
import random
import re
import resource
import shutil
import signal
import struct
import sys
import tempfile
import time
import traceback
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import timm
import torch
from astropy.io import fits
from markdown_table import as_markdown
from PIL import Image

import hubblefork
from hubblefork.sky.decision_tree import load_tree

_SECONDS = 60  # of a try; the slowest valid input takes about three
_MEMORY = 2**31  # bytes
_SIDE = 24
_ENDS = ("done", "refused", "failed", "hung", "memory")


@dataclass(frozen=True)
class Kind:
    """A kind of input: which files of the template are copied, damaged, and read by what command.

    `files` and `damaged` are patterns below the template folder; `commands` are the words of the
    command line, of which one is drawn at each try.
    """

    name: str
    files: tuple[str, ...]
    damaged: str
    commands: tuple[str, ...]


_BACKBONE = "timm:mobilenetv3_small_050"
_PREDICT = "predict run/model.safetensors {} --out out.csv"
_RUN = ("run/**/*", "whole/**/*", "sky/**/*", "cache/**/*")
KINDS = (
    *(
        Kind(
            f"image {suffix}",
            ("run/model.safetensors", f"images/*.{suffix}"),
            f"images/*.{suffix}",
            (_PREDICT.format("images"), "inspect images --out page.html"),
        )
        for suffix in ("jpg", "png", "webp", "tif", "fits", "fits.gz", "fits.fz")
    ),
    *(
        Kind(
            f"table {suffix}",
            ("run/model.safetensors", "sky/**/*", f"table.{suffix}"),
            f"table.{suffix}",
            (_PREDICT.format(f"table.{suffix}"), f"inspect table.{suffix} --out page.html"),
        )
        for suffix in ("csv", "parquet")
    ),
    Kind(
        "companion table",
        ("withtable/**/*",),
        "withtable/metadata.csv",
        ("inspect withtable --out page.html",),
    ),
    *(
        Kind(
            f"arrays {suffix}",
            ("run/model.safetensors", f"arrays.{suffix}"),
            f"arrays.{suffix}",
            (_PREDICT.format(f"arrays.{suffix}"), f"inspect arrays.{suffix} --out page.html"),
        )
        for suffix in ("npy", "npz", "h5", "parquet", "arrow")
    ),
    Kind(
        "saved data set",
        ("run/model.safetensors", "saved/**/*"),
        "saved/**/*",
        (_PREDICT.format("saved"), "inspect saved --out page.html"),
    ),
    Kind(
        "Parquet folder",
        ("parts/**/*",),
        "parts/data/*",
        (
            "inspect parts --out page.html",
            "train parts --recipe lenet5 --set epochs=1 --out again",
        ),
    ),
    Kind(
        "bands",
        ("bands/**/*",),
        "bands/*",
        ("inspect bands/table.csv --out page.html",),
    ),
    Kind(
        "rule of classes",
        ("kaggle/**/*", "rule.toml"),
        "rule.toml",
        ("inspect kaggle:kaggle --classes rule.toml --out page.html",),
    ),
    Kind(
        "weights",
        ("sky/**/*", "weights.pth"),
        "weights.pth",
        (
            "train sky --recipe lenet5 --size 32 --set epochs=1 --device cpu --out again "
            f"--network {_BACKBONE} --set weights=weights.pth",
        ),
    ),
    Kind(
        "kaggle",
        ("kaggle/**/*",),
        "kaggle/*.csv",
        ("inspect kaggle:kaggle --out page.html",),
    ),
    Kind(
        "recipe",
        ("sky/**/*", "run/recipe.toml"),
        "run/recipe.toml",
        ("train sky --recipe run/recipe.toml --out again --device cpu",),
    ),
    Kind(
        "model file",
        ("run/model.safetensors", "sky/dark/*"),
        "run/model.safetensors",
        (_PREDICT.format("sky"),),
    ),
    Kind(
        "run",
        _RUN,
        "run/*.*",
        (
            "evaluate run sky --out elsewhere",
            "evaluate run",
            "compare run whole --out compared.html",
            "explain run sky/dark/0.png --out why",
            "train sky --out run --resume --device cpu",
        ),
    ),
    Kind("checkpoint", _RUN, "run/checkpoints/*", ("train sky --out run --resume --device cpu",)),
    Kind(
        "cache",
        _RUN,
        "cache/**/*",
        ("evaluate run --device cpu", "inspect sky --out page.html", "explain run --out why"),
    ),
)


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


def make_template(folder: Path) -> None:
    """One small valid file of every kind, below a folder."""
    folder.mkdir()
    generator = np.random.default_rng(0)
    os.environ["HUBBLEFORK_CACHE"] = str(folder / "cache")
    rows = []
    for place, name in enumerate(("dark", "bright")):
        (folder / "sky" / name).mkdir(parents=True)
        for number in range(16):
            path = folder / "sky" / name / f"{number}.png"
            bright = generator.integers(80 * place, 80 * place + 150, (_SIDE, _SIDE, 3), np.uint8)
            Image.fromarray(bright).save(path)
            rows.append((f"sky/{name}/{number}.png", name, 10.0 * number, 5.0 * place, number))
    table = pd.DataFrame(rows, columns=["image", "label", "ra", "dec", "flux"])
    table.to_csv(folder / "table.csv", index=False)
    table.to_parquet(folder / "table.parquet")
    shutil.copytree(folder / "sky", folder / "withtable")
    table.rename(columns={"image": "file_name"}).drop(columns="label").assign(
        file_name=[row[0].removeprefix("sky/") for row in rows]
    ).to_csv(folder / "withtable" / "metadata.csv", index=False)
    _make_images(folder / "images", generator)
    _make_arrays(folder, generator)
    _make_kaggle(folder / "kaggle", generator)
    _make_bands(folder / "bands", generator)
    (folder / "rule.toml").write_text('[smooth]\n"Class1.1" = 0.5\n[disk]\n"Class1.2" = [0, 1]\n')
    settings = {"epochs": 2, "batch_size": 8}
    for name in ("run", "whole"):
        hubblefork.train(
            folder / "sky",
            "lenet5",
            out=folder / name,
            settings=settings,
            size=_SIDE,
            device="cpu",
        )
    backbone = timm.create_model(_BACKBONE.removeprefix("timm:"), num_classes=2)
    torch.save(backbone.state_dict(), folder / "weights.pth")


def _make_images(folder: Path, generator: np.random.Generator) -> None:
    folder.mkdir()
    pixels = generator.integers(0, 255, (_SIDE, _SIDE, 3), np.uint8)
    for suffix in ("jpg", "png", "webp", "tif"):
        Image.fromarray(pixels).save(folder / f"a.{suffix}")
        Image.fromarray(pixels[:, :, 0]).save(folder / f"grey.{suffix}")
    deep = pixels[:, :, 0].astype(np.uint16) * 257
    Image.fromarray(deep).save(folder / "deep.png")
    Image.fromarray(deep).save(folder / "deep.tif", compression="tiff_lzw")
    sky = generator.normal(100, 10, (3, _SIDE, _SIDE)).astype(np.float32)
    counts = fits.ImageHDU(sky.astype(np.int16), name="SCI")
    fits.HDUList([fits.PrimaryHDU(), counts]).writeto(folder / "counts.fits")
    fits.PrimaryHDU(sky).writeto(folder / "a.fits")
    fits.PrimaryHDU(sky).writeto(folder / "a.fits.gz")
    for compression in ("RICE_1", "GZIP_2"):
        packed = fits.CompImageHDU(sky.astype(np.int16), compression_type=compression)
        fits.HDUList([fits.PrimaryHDU(), packed]).writeto(folder / f"{compression}.fits.fz")


def _make_arrays(folder: Path, generator: np.random.Generator) -> None:
    images = generator.integers(0, 255, (20, _SIDE, _SIDE, 3), np.uint8)
    labels = np.arange(20) % 2
    np.save(folder / "arrays.npy", images)
    np.savez_compressed(folder / "arrays.npz", images=images, labels=labels)
    with h5py.File(folder / "arrays.h5", "w") as file:
        file["images"], file["ans"] = images, labels
    encoded = [(folder / "sky" / "dark" / f"{n % 16}.png").read_bytes() for n in range(20)]
    pd.DataFrame(
        {"image": [{"bytes": each, "path": f"{n}.png"} for n, each in enumerate(encoded)]}
    ).assign(label=labels, object_id=np.arange(20) + 2**60).to_parquet(folder / "arrays.parquet")
    stored = pq.read_table(folder / "arrays.parquet")
    (folder / "parts" / "data").mkdir(parents=True)
    for name, rows in (("train", stored.slice(0, 14)), ("test", stored.slice(14))):
        pq.write_table(rows, folder / "parts" / "data" / f"{name}-00000-of-00001.parquet")
        saved = folder / "saved" / name
        saved.mkdir(parents=True)
        _write_arrow(rows, saved / "data-00000-of-00001.arrow")
        state = {"_data_files": [{"filename": "data-00000-of-00001.arrow"}], "_split": None}
        (saved / "state.json").write_text(json.dumps(state))
    (folder / "saved" / "dataset_dict.json").write_text(json.dumps({"splits": ["train", "test"]}))
    _write_arrow(stored, folder / "arrays.arrow")


def _write_arrow(table: pa.Table, path: Path) -> None:
    with pa.ipc.new_stream(str(path), table.schema) as writer:
        writer.write_table(table)


def _make_bands(folder: Path, generator: np.random.Generator) -> None:
    folder.mkdir()
    rows = []
    for number in range(12):
        rows.append((number, "ab"[number % 2], *(f"{number}{band}.fits" for band in "gri")))
        for name in rows[-1][2:]:
            sky = generator.normal(100, 10, (_SIDE, _SIDE)).astype(np.float32)
            fits.PrimaryHDU(sky).writeto(folder / name)
    columns = ["id", "label", "image_g", "image_r", "image_i"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "table.csv", index=False)


def _make_kaggle(folder: Path, generator: np.random.Generator) -> None:
    tree = load_tree("galaxy-zoo-2")
    (folder / "images_training_rev1").mkdir(parents=True)
    ids = [100000 + number for number in range(12)]
    for number in ids:
        pixels = generator.integers(0, 255, (_SIDE, _SIDE, 3), np.uint8)
        Image.fromarray(pixels).save(folder / "images_training_rev1" / f"{number}.jpg")
    conditional = tree.conditional(generator.uniform(size=(12, len(tree.columns))))
    votes = pd.DataFrame(tree.weighted(conditional), columns=list(tree.columns))
    votes.insert(0, "GalaxyID", ids)
    votes.to_csv(folder / "training_solutions_rev1.csv", index=False)


# What is done to the bytes of a file. Each takes them and the random numbers of the try.


def _flip(data: bytearray, dice: random.Random) -> None:
    """Bits here and there, more often among the first bytes, where the headers are."""
    for _ in range(dice.choice((1, 3, 20))):
        reach = len(data) if dice.random() < 0.4 else min(len(data), 1024)
        data[dice.randrange(reach)] ^= 1 << dice.randrange(8)


def _cut(data: bytearray, dice: random.Random) -> None:
    del data[dice.randrange(len(data)) :]


def _drop(data: bytearray, dice: random.Random) -> None:
    start = dice.randrange(len(data))
    del data[start : start + dice.choice((1, 7, 80, 2880))]


def _repeat(data: bytearray, dice: random.Random) -> None:
    start = dice.randrange(len(data))
    chunk = data[start : start + dice.choice((1, 80, 1000))]
    data[start:start] = chunk * dice.choice((1, 3, 500))


def _fill(data: bytearray, dice: random.Random) -> None:
    start, length = dice.randrange(len(data)), dice.choice((4, 8, 64, 4096))
    data[start : start + length] = bytes([dice.choice((0, 255, 127, 32))]) * length


def _enlarge(data: bytearray, dice: random.Random) -> None:
    """A number that is written in digits becomes another: huge, negative, not finite."""
    numbers = list(re.finditer(rb"\d+", bytes(data[: 2**16])))
    if not numbers:
        return _flip(data, dice)
    found = dice.choice(numbers)
    huge = (b"999999999999", b"4294967296", b"-1", b"0", b"1e308", b"NaN", b"2147483647", b"''")
    new = dice.choice(huge)
    # Binary headers count their bytes: half of the time the length stays.
    if dice.random() < 0.5:
        new = new[: found.end() - found.start()].rjust(found.end() - found.start(), b"9")
    data[found.start() : found.end()] = new
    return None


def _swap(data: bytearray, dice: random.Random) -> None:
    """Two lines, cells or quoted words change places."""
    parts = list(re.finditer(rb'[^,\n":]+', bytes(data[: 2**16])))
    if len(parts) < 2:
        return _flip(data, dice)
    first, second = sorted(dice.sample(parts, 2), key=lambda part: part.start())
    data[second.start() : second.end()] = first.group()
    data[first.start() : first.end()] = second.group()
    return None


def _insert(data: bytearray, dice: random.Random) -> None:
    """What text should not hold."""
    hostile = (
        b"[" * 5000,
        b'{"a":' * 3000,
        b"\x00" * 9,
        b"\xff\xfe",
        b"\x1b[31m\x1b]0;owned\x07",
        b'"',
        b",,,,,",
        b"\n\n",
        b"[red]",
        b"../" * 9,
        "é\u202e\u0000".encode(),
        b"9" * 5000,
        b"a" * 100_000,
    )
    place = dice.randrange(len(data) + 1)
    data[place:place] = dice.choice(hostile)


def _splice(data: bytearray, dice: random.Random) -> None:
    """The first part and a part from elsewhere in the file, put together."""
    start, end = sorted(dice.randrange(len(data)) for _ in range(2))
    data[:] = data[:start] + data[end:]


def _empty(data: bytearray, dice: random.Random) -> None:
    data.clear()


_DAMAGES: Sequence[Callable[[bytearray, random.Random], None]] = (
    *(_flip, _flip, _flip, _cut, _drop, _repeat, _fill, _enlarge, _enlarge),
    *(_swap, _swap, _insert, _insert, _splice, _empty),
)


def damage(path: Path, dice: random.Random) -> None:
    """Damage a file; one that has checksums is damaged within them, half of the time."""
    content = path.read_bytes()
    inside = dice.random() < 0.5
    if inside and path.suffix == ".gz":
        content = gzip.compress(_damaged(gzip.decompress(content), dice), 1)
    elif inside and path.suffix in (".npz", ".pth"):
        content = _damaged_member(content, dice)
    elif inside and path.suffix == ".png":
        content = _damaged_chunk(content, dice)
    else:
        content = _damaged(content, dice)
    path.unlink()  # which may be a link to the template
    path.write_bytes(content)


def _damaged(content: bytes, dice: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(dice.choice((1, 1, 2))):
        if data:
            dice.choice(_DAMAGES)(data, dice)
    return bytes(data)


def _damaged_member(content: bytes, dice: random.Random) -> bytes:
    with zipfile.ZipFile(BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = dice.choice(sorted(members))
    members[name] = _damaged(members[name], dice)
    written = BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return written.getvalue()


def _damaged_chunk(content: bytes, dice: random.Random) -> bytes:
    """Damage the content of one chunk of a PNG, and compute its checksum anew."""
    chunks, place = [], 8
    while place < len(content):
        length = int.from_bytes(content[place : place + 4])
        chunks.append((content[place + 4 : place + 8], content[place + 8 : place + 8 + length]))
        place += 12 + length
    chosen = dice.randrange(len(chunks))
    chunks[chosen] = chunks[chosen][0], _damaged(chunks[chosen][1], dice)
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    ]
    return content[:8] + b"".join(parts)


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
