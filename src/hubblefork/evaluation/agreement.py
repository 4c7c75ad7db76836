"""How far raters agree, beyond what chance alone would give.

Each measure is 1 where all agree, and 0 where they agree as often as their measure of chance says.
They differ in that measure alone: kappa and alpha take the answers to be dealt at random in the
frequencies that were seen, which makes both low where nearly all images are of one kind; Gwet's AC1
is meant for that case. Several together say more than one.

`counts` is (N, K) everywhere: how many raters gave each of K answers to each of N images. The
raters of an image may be others, or more, than those of the next. A measure is NaN where no image
has two answers, or where chance alone would make all agree.
"""

import numpy as np


def observed_agreement(counts: np.ndarray) -> float:
    """The fraction of pairs of raters that agree, as a mean over images with two or more answers.

    >>> observed_agreement(np.array([[2, 1], [3, 0]]))
    0.666...
    """
    counts = np.asarray(counts, dtype=float)
    number = counts.sum(axis=1)
    counts, number = counts[number >= 2], number[number >= 2]
    if not len(counts):
        return float("nan")
    pairs = (counts * (counts - 1)).sum(axis=1)
    return float((pairs / (number * (number - 1))).mean())


def cohen_kappa(first: np.ndarray, second: np.ndarray) -> float:
    """Cohen's kappa of two raters (Cohen 1960, Educ. Psychol. Meas. 20, 37).

    first, second: (N,) their answers to the same images. NaN for none, and where both always gave
    the same single answer.

    >>> cohen_kappa(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]))
    0.5
    """
    if len(np.unique(np.concatenate([first, second]))) < 2:
        return float("nan")
    from sklearn.metrics import cohen_kappa_score  # takes a second to import

    return float(cohen_kappa_score(first, second))


def fleiss_kappa(counts: np.ndarray) -> float:
    """Fleiss' kappa (Fleiss 1971, Psychol. Bull. 76, 378).

    Where images have different numbers of raters, the frequencies of the answers are means over
    images, each of which counts the same (Gwet 2014, Handbook of Inter-Rater Reliability, 4th ed.,
    ch. 2); with the same number everywhere that is Fleiss' own formula.

    >>> fleiss_kappa(np.array([[2, 0], [0, 2], [1, 1]]))
    0.333...
    """
    chance = float((_frequencies(counts) ** 2).sum())
    return _beyond(observed_agreement(counts), chance)


def krippendorff_alpha(counts: np.ndarray) -> float:
    """Krippendorff's alpha for answers without an order (Krippendorff 2011, "Computing
    Krippendorff's Alpha-Reliability", section C).

    Images with one answer do not count. Unlike kappa it corrects for small samples.

    >>> krippendorff_alpha(np.array([[2, 0], [0, 2], [1, 1]]))
    0.444...
    """
    counts = np.asarray(counts, dtype=float)
    counts = counts[counts.sum(axis=1) >= 2]
    number = counts.sum(axis=1, keepdims=True)
    whole = counts.sum()
    if not whole:
        return float("nan")
    # Pairs of equal answers to one image, each image weighted by its number of answers.
    equal = (counts * (counts - 1) / (number - 1)).sum() / whole
    of_each = counts.sum(axis=0)
    chance = (of_each * (of_each - 1)).sum() / (whole * (whole - 1))
    return _beyond(equal, chance)


def gwet_ac1(counts: np.ndarray) -> float:
    """Gwet's AC1 (Gwet 2008, Br. J. Math. Stat. Psychol. 61, 29).

    With the frequencies of answers as in `fleiss_kappa`. Answers that nobody gave count among the
    K. Two raters who give one of two answers 118 times both, and disagree about 7 further images:

    >>> counts = np.array([[2, 0]] * 118 + [[1, 1]] * 7)
    >>> round(gwet_ac1(counts), 4), round(fleiss_kappa(counts), 4)
    (0.9408, -0.0288)
    """
    of_each = _frequencies(counts)
    chance = float((of_each * (1 - of_each)).sum() / (len(of_each) - 1))
    return _beyond(observed_agreement(counts), chance)


def _frequencies(counts: np.ndarray) -> np.ndarray:
    """(K,) how frequent each answer is, as a mean over the images that have any."""
    counts = np.asarray(counts, dtype=float)
    number = counts.sum(axis=1, keepdims=True)
    answered = number[:, 0] > 0
    if not answered.any():
        return np.full(counts.shape[1], np.nan)
    return (counts[answered] / number[answered]).mean(axis=0)


def _beyond(observed: float, chance: float) -> float:
    """What of the agreement that chance leaves open was observed."""
    if np.isnan(observed) or np.isclose(chance, 1):
        return float("nan")
    return float((observed - chance) / (1 - chance))
