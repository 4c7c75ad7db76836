"""Two numbers that make a network's probabilities mean what they say.

Of the images that are given a probability of 0.8, eight in ten should be what they are said to
be. A network's own probabilities are not like that, and are put right by what is fitted on images
it did not learn from. Of each class, the logarithm z of the odds of the likeliest class against it
becomes z^e / T. With e = 1 this is temperature scaling (Guo et al. 2017, "On Calibration of Modern
Neural Networks"). The exponent e is for networks that are too sure of doubtful answers and not
sure enough of plain ones, as label smoothing makes them. It is one of the maps that keep the order
of the classes (Rahimi et al. 2020, "Intra Order-Preserving Functions for Calibration of Multi-Class
Neural Networks"): no prediction changes.

It is applied to the probabilities that are given, which are averages over the views of an image.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

# Beyond these a network answers at random, or is certain, and neither can be mended.
_TEMPERATURES = (0.05, 20.0)
_EXPONENTS = (0.25, 4.0)
# How far temperature and exponent are from 1, in powers of two, where nothing is known yet: the
# temperatures of the networks of Guo et al. are 0.9 to 2.6.
_EXPECTED_SPREAD = np.array([1.0, 0.5])
# The smallest probability that is told from 0, so that each has a logarithm.
_LEAST = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True)
class Calibration:
    """What is done to probabilities; both numbers are above 0.

    temperature: below 1 makes them surer than they were, above 1 less sure.
    exponent: above 1 makes doubtful answers more doubtful and plain ones plainer.
    """

    temperature: float = 1.0
    exponent: float = 1.0

    def applied(self, probabilities: np.ndarray) -> np.ndarray:
        """Probabilities (N, K) as they should have been.

        >>> Calibration(temperature=0.5).applied(np.array([[0.75, 0.25]]))
        array([[0.9, 0.1]])
        """
        logarithms = np.log(np.maximum(probabilities, _LEAST))
        odds = logarithms.max(axis=1, keepdims=True) - logarithms
        powers = np.exp(-(odds**self.exponent) / self.temperature)
        return powers / powers.sum(axis=1, keepdims=True)

    @property
    def inverse(self) -> "Calibration":
        """The one that takes this one back."""
        return Calibration(self.temperature ** (-1 / self.exponent), 1 / self.exponent)


def fit_calibration(probabilities: np.ndarray, true: np.ndarray) -> Calibration:
    """The calibration with which the log loss of probabilities (N, K) is the least.

    `true` (N,) are the classes, from 0 to K - 1, of images that the network did not learn from.

    Beside the loss stands a weak expectation that both numbers are near 1. It matters where
    images are few: ten of them, all correctly classified, are no reason to be certain of
    everything.

    >>> random = np.random.default_rng(0)
    >>> honest = random.dirichlet((0.3, 0.3), 4000)
    >>> true = (random.random(4000) > honest[:, 0]).astype(int)
    >>> too_sure = Calibration(temperature=1 / 3).applied(honest)
    >>> found = fit_calibration(too_sure, true)
    >>> round(found.temperature), round(found.exponent)
    (3, 1)
    """
    rows = np.arange(len(true))
    probabilities = probabilities.astype(np.float64)

    def unlikelihood(doublings: np.ndarray) -> float:
        given = Calibration(*2**doublings).applied(probabilities)[rows, true]
        unexpected = 0.5 * ((doublings / _EXPECTED_SPREAD) ** 2).sum()
        return float(unexpected - np.log(np.maximum(given, _LEAST)).sum())

    bounds = np.log2([_TEMPERATURES, _EXPONENTS])
    found = minimize(unlikelihood, np.zeros(2), method="Nelder-Mead", bounds=bounds)
    return Calibration(*map(float, 2**found.x))
