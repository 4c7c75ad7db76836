"""Batches of a packed dataset, in an order that depends on seed and epoch alone.

A batch is gathered from the memory map at once, so no worker processes are needed and the
dataset is never held in memory as a whole. A GPU with enough memory holds the whole dataset, and
batches are gathered there.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from hubblefork.training.data_parallel import part_of_batch
from hubblefork.training.shuffling import shuffled

# Fraction of a GPU's free memory for images; the rest is for the network and its activations.
RESIDENT_FRACTION = 0.5
# Images are copied to a GPU in pieces of this size.
PIECE_BYTES = 64 << 20


class PackedRows(Dataset):
    """Maps the row numbers (N,) of a batch to its images and labels (N, ...).

    The images, (n, H, W, C) uint8, are this process's part of the batch; the labels are those of
    the whole batch.
    """

    def __init__(
        self, images: np.ndarray | Tensor, labels: Tensor, rank: int = 0, processes: int = 1
    ):
        self.images = images
        self.labels = labels
        self.rank = rank
        self.processes = processes

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        # Sorted rows are read faster; the order within a batch does not matter.
        rows = np.sort(rows)
        own = rows[part_of_batch(len(rows), self.rank, self.processes)]
        if isinstance(self.images, Tensor):
            return self.images[torch.from_numpy(own)], self.labels[rows]
        return torch.from_numpy(self.images[own]), self.labels[rows]


class BatchRows(Sampler):
    """The row numbers of each batch, shuffled in each epoch if there is a seed.

    `row_bytes` is the size of an image in the file (see `shuffled`). Several chunks come one after
    another, each for so many `epochs`. A last batch with fewer images than `processes` is joined
    to the previous one.

    The order is a function of (seed, epoch): a resumed training sees the same batches as an
    uninterrupted one.
    """

    def __init__(
        self,
        chunks: Sequence[np.ndarray],
        row_bytes: int,
        batch_size: int,
        seed: int | None = None,
        epochs: int = 1,
        processes: int = 1,
    ):
        self.chunks = chunks
        self.row_bytes = row_bytes
        self.batch_size = batch_size
        self.seed = seed
        self.epochs = epochs
        # Batch normalisation needs more than one image.
        self.smallest = max(2, processes)
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        # Lightning asks once, so every chunk has the number of batches of the smallest.
        whole, rest = divmod(min(map(len, self.chunks)), self.batch_size)
        return whole + (rest >= self.smallest or whole == 0)

    def __iter__(self) -> Iterator[np.ndarray]:
        rows = self.chunks[self.epoch // self.epochs % len(self.chunks)]
        if self.seed is not None:
            rows = shuffled(rows, self.row_bytes, np.random.default_rng([self.seed, self.epoch]))
        starts = [batch * self.batch_size for batch in range(1, len(self))]
        yield from np.split(rows, starts)


def batches(
    images: PackedRows,
    chunks: Sequence[np.ndarray],
    batch_size: int,
    seed: int | None = None,
    epochs: int = 1,
    pinned: bool = False,
) -> DataLoader:
    """A loader of (images, labels) over chunks of rows, each for so many epochs.

    Shuffled if a seed is given; `pinned`: in page-locked memory, for copies to a GPU.
    """
    row_bytes = images.images[0].nbytes
    sampler = BatchRows(chunks, row_bytes, batch_size, seed, epochs, images.processes)
    return DataLoader(images, sampler=sampler, batch_size=None, pin_memory=pinned)


def has_room(device: torch.device, images: np.ndarray) -> bool:
    """Whether a device is a GPU with enough free memory for all images of a dataset."""
    if device.type != "cuda":
        return False
    free, _ = torch.cuda.mem_get_info(device)
    return images.nbytes <= RESIDENT_FRACTION * free


def resident(images: np.ndarray, device: torch.device) -> Tensor:
    """All images (N, H, W, C) on a device, copied in pieces.

    >>> resident(np.arange(12, dtype=np.uint8).reshape(3, 2, 2, 1), torch.device("cpu"))[2, 1, 0]
    tensor([10], dtype=torch.uint8)
    """
    whole = torch.empty(images.shape, dtype=torch.uint8, device=device)
    step = max(1, PIECE_BYTES // images[0].nbytes)
    for start in range(0, len(images), step):
        whole[start : start + step] = torch.from_numpy(np.array(images[start : start + step]))
    return whole


def balanced_chunks(
    rows: np.ndarray, labels: np.ndarray, number: int, seed: int
) -> list[np.ndarray]:
    """Divide rows into chunks of equal size, stratified by class, both to within one image.

    `labels` are those of the rows: classes (n,), or votes (n, ...), which are divided at random.

    >>> labels = np.array([0] * 6 + [1] * 3)
    >>> [labels[chunk].tolist() for chunk in balanced_chunks(np.arange(9), labels, 3, seed=0)]
    [[0, 0, 1], [0, 0, 1], [0, 0, 1]]
    """
    order = np.random.default_rng(seed).permutation(len(rows))
    if labels.ndim == 1:
        order = order[np.argsort(labels[order], kind="stable")]
    return [np.sort(rows[order[each::number]]) for each in range(number)]
