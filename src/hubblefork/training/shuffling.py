"""The random order of the images in an epoch, with few disk seeks for large datasets.

In a file larger than the memory, each row in random order costs a seek. So a large dataset is
shuffled in two steps: runs of neighbouring rows are put in random order, and then the rows of as
many runs as fill a window.
"""

import numpy as np

# A dataset of up to this size stays in memory while it is trained on, and is shuffled as a whole.
# A larger one is shuffled in windows of this size.
_WINDOW_BYTES = 512 << 20
# A disk reads so much hardly slower than a single row.
_RUN_BYTES = 1 << 20


def shuffled(rows: np.ndarray, row_bytes: int, random: np.random.Generator) -> np.ndarray:
    """Return the rows (n,) in random order; `row_bytes` is the size of one in the file.

    The order depends on the arguments only, so it is the same on every machine.

    >>> shuffled(np.array([3, 5, 8]), 12_288, np.random.default_rng(0)).tolist()
    [8, 3, 5]
    """
    if len(rows) * row_bytes <= _WINDOW_BYTES:
        return random.permutation(rows)
    length = max(1, _RUN_BYTES // row_bytes)
    runs = np.split(np.sort(rows), range(length, len(rows), length))
    order = random.permutation(len(runs))
    across = max(1, _WINDOW_BYTES // (length * row_bytes))
    windows = [order[start : start + across] for start in range(0, len(order), across)]
    return np.concatenate(
        [random.permutation(np.concatenate([runs[run] for run in window])) for window in windows]
    )
