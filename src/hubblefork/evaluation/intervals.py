"""Confidence intervals: how far a figure would move with other images of the same kind.

All are at 95 %, contain the figure itself, and have a width however few images there are.

- A proportion has Wilson's interval (Wilson 1927), and so has the F1 of a class, which follows from
  one (`f1_interval`); the difference of two proportions of the same
  images that of Newcombe (1998), which is made of two of Wilson's.
- Any other metric has the percentile bootstrap (Efron & Tibshirani 1993, ch. 13), which draws the
  test images again with replacement. It knows nothing of images that the test set happens to lack:
  where all are right, so is every draw. Of N images none was of such a kind, so up to
  z^2 / (N + z^2) of all images may be, by Wilson's interval. The interval is widened to what the
  metric would be with so many further images, all wrong or all right. Where it depends on several
  groups of images, as balanced accuracy on the classes, this is done for one after the other, and
  the distances from the figure are added as squares (Zou & Donner 2008, "MOVER").
"""

from collections.abc import Callable, Collection, Mapping

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


def unseen(number: int) -> float:
    """The largest fraction of all images that may be of a kind which none of `number` images is.

    >>> round(1 - unseen(3), 3), round(1 - unseen(18), 3)
    (0.439, 0.824)
    """
    return _Z**2 / (number + _Z**2)


def widened(
    values: Mapping[str, float],
    drawn: Mapping[str, np.ndarray],
    further: Mapping[str, np.ndarray],
    always: Collection[str] = (),
) -> dict[str, list[float]]:
    """The [low, high] of each metric: the bootstrap's, with the metric and what `further` says.

    values, drawn: each metric, and its bootstrap (R,). further: for each metric (2, G), what it
    would be with further images in one of G groups, all wrong and all right. It is used for the
    metrics `always`, which depend on what is right, and for others, which may have no upper limit,
    where all draws are the same.

    >>> further = {"accuracy": np.array([[1 - unseen(3)], [1.0]])}
    >>> low, high = widened({"accuracy": 1.0}, {"accuracy": np.ones(1000)}, further)["accuracy"]
    >>> round(low, 3), high
    (0.439, 1.0)
    """
    found = {}
    for name, value in values.items():
        low, high = interval(drawn[name])
        below = above = 0.0
        if name in always or np.allclose(drawn[name], value, rtol=1e-9, atol=1e-12):
            below = float(np.linalg.norm(value - np.minimum(further[name], value).min(axis=0)))
            above = float(np.linalg.norm(np.maximum(further[name], value).max(axis=0) - value))
        found[name] = [float(min(low, value - below)), float(max(high, value + above))]
    return found


def wilson_interval(successes: int, trials: int) -> tuple[float, float] | None:
    """The 95 % interval of a proportion, or None where nothing was tried.

    >>> low, high = wilson_interval(20, 20)
    >>> round(low, 3), round(high, 3)
    (0.839, 1.0)
    """
    if trials == 0:
        return None
    fraction = successes / trials
    shrink = 1 + _Z**2 / trials
    centre = (fraction + _Z**2 / (2 * trials)) / shrink
    half = _Z / shrink * np.sqrt(fraction * (1 - fraction) / trials + _Z**2 / (4 * trials**2))
    # At the ends rounding may leave the fraction itself out.
    low, high = min(float(centre - half), fraction), max(float(centre + half), fraction)
    return max(0.0, low), min(1.0, high)


def f1_interval(both: int, either: int) -> tuple[float, float] | None:
    """The 95 % interval of the F1 of a class, or None where there is nothing to divide by.

    both: how many images are of the class and predicted as it. either: how many are one or both.
    Their quotient F* is a proportion, and F1 = 2 F* / (1 + F*) rises with it (Hand, Christen &
    Kirielle 2021, Mach. Learn. 110, 451). So Wilson's interval of F* gives that of F1: the "Wilson
    indirect" of Lam, Gopal & Qian (2023, arXiv:2309.14621), which has a width also where F1 is 1.

    >>> low, high = f1_interval(20, 20)
    >>> round(low, 3), high
    (0.912, 1.0)
    """
    found = wilson_interval(both, either)
    return found and (2 * found[0] / (1 + found[0]), 2 * found[1] / (1 + found[1]))


def newcombe_interval(both: int, first: int, second: int, neither: int) -> list[float]:
    """The 95 % interval of the second proportion minus the first, of the same images.

    both, first, second, neither: how many images are right by both classifiers, only by the first,
    only by the second, or by none. Method 10 of Newcombe (1998, Statistics in Medicine 17, 2635).

    >>> low, high = newcombe_interval(10, 0, 0, 0)
    >>> round(low, 3), round(high, 3)
    (-0.278, 0.278)
    """
    number = both + first + second + neither
    ends, fractions = [], []
    for right in (both + first, both + second):
        ends.append(wilson_interval(right, number) or (0.0, 1.0))
        fractions.append(right / number)
    (low_1, high_1), (low_2, high_2) = ends
    fraction_1, fraction_2 = fractions
    # The correlation of the two, corrected for continuity where it is positive.
    spread = np.prod([n * (number - n) for n in (both + first, both + second)], dtype=float)
    excess = float(both * neither - first * second)
    excess = excess if excess < 0 else max(excess - number / 2, 0.0)
    phi = excess / np.sqrt(spread) if spread else 0.0

    def distance(one: float, other: float) -> float:
        return float(np.sqrt(one**2 - 2 * phi * one * other + other**2))

    change = fraction_2 - fraction_1
    return [
        change - distance(fraction_2 - low_2, high_1 - fraction_1),
        change + distance(high_2 - fraction_2, fraction_1 - low_1),
    ]
