"""Simulated volunteers: each answers the questions of the Galaxy Zoo 2 tree.

Not every feature of a galaxy is visible in its image: seeing blurs the arms of a small galaxy,
inclination foreshortens them, and noise hides faint ones. The probabilities of the answers are
logistic functions of the visible features. Their constants were chosen such that the means of the
37 fractions and the class fractions are similar to those of Galaxy Zoo 2.
"""

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from hubblefork.sky.decision_tree import GALAXY_ZOO_2
from hubblefork.sky.simulation.population import disc_axis_ratio

# Volunteers who look at one galaxy: 44 on average in Galaxy Zoo 2 (Willett et al. 2013).
_VOLUNTEERS = 44


def vote(galaxies: pd.DataFrame, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Let volunteers classify each galaxy of `draw_population`.

    Returns the vote fractions (N, 37), weighted as Kaggle weighs them, and the number of
    volunteers (N,).
    """
    chances = answer_chances(galaxies, random)
    volunteers = np.maximum(random.poisson(_VOLUNTEERS, len(galaxies)), 20)
    counts = np.zeros_like(chances)
    for question in GALAXY_ZOO_2.questions:
        if question.number == 6:  # asked unless the first answer was "star or artefact"
            here = volunteers - counts[:, GALAXY_ZOO_2.index("Class1.3")].astype(int)
        elif question.parent is None:
            here = volunteers
        else:
            here = counts[:, GALAXY_ZOO_2.index(question.parent)].astype(int)
        counts[:, question.columns] = random.multinomial(here, chances[:, question.columns])
    own = np.nan_to_num(GALAXY_ZOO_2.conditional(counts))
    # If nobody was asked question 6 ("anything odd"), its fractions still sum to 1, as Kaggle's.
    unasked = counts[:, GALAXY_ZOO_2.question(6).columns].sum(axis=1) == 0
    own[unasked, GALAXY_ZOO_2.index("Class6.2")] = 1.0
    return GALAXY_ZOO_2.weighted(own), volunteers


def answer_chances(galaxies: pd.DataFrame, random: np.random.Generator) -> np.ndarray:
    """Return the probability of each answer for a volunteer who is asked its question: (N, 37).

    The answers of each question sum to 1. `random` adds scatter: galaxies of the same parameters
    do not look identical.
    """
    see = _Visible(galaxies)

    def scatter(sigma: float) -> np.ndarray:
        return random.normal(0.0, sigma, len(galaxies))

    featured = (
        -1.9
        + 20.0 * see.arms
        + 2.6 * see.disc
        + 4.0 * see.bar
        + 3.0 * see.ring
        + 4.0 * see.clumps
        + (3.3 + 2.0 * see.spiral) * see.thin
        + 1.5 * (see.disturbed + see.companion)
    )
    featured = _sigmoid(featured + scatter(1.0))
    artefact = 0.025 * np.exp(scatter(0.5))
    edge_on = _sigmoid(-4.0 + 9.0 * see.thin - 6.0 * see.arms + scatter(0.6))
    bar = _sigmoid(-2.3 + 7.0 * see.bar + scatter(0.5))
    spiral = _sigmoid(-2.6 + 38.0 * see.arms + 2.0 * see.disc - 1.5 * see.disturbed + scatter(0.8))
    odd = -1.6 + 3.0 * see.ring + 3.0 * see.disturbed + 3.5 * see.companion + 1.5 * see.lane
    odd = _sigmoid(odd + scatter(0.6))

    bulge = see.bulge + scatter(0.06)
    ratio = see.axis_ratio + scatter(0.03)
    winding = see.pitch + scatter(2.2)
    arms = see.arm_number
    answers = {
        1: [(1 - featured) * (1 - artefact), featured * (1 - artefact), artefact],
        2: [edge_on, 1 - edge_on],
        3: [bar, 1 - bar],
        4: [spiral, 1 - spiral],
        5: _ordered(bulge, [0.02, 0.25, 0.68], [0.06] * 3),
        6: [odd, 1 - odd],
        7: _ordered(1 - ratio, [0.21, 0.52], [0.065, 0.03]),
        8: [
            0.10 + 3.0 * see.ring,
            np.full_like(odd, 0.08),
            0.12 + 1.0 * see.disturbed,
            0.12 + 0.9 * see.disturbed + 0.8 * see.clumps,
            np.full_like(odd, 0.20),
            0.06 + 3.0 * see.companion,
            0.02 + 1.5 * see.lane,
        ],
        9: _bulge_shapes(galaxies, see),
        10: _ordered(winding, [16.5, 25.5], [2.2] * 2),
        11: [
            0.06 + 0.9 * (arms == 1),
            0.25 + 5.0 * (arms == 2) * see.arms,
            0.05 + 0.8 * (arms == 3),
            0.02 + 0.5 * (arms == 4),
            0.02 + 0.5 * (arms > 4),
            0.50 + 0.6 * (arms > 4) - 0.5 * see.arms,
        ],
    }
    return np.concatenate([_normalised(*answers[q.number]) for q in GALAXY_ZOO_2.questions], axis=1)


class _Visible:
    """Visibility of the features of each galaxy: each (N,), from 0 (invisible) to about 1."""

    def __init__(self, galaxies: pd.DataFrame):
        def of(name: str) -> np.ndarray:
            return galaxies[name].to_numpy()

        disc = 1 - of("bulge_fraction")
        tilt = np.cos(np.radians(of("inclination")))
        # Resolution, from the ratio of the galaxy's radius to the seeing: 0.5 for a ratio of 4.4.
        sharp = _sigmoid((np.log(of("petrosian_r90") / of("seeing")) - np.log(4.4)) / 0.27)
        # Visibility of structure of the disc above the noise: 0.5 at 22.3 mag/arcsec^2.
        clear = _sigmoid((22.3 - of("surface_brightness")) / 0.5)
        open_view = _sigmoid((tilt - 0.27) / 0.06)
        seen = sharp * clear * np.sqrt(disc)

        # Contrast of the arms after seeing: the Fourier transform of its Moffat profile (as in
        # camera.py) at the wave number of the arms, 1.5 scale lengths from the centre; 5.56 is
        # 2 pi times its length over its width. Tight arms, and many arms, lose most contrast.
        pitch = np.tan(np.radians(of("arm_pitch")))
        spacing = 2 * np.pi * 1.5 * of("scale") * pitch / np.maximum(of("arm_number"), 1)
        wave = 5.56 * of("seeing") / (spacing * np.sqrt(np.maximum(tilt, 0.1)))
        left = (1 + wave) * np.exp(-wave)
        self.arms = of("arm_contrast") * left * clear * np.sqrt(disc) * open_view
        self.arm_number = of("arm_number")
        self.pitch = of("arm_pitch")
        self.bar = np.minimum(4 * of("bar_fraction"), 1) * seen * open_view
        self.ring = np.minimum(4 * of("ring_fraction"), 1) * seen * open_view
        self.clumps = of("clumpiness") * seen * np.where(of("family") == "spiral", 0.4, 1.0)
        self.disturbed = of("disturbance") * clear
        self.companion = np.minimum(2.5 * of("companion"), 1)

        seeing = 0.5 * of("seeing") / of("petrosian_r50")
        ratio = of("bulge_fraction") * of("bulge_axis_ratio") + disc * disc_axis_ratio(galaxies)
        self.axis_ratio = np.sqrt((ratio**2 + seeing**2) / (1 + seeing**2))
        flatness = np.sqrt((disc_axis_ratio(galaxies) ** 2 + seeing**2) / (1 + seeing**2))
        self.thin = np.minimum(1.6 * disc, 1) * _sigmoid((0.36 - flatness) / 0.035)
        self.lane = np.minimum(of("dust"), 1) * self.thin * sharp
        # Volunteers recognise the disc of a spiral even where its arms are not resolved.
        self.spiral = of("family") == "spiral"
        self.disc = 1.2 * self.spiral * disc * sharp * clear * open_view
        self.bulge = of("bulge_fraction")


def _bulge_shapes(galaxies: pd.DataFrame, see: _Visible) -> list[np.ndarray]:
    """Probabilities of rounded, boxy, none for the bulge of an edge-on disc."""
    rounded = _sigmoid((np.sqrt(see.bulge) - 0.30) / 0.06)
    boxy = 0.85 * rounded * _sigmoid((galaxies["bulge_boxiness"].to_numpy() - 0.55) / 0.08) + 0.02
    return [rounded * (1 - boxy), boxy, (1 - rounded) * (1 - boxy)]


def _sigmoid(value: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-value))


def _ordered(value: np.ndarray, borders: list[float], widths: list[float]) -> list[np.ndarray]:
    """Probabilities of answers that divide the range of a value at `borders`, each of a width."""
    above: list[Any] = [
        _sigmoid((value - border) / width) for border, width in zip(borders, widths, strict=True)
    ]
    return [low - high for low, high in pairwise([1.0, *above, 0.0])]


def _normalised(*weights: np.ndarray) -> np.ndarray:
    """Divide weights, each (N,), by their sum: (N, answers)."""
    stacked = np.clip(np.stack(weights, axis=1), 1e-6, None)
    return stacked / stacked.sum(axis=1, keepdims=True)
