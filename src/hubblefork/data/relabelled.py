"""A packed dataset with labels that people corrected: the same images, another table.

It is a dataset of the cache as any other, with a key of its own. Its images are a second name of
the same file where all of them are kept.
"""

import errno
import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd

from hubblefork.core.errors import RequestError
from hubblefork.core.files import appearing, make_folder
from hubblefork.data.checksums import write_sums
from hubblefork.data.dataset import PackedDataset
from hubblefork.data.packing import dataset_folder, open_packed
from hubblefork.data.sources.base import table_digest
from hubblefork.tasks.task import Task


@dataclass(frozen=True)
class Relabelling:
    """What labels have changed.

    used: images that have one. changed: those of them whose own label was another. missing: labels
    whose image is not there. by_id: whether images were found by id, since the digest of none fits.
    alone: whether the images had no labels of their own, so that those with one are all.
    """

    used: int
    changed: int
    missing: int
    by_id: bool
    alone: bool

    def __str__(self) -> str:
        told = f"{self.used:,} used, {self.changed:,} changed, {self.missing:,} not found"
        if self.by_id:
            told += "; found by id, since no image has the digest of one (after another size, say)"
        return told + "; the labelled images alone are learnt from" * self.alone


def relabelled(
    dataset: PackedDataset, task: Task, labels: pd.DataFrame
) -> tuple[PackedDataset, Relabelling]:
    """Labels in place of a dataset's own; where it has none, the images with a label alone.

    labels: one row a label: `id` and `digest` of its image, and the label columns of `task`. An
    image is known by its digest, which depends on how it was framed: all identical images get the
    label, unless there is one of their own id too. Only if no digest fits at all, ids are used.

    Raises RequestError where no image is there, or the dataset's own task does not know a class.
    """
    alone = not dataset.task.label_columns
    values = task.labels(labels)
    if not alone:
        values, task = dataset.task.aligned(task, "the file of labels")(values), dataset.task
    place, by_id = _places(dataset.table, labels)
    rows = np.flatnonzero(place >= 0)
    if not len(rows):
        raise RequestError(
            f"none of the {len(labels):,} labels is of an image of {dataset.source}: neither a "
            "digest nor an id is the same"
        )
    given = values[place[rows]]
    columns = list(task.label_columns)
    own = dataset.table.iloc[rows].reset_index(drop=True) if alone else dataset.table.copy()
    changed = 0
    if alone:
        own[columns] = np.reshape(given, (len(rows), len(columns)))
    else:
        before = dataset.labels[rows]
        changed = int((np.reshape(given != before, (len(rows), -1))).any(axis=1).sum())
        own.loc[rows, columns] = np.reshape(given, (len(rows), len(columns)))
    told = Relabelling(len(rows), changed, len(labels) - len(set(place[rows])), by_id, alone)
    return _stored(dataset, own, task, rows if alone else None), told


def _places(table: pd.DataFrame, labels: pd.DataFrame) -> tuple[np.ndarray, bool]:
    """For each image (N,) the place of its label or -1; and whether ids were used."""
    ids, digests = table["id"].astype(str), table["digest"].astype(str)
    number = range(len(labels))
    by_digest = dict(zip(labels["digest"], number, strict=True))
    if by_id := not digests.isin(by_digest).any():
        found = ids.map(dict(zip(labels["id"], number, strict=True)))
    else:
        exact = dict(zip(zip(labels["digest"], labels["id"], strict=True), number, strict=True))
        own = [exact.get(each) for each in zip(digests, ids, strict=True)]
        found = pd.Series(own, dtype=float).fillna(digests.map(by_digest))
    return found.fillna(-1).to_numpy(np.int64), by_id


def _stored(
    dataset: PackedDataset, table: pd.DataFrame, task: Task, rows: np.ndarray | None
) -> PackedDataset:
    """The dataset of this table in the cache; rows: those of the images to keep, None for all."""
    parts = f"{dataset.key} {table_digest(table, task)}"
    key = hashlib.sha256(parts.encode()).hexdigest()
    found = open_packed(key, source=dataset.source)
    if found is None:
        path = dataset_folder(key)
        make_folder(path.parent)
        with appearing(path, first_stays=True) as folder:
            _write_images(dataset, rows, folder / "images.npy")
            content = BytesIO()
            table.to_parquet(content, index=False)
            (folder / "table.parquet").write_bytes(content.getvalue())
            info = dataset.info | {
                "task": task.to_json(),
                "key": key,
                "shape": [len(table), *dataset.images.shape[1:]],
                "counts": task.class_counts(task.labels(table)),
            }
            (folder / "dataset.json").write_text(json.dumps(info, indent=2, ensure_ascii=False))
            write_sums(folder)
        found = PackedDataset.open(path, dataset.source)
    return found


def _write_images(dataset: PackedDataset, rows: np.ndarray | None, path: Path) -> None:
    if rows is not None:
        np.save(path, dataset.images[rows])
        return
    try:
        os.link(dataset.path / "images.npy", path)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK):
            raise
        shutil.copyfile(dataset.path / "images.npy", path)
