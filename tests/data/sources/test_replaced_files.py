"""A file replaced by another of the same size and time, as by `cp -p` or `tar x`, is read again."""

import os
import shutil
from io import BytesIO
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from PIL import Image

from hubblefork.core.file_cache import file_sha256
from hubblefork.data.images.framing import Framing
from hubblefork.data.packing import pack
from hubblefork.data.sources import open_source
from hubblefork.sky.decision_tree import GALAXY_ZOO_2

LABELS = np.array([0, 1] * 4)


def pixels(version: int) -> np.ndarray:
    """Eight images; those of another version differ in the last one only."""
    images = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3), np.uint8)
    images[-1] += version
    return images


def tiff(image: np.ndarray) -> bytes:
    """An image whose size in bytes does not depend on its pixels."""
    stream = BytesIO()
    Image.fromarray(image).save(stream, "TIFF")
    return stream.getvalue()


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def folder(root: Path, version: int, files) -> tuple[str, Path]:
    for number, image in enumerate(pixels(version)):
        last = write(root / "ab"[LABELS[number]] / f"{number}.tif", tiff(image))
    return str(root), last


def catalogue(root: Path, version: int, files) -> tuple[str, Path]:
    _, last = folder(root, version, files)
    paths = [f"{'ab'[label]}/{number}.tif" for number, label in enumerate(LABELS)]
    table = pd.DataFrame({"id": range(8), "image": paths, "label": LABELS})
    table.to_csv(root / "cat.csv", index=False)
    return str(root / "cat.csv"), last


def bands(root: Path, version: int, files) -> tuple[str, Path]:
    root.mkdir(parents=True)
    table = pd.DataFrame({"id": range(8), "label": LABELS})
    for place, band in enumerate("gr"):
        table[f"image_{band}"] = [f"{number}{band}.fits" for number in range(8)]
        for name, image in zip(table[f"image_{band}"], pixels(version), strict=True):
            fits.PrimaryHDU(image[..., place].astype(np.float32)).writeto(root / name)
    table.to_csv(root / "cat.csv", index=False)
    return str(root / "cat.csv"), root / "7r.fits"


def kaggle(root: Path, version: int, files) -> tuple[str, Path]:
    for number, image in enumerate(pixels(version)):
        last = write(root / "images_training_rev1" / f"{100 + number}.tif", tiff(image))
    rows = pd.DataFrame(0.0, index=range(8), columns=list(GALAXY_ZOO_2.columns))
    rows[["Class1.3", "Class6.2"]] = 1.0
    rows.insert(0, "GalaxyID", range(100, 108))
    rows.to_csv(root / "training_solutions_rev1.csv", index=False)
    return f"kaggle:{root}", last


def npy(root: Path, version: int, files) -> tuple[str, Path]:
    root.mkdir(parents=True)
    np.save(root / "x.npy", pixels(version))
    np.save(root / "y.npy", LABELS)
    return str(root / "x.npy"), root / "x.npy"


def npz(root: Path, version: int, files) -> tuple[str, Path]:
    root.mkdir(parents=True)
    np.savez(root / "sky.npz", x=pixels(version), y=LABELS)
    return str(root / "sky.npz"), root / "sky.npz"


def hdf5(root: Path, version: int, files) -> tuple[str, Path]:
    root.mkdir(parents=True)
    with h5py.File(root / "sky.h5", "w") as file:
        file["x"], file["y"] = pixels(version), LABELS
    return str(root / "sky.h5"), root / "sky.h5"


def parquet(root: Path, version: int, files) -> tuple[str, Path]:
    return str(root), files.write_parquet(encoded(version, files), root / "sky.parquet")


def arrow(root: Path, version: int, files) -> tuple[str, Path]:
    path = files.write_arrow(encoded(version, files), root / "sky.arrow")
    return str(path), path


def encoded(version: int, files):
    images = [{"bytes": tiff(image), "path": None} for image in pixels(version)]
    return files.galaxies(0, 8, image=images, label=LABELS.tolist())


@pytest.mark.skipif(os.name != "posix", reason="this system does not tell when a file changed")
@pytest.mark.parametrize("renamed", [False, True])
@pytest.mark.parametrize(
    "kind", [folder, catalogue, bands, kaggle, npy, npz, hdf5, parquet, arrow]
)  # fmt: skip
def test_a_file_of_the_same_size_and_time_is_read_again(tmp_path, files, kind, renamed):
    name, path = kind(tmp_path / "sky", 0, files)
    _, other = kind(tmp_path / "other", 1, files)
    before = pack(open_source(name), Framing(size=16, channels=3 - (kind is bands)))
    old, state = file_sha256(path), path.stat()
    assert other.stat().st_size == state.st_size

    os.utime(other, ns=(state.st_atime_ns, state.st_mtime_ns))
    os.replace(other, path) if renamed else shutil.copy2(other, path)
    assert path.stat().st_mtime_ns == state.st_mtime_ns
    after = pack(open_source(name), Framing(size=16, channels=3 - (kind is bands)))
    assert file_sha256(path) != old
    assert (before.images != after.images).any(axis=(1, 2, 3)).tolist() == [False] * 7 + [True]
