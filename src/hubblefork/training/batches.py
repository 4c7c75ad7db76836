"""Batches of a packed dataset, in an order that depends on seed and epoch alone.

A batch is gathered from the memory map at once, so no worker processes are needed and the
dataset is never held in memory as a whole.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from hubblefork.training.order import shuffled


class PackedRows(Dataset):
    """Maps an array of row numbers to (pictures (N, H, W, C) uint8, labels (N, ...))."""

    def __init__(self, images: np.ndarray, labels: Tensor):
        self.images = images
        self.labels = labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        # Rows in the order of the file are read faster; within a batch the order does not matter.
        rows = np.sort(rows)
        return torch.from_numpy(self.images[rows]), self.labels[rows]


class BatchRows(Sampler):
    """The row numbers of one batch after another, shuffled anew in each epoch where asked.

    `row_bytes` is the size of a picture in the file (see `shuffled`).

    Where there are several chunks, they come one after another, each for so many `epochs`.

    The order is a function of (seed, epoch): a training that goes on after a kill sees the same
    batches as one that was never interrupted.
    """

    def __init__(
        self,
        chunks: Sequence[np.ndarray],
        row_bytes: int,
        batch_size: int,
        seed: int | None = None,
        epochs: int = 1,
    ):
        self.chunks = chunks
        self.row_bytes = row_bytes
        self.batch_size = batch_size
        self.seed = seed
        self.epochs = epochs
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        # Lightning asks once, so every chunk has as many batches as the smallest.
        whole, rest = divmod(min(map(len, self.chunks)), self.batch_size)
        # A last batch of a single picture would break batch normalisation: it joins the one before.
        return whole + (rest > 1 or whole == 0)

    def __iter__(self) -> Iterator[np.ndarray]:
        rows = self.chunks[self.epoch // self.epochs % len(self.chunks)]
        if self.seed is not None:
            rows = shuffled(rows, self.row_bytes, np.random.default_rng([self.seed, self.epoch]))
        starts = [batch * self.batch_size for batch in range(1, len(self))]
        yield from np.split(rows, starts)


def batches(
    images: np.ndarray,
    labels: Tensor,
    chunks: Sequence[np.ndarray],
    batch_size: int,
    seed: int | None = None,
    epochs: int = 1,
) -> DataLoader:
    """A loader of (pictures, labels) over chunks of rows, each for so many epochs.

    Shuffled where a seed is given.
    """
    sampler = BatchRows(chunks, images[0].nbytes, batch_size, seed, epochs)
    return DataLoader(PackedRows(images, labels), sampler=sampler, batch_size=None)


def balanced_chunks(
    rows: np.ndarray, labels: np.ndarray, number: int, seed: int
) -> list[np.ndarray]:
    """Divide rows into chunks of the same size, in which classes have the same shares.

    Both to within one picture. `labels` are those of the rows: classes (n,), or votes (n, ...),
    which are dealt out at random.

    >>> labels = np.array([0] * 6 + [1] * 3)
    >>> [labels[chunk].tolist() for chunk in balanced_chunks(np.arange(9), labels, 3, seed=0)]
    [[0, 0, 1], [0, 0, 1], [0, 0, 1]]
    """
    order = np.random.default_rng(seed).permutation(len(rows))
    if labels.ndim == 1:
        order = order[np.argsort(labels[order], kind="stable")]
    return [np.sort(rows[order[each::number]]) for each in range(number)]
