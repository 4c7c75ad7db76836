"""Which images stand as examples: drawn at random, the same ones whenever they are drawn."""

import numpy as np
import pandas as pd

_SEED = 0


def balanced_sample(codes: np.ndarray, number: int = 25) -> np.ndarray:
    """Indices of images of all classes, as evenly as they allow, in the order of the classes.

    codes: (N,) class of each image. Rare classes are drawn like common ones: each round takes one
    more of every class.

    >>> codes = np.array([0] * 97 + [1] * 3)
    >>> codes[balanced_sample(codes, 6)].tolist()
    [0, 0, 0, 1, 1, 1]
    """
    shuffled = pd.Series(codes).sample(frac=1, random_state=_SEED)
    rounds = shuffled.groupby(shuffled).cumcount()
    chosen = rounds.sort_values(kind="stable").index[:number].to_numpy()
    return chosen[np.argsort(codes[chosen], kind="stable")]
