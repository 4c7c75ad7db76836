"""The inputs of `fuzz.py`: which kinds there are, and one small valid file of each."""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import timm
import torch
from astropy.io import fits
from PIL import Image

import hubblefork
from hubblefork.sky.decision_tree import load_tree

_SIDE = 24


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
