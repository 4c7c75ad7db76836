"""Files of the structure that the `datasets` library of Hugging Face gives them."""

import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

_NAMES = ["round", "edge-on", "spiral"]
_IMAGE = pa.struct({"bytes": pa.binary(), "path": pa.string()})


def _png(number: int) -> bytes:
    """A grey PNG of 20x20 that no other number gives."""
    stream = BytesIO()
    Image.fromarray(np.full((20, 20, 3), number % 256, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def _galaxies(start: int, stop: int, **columns: Sequence[Any]) -> pa.Table:
    """Images start to stop - 1 with labels 0, 1, 2, 0...; further columns, or None for none."""
    numbers = range(start, stop)
    made = {
        "image": pa.array([{"bytes": _png(n), "path": f"{n}.png"} for n in numbers], _IMAGE),
        "label": pa.array([n % 3 for n in numbers], pa.int64()),
        **columns,
    }
    table = pa.table({name: values for name, values in made.items() if values is not None})
    return _noted(table, label={"names": _NAMES, "_type": "ClassLabel"}, image={"_type": "Image"})


def _noted(table: pa.Table, **features: dict) -> pa.Table:
    """Add the library's note on the columns."""
    known = {name: about for name, about in features.items() if name in table.schema.names}
    note = json.dumps({"info": {"features": known}})
    return table.replace_schema_metadata({"huggingface": note})


def _write_parquet(table: pa.Table, path: Path, rows: int = 10) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=rows)
    return path


def _write_arrow(table: pa.Table, path: Path, rows: int = 10, stream: bool = True) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with (pa.ipc.new_stream if stream else pa.ipc.new_file)(str(path), table.schema) as writer:
        writer.write_table(table, max_chunksize=rows)
    return path


def _save_to_disk(tables: Sequence[pa.Table], folder: Path) -> Path:
    """What `Dataset.save_to_disk` leaves: a file for each table, and which there are."""
    names = [f"data-{n:05d}-of-{len(tables):05d}.arrow" for n in range(len(tables))]
    for table, name in zip(tables, names, strict=True):
        _write_arrow(table, folder / name)
    state = {"_data_files": [{"filename": name} for name in names], "_split": None}
    (folder / "state.json").write_text(json.dumps(state))
    (folder / "dataset_info.json").write_text("{}")
    return folder


@pytest.fixture
def files() -> SimpleNamespace:
    """Functions that make tables of images and write them."""
    return SimpleNamespace(
        names=_NAMES,
        png=_png,
        galaxies=_galaxies,
        noted=_noted,
        write_parquet=_write_parquet,
        write_arrow=_write_arrow,
        save_to_disk=_save_to_disk,
    )
