"""Random samples that are the same on every machine and in every run."""

import numpy as np


def stable_sample(rows: np.ndarray, number: int, seed: int = 0) -> np.ndarray:
    """Draw `number` of the rows (N,) without replacement, in ascending order; all, if fewer.

    The sample depends on nothing but the arguments.

    >>> stable_sample(np.arange(100), 4)
    array([ 5, 20, 36, 82])
    >>> stable_sample(np.array([8, 3, 5]), 10)
    array([3, 5, 8])
    """
    return np.sort(np.random.default_rng(seed).permutation(rows)[:number])
