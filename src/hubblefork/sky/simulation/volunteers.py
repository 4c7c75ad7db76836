"""Simulated volunteers: each walks down the Galaxy Zoo tree and answers by what can be seen.

A feature that is there is not always a feature that is seen: arms of a small galaxy are lost in
the seeing, arms of a tilted one are foreshortened, faint ones drown in the noise. The
probabilities of the answers are logistic functions of what is left. Their constants were set by
comparing the mean of each of the 37 fractions, and the shares of the classes, with Galaxy Zoo's.
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
        if question.number == 6:  # reached by all who did not end at "star or artefact"
            here = volunteers - counts[:, GALAXY_ZOO_2.index("Class1.3")].astype(int)
        elif question.parent is None:
            here = volunteers
        else:
            here = counts[:, GALAXY_ZOO_2.index(question.parent)].astype(int)
        counts[:, question.columns] = random.multinomial(here, chances[:, question.columns])
    own = np.nan_to_num(GALAXY_ZOO_2.conditional(counts))
    # Where everyone ended at question 1, "anything odd" has no votes; Kaggle's still sum to 1.
    unasked = counts[:, GALAXY_ZOO_2.question(6).columns].sum(axis=1) == 0
    own[unasked, GALAXY_ZOO_2.index("Class6.2")] = 1.0
    return GALAXY_ZOO_2.weighted(own), volunteers


def answer_chances(galaxies: pd.DataFrame, random: np.random.Generator) -> np.ndarray:
    """Return the chance of each answer for a volunteer who comes to its question: (N, 37).

    Each question's answers sum to 1. `random` adds what the parameters do not tell: two galaxies
    with the same numbers do not look the same.
    """
    see = _Visible(galaxies)

    def luck(sigma: float) -> np.ndarray:
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
    featured = _sigmoid(featured + luck(1.0))
    artefact = 0.025 * np.exp(luck(0.5))
    edge_on = _sigmoid(-4.0 + 9.0 * see.thin - 6.0 * see.arms + luck(0.6))
    bar = _sigmoid(-2.3 + 7.0 * see.bar + luck(0.5))
    spiral = _sigmoid(-2.6 + 38.0 * see.arms + 2.0 * see.disc - 1.5 * see.disturbed + luck(0.8))
    odd = -1.6 + 3.0 * see.ring + 3.0 * see.disturbed + 3.5 * see.companion + 1.5 * see.lane
    odd = _sigmoid(odd + luck(0.6))

    bulge = see.bulge + luck(0.06)
    ratio = see.axis_ratio + luck(0.03)
    winding = see.pitch + luck(2.2)
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
    return np.concatenate([_shares(*answers[q.number]) for q in GALAXY_ZOO_2.questions], axis=1)


class _Visible:
    """What of each galaxy can be seen: each (N,), 0 for nothing to about 1 for plain."""

    def __init__(self, galaxies: pd.DataFrame):
        def of(name: str) -> np.ndarray:
            return galaxies[name].to_numpy()

        disc = 1 - of("bulge_fraction")
        tilt = np.cos(np.radians(of("inclination")))
        # How many times the seeing fits in the galaxy: half of the detail is seen at about five.
        sharp = _sigmoid((np.log(of("petrosian_r90") / of("seeing")) - np.log(4.4)) / 0.27)
        # Surface brightness at which structure of the disc begins to drown in the sky.
        clear = _sigmoid((22.3 - of("surface_brightness")) / 0.5)
        open_view = _sigmoid((tilt - 0.27) / 0.06)
        seen = sharp * clear * np.sqrt(disc)

        # The contrast of arms that the seeing leaves: the transform of its Moffat profile (as in
        # camera.py) at the wave number of the arms, 1.5 scale lengths from the middle; 5.56 is
        # 2 pi times its length over its width. Tight and many arms are the first to go.
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
        # A disc around a small bulge looks like a spiral before its arms are made out.
        self.spiral = of("family") == "spiral"
        self.disc = 1.2 * self.spiral * disc * sharp * clear * open_view
        self.bulge = of("bulge_fraction")


def _bulge_shapes(galaxies: pd.DataFrame, see: _Visible) -> list[np.ndarray]:
    """Chances of rounded, boxy, none for the bulge of an edge-on disc."""
    rounded = _sigmoid((np.sqrt(see.bulge) - 0.30) / 0.06)
    boxy = 0.85 * rounded * _sigmoid((galaxies["bulge_boxiness"].to_numpy() - 0.55) / 0.08) + 0.02
    return [rounded * (1 - boxy), boxy, (1 - rounded) * (1 - boxy)]


def _sigmoid(value: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-value))


def _ordered(value: np.ndarray, borders: list[float], doubts: list[float]) -> list[np.ndarray]:
    """Chances of answers that divide one quantity at `borders`, each with a width of doubt."""
    above: list[Any] = [
        _sigmoid((value - border) / doubt) for border, doubt in zip(borders, doubts, strict=True)
    ]
    return [low - high for low, high in pairwise([1.0, *above, 0.0])]


def _shares(*weights: np.ndarray) -> np.ndarray:
    """Divide weights, each (N,), by their sum: (N, answers)."""
    stacked = np.clip(np.stack(weights, axis=1), 1e-6, None)
    return stacked / stacked.sum(axis=1, keepdims=True)
