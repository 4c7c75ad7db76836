"""A random sample of images as examples, the same in every call."""

import numpy as np
import pandas as pd

_SEED = 0


def balanced_sample(codes: np.ndarray, number: int = 25) -> np.ndarray:
    """Indices of images of all classes, as equal in number as possible, in the order of classes.

    codes: (N,) class of each image. Rare classes are drawn like common ones: one image of every
    class in turn, until `number` are drawn.

    >>> codes = np.array([0] * 97 + [1] * 3)
    >>> codes[balanced_sample(codes, 6)].tolist()
    [0, 0, 0, 1, 1, 1]
    """
    shuffled = pd.Series(codes).sample(frac=1, random_state=_SEED)
    rounds = shuffled.groupby(shuffled).cumcount()
    chosen = rounds.sort_values(kind="stable").index[:number].to_numpy()
    return chosen[np.argsort(codes[chosen], kind="stable")]
