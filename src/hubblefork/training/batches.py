"""Batches of a packed dataset, in an order that depends on seed and epoch alone.

A batch is gathered from the memory map at once, so no worker processes are needed and the
dataset is never held in memory as a whole.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from hubblefork.data.dataset import PackedDataset


class PackedRows(Dataset):
    """Maps an array of row numbers to (pictures (N, H, W, C) uint8, labels (N,) int64)."""

    def __init__(self, dataset: PackedDataset):
        self.images = dataset.images
        self.labels = torch.tensor(dataset.labels)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        # Rows in the order of the file are read faster; within a batch the order does not matter.
        rows = np.sort(rows)
        return torch.from_numpy(self.images[rows]), self.labels[rows]


class BatchRows(Sampler):
    """The row numbers of one batch after another, shuffled anew in each epoch where asked.

    The order is a function of (seed, epoch): a training that goes on after a kill sees the same
    batches as one that was never interrupted.
    """

    def __init__(self, rows: np.ndarray, batch_size: int, seed: int | None = None):
        self.rows = np.asarray(rows)
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        whole, rest = divmod(len(self.rows), self.batch_size)
        # A last batch of a single picture would break batch normalisation: it joins the one before.
        return whole + (rest > 1 or whole == 0)

    def __iter__(self) -> Iterator[np.ndarray]:
        rows = self.rows
        if self.seed is not None:
            rows = np.random.default_rng([self.seed, self.epoch]).permutation(rows)
        starts = [batch * self.batch_size for batch in range(1, len(self))]
        yield from np.split(rows, starts)


def batches(
    dataset: PackedDataset, rows: np.ndarray, batch_size: int, seed: int | None = None
) -> DataLoader:
    """A loader of (pictures, labels) over the given rows; shuffled where a seed is given."""
    return DataLoader(
        PackedRows(dataset), sampler=BatchRows(rows, batch_size, seed), batch_size=None
    )
