"""Batches hold every row once, in an order that seed and epoch decide."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hubblefork.training.batches import BatchRows


@given(number=st.integers(1, 200), size=st.integers(1, 64), seed=st.none() | st.integers(0, 9))
def test_every_row_comes_once_and_no_batch_is_a_single_row_beside_others(number, size, seed):
    sampler = BatchRows(np.arange(number) * 3, size, seed)
    batches = list(sampler)
    assert len(batches) == len(sampler)
    assert sorted(np.concatenate(batches)) == [3 * row for row in range(number)]
    assert all(len(batch) <= size + 1 for batch in batches)
    if len(batches) > 1 and size > 1:
        assert min(map(len, batches)) > 1


def test_the_order_follows_from_seed_and_epoch():
    def order(seed: int, epoch: int) -> list[int]:
        sampler = BatchRows(np.arange(100), 10, seed)
        sampler.set_epoch(epoch)
        return np.concatenate(list(sampler)).tolist()

    assert order(1, 4) == order(1, 4)
    assert order(1, 4) != order(1, 5)
    assert order(1, 4) != order(2, 4)
