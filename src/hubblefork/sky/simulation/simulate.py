"""A simulated Galaxy Zoo: galaxies with known parameters, volunteers' votes, and images.

    from hubblefork.sky.simulation.simulate import simulate
    sky = simulate(4000, seed=0)
    images = sky.render(range(25))

It needs no download, can be used for both tasks (classes and votes), and the true parameters of
each galaxy are known.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hubblefork.core.errors import RequestError
from hubblefork.sky.class_rules import GALAXY10_SDSS, NO_CLASS, galaxy10_class
from hubblefork.sky.decision_tree import GALAXY_ZOO_2
from hubblefork.sky.simulation.camera import photograph
from hubblefork.sky.simulation.population import draw_population
from hubblefork.sky.simulation.volunteers import vote

# To be increased with every change of galaxies, votes or images for the same number and seed: it is
# part of the key of packed simulated skies.
SIMULATION_VERSION = 1

# Galaxy10 SDSS: the central 207 of 424 pixels of 0.02 petrosian_r90 each, at 69 x 69.
GALAXY10_SIZE = 69
GALAXY10_FIELD = 207 * 0.02

# Candidates are drawn in blocks of this many, each with its own seed, so that the first galaxies
# do not depend on the requested number.
_BLOCK = 4096


@dataclass(frozen=True)
class Simulation:
    """Simulated galaxies: parameters and votes; images are made on request.

    `catalogue` has one row per galaxy: id, label (Galaxy10 SDSS class), class_name, the 37 vote
    fractions, volunteers, draw (the number of the candidate), and the physical parameters that
    `draw_population` documents.
    """

    catalogue: pd.DataFrame
    seed: int

    def __len__(self) -> int:
        return len(self.catalogue)

    def render(
        self, rows: Sequence[int], size: int = GALAXY10_SIZE, field: float = GALAXY10_FIELD
    ) -> np.ndarray:
        """Return images (n, size, size, 3) of uint8 of the galaxies at `rows`.

        `field` is the side of an image in units of the galaxy's petrosian_r90. The image of a
        galaxy does not depend on the other rows.

        >>> sky = simulate(3)
        >>> sky.render([2, 0], size=32).shape
        (2, 32, 32, 3)
        """
        if size < 8 or not field > 0:
            raise RequestError(
                f"images of {size} pixels and field {field} were requested; "
                "expected at least 8 pixels and a field above 0"
            )
        images = np.empty((len(rows), size, size, 3), dtype=np.uint8)
        for image, galaxy in zip(
            images, self.catalogue.iloc[list(rows)].to_dict("records"), strict=True
        ):
            random = np.random.default_rng([self.seed, galaxy["draw"], 1])
            image[:] = photograph(galaxy, random, size, field)
        return images


def simulate(number: int = 4000, seed: int = 0) -> Simulation:
    """Draw galaxies and votes until `number` galaxies have a Galaxy10 class.

    No images are made yet. The first n galaxies of a larger simulation with the same seed are those
    of a smaller one.

    >>> sky = simulate(100, seed=1)
    >>> len(sky.catalogue), sky.catalogue["id"].iloc[0]
    (100, 'sim-000000')
    >>> sky.catalogue["label"].between(0, 9).all().item()
    True
    """
    if number < 1 or seed < 0:
        raise RequestError(
            f"{number} simulated galaxies with seed {seed} were requested; "
            "expected at least 1 and a seed of 0 or more"
        )
    blocks, found, block = [], 0, 0
    while found < number:
        galaxies = _block(seed, block)
        blocks.append(galaxies)
        found += len(galaxies)
        block += 1
    catalogue = pd.concat(blocks, ignore_index=True).iloc[:number]
    catalogue.insert(0, "id", [f"sim-{place:06d}" for place in range(number)])
    return Simulation(catalogue, seed)


def _block(seed: int, block: int) -> pd.DataFrame:
    """Return the galaxies of one block of candidates that have a class."""
    random = np.random.default_rng([seed, block])
    galaxies = draw_population(random, _BLOCK)
    fractions, volunteers = vote(galaxies, random)
    label = galaxy10_class(fractions)
    table = pd.DataFrame({"label": label})
    table["class_name"] = [GALAXY10_SDSS[place] for place in label]
    votes = pd.DataFrame(fractions, columns=list(GALAXY_ZOO_2.columns))
    table = pd.concat([table, votes], axis=1)
    table["volunteers"] = volunteers
    table["draw"] = np.arange(_BLOCK) + block * _BLOCK
    kept = (label != NO_CLASS) & galaxies["in_sample"].to_numpy()
    return pd.concat([table, galaxies.drop(columns="in_sample")], axis=1)[kept]
