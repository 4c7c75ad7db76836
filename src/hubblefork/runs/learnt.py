"""What a run has learnt from, kept in its folder: it outlives the packed images in the cache.

`learnt.parquet` has a row for each image of the training and the validation set, about 0.3 kB each:
5 MB for 20,000 images.

subset      `train` or `val`
id, path    in its source; the path without suffix, missing where the image is no file
digest      of the packed pixels
ra, dec     degrees, and pxscale, width, height, where they are known
flat        20x20 bytes: the image's fine structure (`data.duplicates`); missing for a blank image
"""

from pathlib import Path

import numpy as np
import pandas as pd

from hubblefork.core.errors import RequestError, first_line
from hubblefork.data.companions import stems
from hubblefork.data.dataset import PackedDataset
from hubblefork.data.duplicates import FLAT_SHAPE, flattened
from hubblefork.data.packing import open_packed
from hubblefork.data.sky_positions import SCALES
from hubblefork.data.splits import Split
from hubblefork.runs.run import LEARNT_FILE, Run

_PLACE = ("ra", "dec", *SCALES, "width", "height")

# Flattened images are kept in coarser steps than they are compared in: half the size in the file,
# and similarities change by less than 0.01.
_COARSER = 4


def describe(dataset: PackedDataset, rows: np.ndarray) -> pd.DataFrame:
    """Return what is to be known of these images to find them again among others."""
    table = dataset.table.iloc[rows]
    path = stems(table["origin"])
    flat, blank = flattened(dataset.images, rows)
    found = pd.DataFrame(
        {
            "id": table["id"].astype("str"),
            "path": path.astype("str"),
            "digest": table["digest"],
            **{each: table[each] for each in _PLACE if each in table},
        }
    ).reset_index(drop=True)
    most = 127 // _COARSER
    coarse = np.round(flat / _COARSER).clip(-most, most).astype(np.int8)
    found["flat"] = [each.tobytes() for each in coarse]
    found.loc[blank, "flat"] = None
    return found


def learnt_images(dataset: PackedDataset, split: Split) -> pd.DataFrame:
    """Return the table of a split's training and validation set, as `learnt.parquet` holds it."""
    sets = {part: split.rows(dataset, part) for part in ("train", "val")}
    rows = np.concatenate(list(sets.values()))
    parts = np.repeat(list(sets), [len(each) for each in sets.values()])
    return describe(dataset, rows).assign(subset=parts)


def read_learnt(run: Run) -> pd.DataFrame | None:
    """Return what a run has learnt from; None where neither the run nor the cache tells.

    Raises RequestError where the file is damaged.
    """
    if (run.path / LEARNT_FILE).is_file():
        return _read(run.path)
    provenance = run.provenance
    own = open_packed(provenance.dataset, source=provenance.source)
    return None if own is None else learnt_images(own, run.split)


def learnt_digests(model: Path) -> frozenset[str]:
    """Return the digests of what a run has learnt from; none for a model file, which does not tell.

    Raises RequestError where the file is damaged.
    """
    if not (model / LEARNT_FILE).is_file():
        return frozenset()
    return frozenset(_read(model, ["digest"])["digest"])


def _read(folder: Path, columns: list[str] | None = None) -> pd.DataFrame:
    path = folder / LEARNT_FILE
    try:
        return pd.read_parquet(path, columns=columns)
    except (OSError, ValueError, KeyError) as error:
        raise RequestError(
            f"{path} is damaged and cannot be read ({first_line(error)}); remove it, and the "
            "packed images in the cache are asked instead"
        ) from error


def flat_of(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the flattened images of a table (n, 20, 20) int8, and their rows (n,)."""
    rows = np.flatnonzero(table["flat"].notna())
    joined = b"".join(table["flat"].iloc[rows])
    return np.frombuffer(joined, np.int8).reshape(-1, *FLAT_SHAPE) * np.int8(_COARSER), rows
