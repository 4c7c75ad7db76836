"""Confidence intervals: how far a figure would move with other images of the same kind.

Two kinds, both at 95 %. The bootstrap (Efron & Tibshirani 1993, ch. 13) draws the test images
again with replacement and serves any metric. Wilson's interval (Wilson 1927) serves a plain
proportion, and stays honest where few images were seen or all were right.
"""

from collections.abc import Callable, Mapping

import numpy as np

# Two-sided 95 %: the quantiles of the bootstrap, and the matching normal deviate for Wilson.
_TAILS = (0.025, 0.975)
_Z = 1.959963984540054


def bootstrap(
    scores: Callable[[np.ndarray], Mapping[str, float]],
    number: int,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """Score `resamples` random draws, with replacement, of `number` images.

    `scores` is given the indices (number,) of one draw and answers with one number for each
    metric. The result holds (resamples,) values for each metric.

    >>> heights = np.array([1.0, 2.0, 3.0, 6.0])
    >>> drawn = bootstrap(lambda picks: {"mean": heights[picks].mean()}, number=4)
    >>> drawn["mean"].shape, interval(drawn["mean"])
    ((1000,), [1.5, 5.0])
    """
    random = np.random.default_rng(seed)
    draws = [scores(random.integers(number, size=number)) for _ in range(resamples)]
    return {name: np.array([draw[name] for draw in draws]) for name in draws[0]}


def interval(values: np.ndarray) -> list[float]:
    """The [low, high] between which 95 % of the bootstrap's `values` (R,) lie."""
    low, high = np.quantile(values, _TAILS)
    return [float(low), float(high)]


def wilson_interval(successes: int, trials: int) -> tuple[float, float] | None:
    """The 95 % interval of a proportion, or None where nothing was tried.

    >>> low, high = wilson_interval(20, 20)
    >>> round(low, 3), round(high, 3)
    (0.839, 1.0)
    """
    if trials == 0:
        return None
    share = successes / trials
    shrink = 1 + _Z**2 / trials
    centre = (share + _Z**2 / (2 * trials)) / shrink
    half = _Z / shrink * np.sqrt(share * (1 - share) / trials + _Z**2 / (4 * trials**2))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))
