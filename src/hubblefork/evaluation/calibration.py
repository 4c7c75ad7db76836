"""Calibration of predicted probabilities, by a temperature and an exponent.

Of the images whose predicted class has a probability of 0.8, 80 % should be correctly classified.
The probabilities of a network rarely agree with its accuracy; two parameters, fitted on images
that it was not trained on, correct them. For each class, z is the logarithm of the odds of the most
probable class against it; z is replaced by z^e / T. With e = 1 this is temperature scaling (Guo et
al. 2017, "On Calibration of Modern Neural Networks"). The exponent e is for networks that are
overconfident where the probabilities of several classes are similar and underconfident elsewhere,
as after training with label smoothing. The function preserves the order of the classes (Rahimi et
al. 2020, "Intra Order-Preserving Functions for Calibration of Multi-Class Neural Networks"): no
predicted class changes.

It is applied to the final probabilities, which are means over the views of an image.
"""

from dataclasses import dataclass

import numpy as np

# Outside these ranges the probabilities are nearly uniform or nearly 0 and 1.
_TEMPERATURES = (0.05, 20.0)
_EXPONENTS = (0.25, 4.0)
# Standard deviation of the prior of temperature and exponent around 1, in powers of two: the
# temperatures of the networks of Guo et al. are 0.9 to 2.6.
_PRIOR_STD = np.array([1.0, 0.5])
# Smaller probabilities are increased to this, so that the logarithm is finite.
_LEAST = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True)
class Calibration:
    """The two parameters of the calibration, both above 0.

    temperature: below 1 increases the confidence, above 1 decreases it.
    exponent: above 1 decreases a low confidence and increases a high one.
    """

    temperature: float = 1.0
    exponent: float = 1.0

    def applied(self, probabilities: np.ndarray) -> np.ndarray:
        """The calibrated probabilities (N, K) of uncalibrated ones (N, K).

        >>> Calibration(temperature=0.5).applied(np.array([[0.75, 0.25]]))
        array([[0.9, 0.1]])
        """
        logarithms = np.log(np.maximum(probabilities, _LEAST))
        odds = logarithms.max(axis=1, keepdims=True) - logarithms
        powers = np.exp(-(odds**self.exponent) / self.temperature)
        return powers / powers.sum(axis=1, keepdims=True)

    @property
    def inverse(self) -> "Calibration":
        """The calibration that reverses this one."""
        return Calibration(self.temperature ** (-1 / self.exponent), 1 / self.exponent)


def fit_calibration(probabilities: np.ndarray, true: np.ndarray) -> Calibration:
    """The calibration that minimises the log loss of probabilities (N, K).

    `true` (N,) are the classes, from 0 to K - 1, of images that the network was not trained on.

    A weak prior favours parameters near 1. It matters for small samples: that all of ten images
    are correctly classified must not lead to a confidence of 100 %.

    >>> random = np.random.default_rng(0)
    >>> calibrated = random.dirichlet((0.3, 0.3), 4000)
    >>> true = (random.random(4000) > calibrated[:, 0]).astype(int)
    >>> overconfident = Calibration(temperature=1 / 3).applied(calibrated)
    >>> found = fit_calibration(overconfident, true)
    >>> round(found.temperature), round(found.exponent)
    (3, 1)
    """
    from scipy.optimize import minimize  # takes 0.2 s to import, and every model needs this module

    rows = np.arange(len(true))
    probabilities = probabilities.astype(np.float64)

    def loss(log2_parameters: np.ndarray) -> float:
        predicted = Calibration(*2**log2_parameters).applied(probabilities)[rows, true]
        prior = 0.5 * ((log2_parameters / _PRIOR_STD) ** 2).sum()
        return float(prior - np.log(np.maximum(predicted, _LEAST)).sum())

    bounds = np.log2([_TEMPERATURES, _EXPONENTS])
    found = minimize(loss, np.zeros(2), method="Nelder-Mead", bounds=bounds)
    return Calibration(*map(float, 2**found.x))
