import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hubblefork.training.shuffling import shuffled

MEGABYTE = 1 << 20


@given(
    st.sets(st.integers(0, 5000), min_size=1, max_size=900),
    st.sampled_from([100, 12_288, 600_000, 3 * MEGABYTE, 700 * MEGABYTE]),
    st.integers(0, 5),
)
def test_every_row_comes_exactly_once(rows, row_bytes, seed):
    given_rows = np.array(sorted(rows))
    order = shuffled(given_rows, row_bytes, np.random.default_rng(seed))
    assert sorted(order.tolist()) == sorted(rows)


def test_a_small_dataset_is_mixed_as_a_whole():
    order = shuffled(np.arange(10_000), 12_288, np.random.default_rng(0))
    assert np.abs(np.corrcoef(order, np.arange(10_000))[0, 1]) < 0.05


def test_a_large_dataset_is_read_in_windows_of_runs():
    rows, row_bytes = 20_000, 200_000  # 4 GB
    order = shuffled(np.arange(rows), row_bytes, np.random.default_rng(0))
    window = 512 * MEGABYTE // row_bytes
    for start in range(0, rows - window, window):
        # Rows in the window: each lies in a run of five, and runs come from all over the file.
        seen = np.sort(order[start : start + window])
        assert (np.diff(seen) == 1).mean() > 0.75
        assert np.ptp(seen) > 0.9 * rows


def test_sorted_classes_are_mixed_in_every_batch():
    labels = np.repeat(np.arange(5), 4000)
    order = shuffled(np.arange(20_000), 200_000, np.random.default_rng(0))
    for start in range(0, 20_000 - 64, 64):
        assert np.bincount(labels[order[start : start + 64]], minlength=5).min() > 0


def test_epochs_differ_and_can_be_repeated():
    first, again, other = (
        shuffled(np.arange(4000), 300_000, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
