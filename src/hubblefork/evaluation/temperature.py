"""Temperature: one number that makes a network's probabilities mean what they say.

Of the pictures that are given a probability of 0.8, eight in ten should be what they are said to
be. A network's own probabilities are not like that, but nearly so once their logarithms are divided
by a temperature that is fitted on pictures it did not learn from (Guo et al. 2017, "On Calibration
of Modern Neural Networks"). No prediction changes.

It is applied to the probabilities that are given, which are averages over the views of a picture.
"""

import numpy as np
from scipy.optimize import minimize_scalar

# Beyond these a network answers at random, or is certain: no temperature mends either.
_LOWEST, _HIGHEST = 0.05, 20.0
# How far a temperature is from 1, in powers of two, where nothing is known yet: those of the
# networks of Guo et al. are 0.9 to 2.6.
_EXPECTED_SPREAD = 1.0
# The smallest probability that is told from 0, so that each has a logarithm.
_LEAST = float(np.finfo(np.float32).tiny)


def with_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities (N, K) at a temperature: below 1 surer than they were, above 1 less sure.

    >>> with_temperature(np.array([[0.75, 0.25]]), 0.5)
    array([[0.9, 0.1]])
    """
    logarithms = np.log(np.maximum(probabilities, _LEAST)) / temperature
    # Less the largest, which a low temperature would make too large a power.
    powers = np.exp(logarithms - logarithms.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def fit_temperature(probabilities: np.ndarray, true: np.ndarray) -> float:
    """The temperature at which the log loss of probabilities (N, K) is the least.

    `true` (N,) are the classes, from 0 to K - 1, of pictures that the network did not learn from.

    Beside the loss stands a weak expectation that a temperature is near 1. It matters where
    pictures are few: ten of them, all named rightly, are no reason to be certain of everything.

    >>> random = np.random.default_rng(0)
    >>> honest = random.dirichlet((0.3, 0.3), 4000)
    >>> true = (random.random(4000) > honest[:, 0]).astype(int)
    >>> too_sure = with_temperature(honest, 1 / 3)
    >>> round(fit_temperature(too_sure, true))
    3
    """
    rows = np.arange(len(true))
    probabilities = probabilities.astype(np.float64)

    def unlikelihood(doublings: float) -> float:
        given = with_temperature(probabilities, 2**doublings)[rows, true]
        return -np.log(np.maximum(given, _LEAST)).sum() + 0.5 * (doublings / _EXPECTED_SPREAD) ** 2

    bounds = (np.log2(_LOWEST), np.log2(_HIGHEST))
    return float(2 ** minimize_scalar(unlikelihood, bounds=bounds, method="bounded").x)
