"""Batches hold every row once, in an order that seed and epoch decide."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hubblefork.training.batches import BatchRows, balanced_chunks

# Bytes of a picture of 64x64 in colour.
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
