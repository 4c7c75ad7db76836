"""Batches hold every row once, in an order that seed and epoch decide."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from hubblefork.training import batches as module
from hubblefork.training.batches import (
    BatchRows,
    PackedRows,
    balanced_chunks,
    batches,
    has_room,
    resident,
)

# Bytes of an image of 64x64 in colour.
ROW = 12_288


@given(number=st.integers(1, 200), size=st.integers(1, 64), seed=st.none() | st.integers(0, 9))
def test_every_row_comes_once_and_no_batch_is_a_single_row_beside_others(number, size, seed):
    sampler = BatchRows([np.arange(number) * 3], ROW, size, seed)
    batches = list(sampler)
    assert len(batches) == len(sampler)
    assert sorted(np.concatenate(batches)) == [3 * row for row in range(number)]
    assert all(len(batch) <= size + 1 for batch in batches)
    if len(batches) > 1 and size > 1:
        assert min(map(len, batches)) > 1


def test_the_order_follows_from_seed_and_epoch():
    def order(seed: int, epoch: int) -> list[int]:
        sampler = BatchRows([np.arange(100)], ROW, 10, seed)
        sampler.set_epoch(epoch)
        return np.concatenate(list(sampler)).tolist()

    assert order(1, 4) == order(1, 4)
    assert order(1, 4) != order(1, 5)
    assert order(1, 4) != order(2, 4)


@given(
    labels=st.lists(st.integers(0, 3), min_size=12, max_size=80),
    number=st.integers(1, 6),
    size=st.integers(2, 16),
    seed=st.integers(0, 9),
)
def test_chunks_are_alike_and_come_one_after_another_with_all_their_rows(
    labels, number, size, seed
):
    labels = np.array(labels)
    rows = np.arange(len(labels)) * 2
    chunks = balanced_chunks(rows, labels, number, seed)
    assert sorted(np.concatenate(chunks)) == rows.tolist()
    assert np.ptp([len(chunk) for chunk in chunks]) <= 1
    counts = [np.bincount(labels[chunk // 2], minlength=4) for chunk in chunks]
    assert np.ptp(counts, axis=0).max() <= 1

    sampler = BatchRows(chunks, ROW, size, seed, epochs=2)
    for epoch in range(2 * number):
        sampler.set_epoch(epoch)
        batches = list(sampler)
        assert len(batches) == len(sampler), "Lightning asks for the number once"
        assert min(map(len, batches)) > 1 or len(batches) == 1
        assert sorted(np.concatenate(batches)) == chunks[epoch // 2].tolist()


def test_votes_are_dealt_out_at_random():
    votes = np.random.default_rng(0).random((20, 37))
    chunks = balanced_chunks(np.arange(20), votes, 3, seed=1)
    assert sorted(np.concatenate(chunks)) == list(range(20))
    assert chunks[0].tolist() != balanced_chunks(np.arange(20), votes, 3, seed=2)[0].tolist()


def test_a_batch_of_fewer_images_than_processes_joins_the_one_before():
    def lengths(processes: int) -> list[int]:
        return [len(rows) for rows in BatchRows([np.arange(35)], ROW, 16, processes=processes)]

    assert lengths(3) == [16, 16, 3]
    assert lengths(4) == [16, 19]


@given(number=st.integers(4, 40), processes=st.integers(1, 4), seed=st.integers(0, 9))
def test_processes_share_a_batch_and_know_all_its_labels(number, processes, seed):
    stored = np.arange(100 * 12, dtype=np.uint8).reshape(100, 2, 2, 3)
    labels = torch.arange(100)
    rows = np.random.default_rng(seed).permutation(100)[:number]
    whole, known = PackedRows(stored, labels)[rows]
    assert sorted(known.tolist()) == sorted(rows.tolist())
    parts = [PackedRows(stored, labels, rank, processes)[rows] for rank in range(processes)]
    assert torch.equal(torch.cat([images for images, _ in parts]), whole)
    assert all(torch.equal(theirs, known) for _, theirs in parts)


def test_images_on_the_device_give_the_batches_of_the_memory_map(tmp_path, monkeypatch):
    stored = np.random.default_rng(0).integers(0, 256, (50, 8, 8, 3), dtype=np.uint8)
    np.save(tmp_path / "stored.npy", stored)
    mapped = np.load(tmp_path / "stored.npy", mmap_mode="r")
    monkeypatch.setattr(module, "PIECE_BYTES", 7 * 8 * 8 * 3)
    labels = torch.arange(50)
    there = resident(mapped, torch.device("cpu"))
    loaders = (
        batches(PackedRows(images, labels), [np.arange(3, 50)], 16, seed=1)
        for images in (mapped, there)
    )
    for (images, numbers), (others, same) in zip(*loaders, strict=True):
        assert torch.equal(images, others)
        assert torch.equal(numbers, same)
        assert torch.equal(images, torch.from_numpy(stored[numbers]))


def test_a_processor_needs_no_second_copy_of_the_images():
    assert not has_room(torch.device("cpu"), np.zeros((1, 2, 2, 3), np.uint8))
