"""The simulated sky as a source: `simulated`, with `:N`, `:votes` and `:seedS` in any order."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from hubblefork.core.errors import RequestError
from hubblefork.data.images.blocks import DecodedImages, Job
from hubblefork.data.images.decoded import DecodedImage
from hubblefork.data.images.framing import Framing, frame
from hubblefork.data.sources.base import Source
from hubblefork.sky.class_rules import GALAXY10_SDSS
from hubblefork.sky.simulation.simulate import (
    GALAXY10_FIELD,
    GALAXY10_SIZE,
    SIMULATION_VERSION,
    Simulation,
    simulate,
)
from hubblefork.tasks.classes import Classes
from hubblefork.tasks.task import VOLUNTEERS, Task
from hubblefork.tasks.votes import Votes

# Enough galaxies for every class to be in each subset of a split, and few enough to be rendered in
# half a minute.
DEFAULT_NUMBER = 4000


class SimulatedSource(Source):
    """Galaxies drawn and rendered by `hubblefork.sky.simulation.simulate`.

    A framing's crop is in pixels of the frame of 69x69; the image is rendered at the requested
    size, never resized.
    """

    prefer = "processes"

    def __init__(
        self, number: int = DEFAULT_NUMBER, votes: bool = False, seed: int = 0, name: str = ""
    ) -> None:
        self.name = name or ":".join(["simulated", *["votes"] * votes, str(number)])
        self.number = number
        self.seed = seed
        self.notes: list[str] = []
        self.task: Task = Votes() if votes else Classes(GALAXY10_SDSS)
        self._simulation = simulate(number, seed)
        catalogue = self._simulation.catalogue
        labels = [*self.task.names, VOLUNTEERS] if votes else ["label"]
        self.table = catalogue[["id", *labels]].assign(origin="simulated")

    def content(self) -> str:
        """Return a SHA-256 over what the galaxies depend on: number, seed and the simulation."""
        request = f"{self.task.to_json()} {self.number} {self.seed} {SIMULATION_VERSION}"
        return hashlib.sha256(request.encode()).hexdigest()

    def job(self, rows: Sequence[int]) -> Job:
        part = replace(self._simulation, catalogue=self._simulation.catalogue.iloc[list(rows)])
        return partial(_render, part)


def open_simulated(text: str, name: str) -> SimulatedSource:
    """Simulated galaxies; `text` has `votes`, a number and a seed, in any order.

    name: the source, as the user gave it. Raises RequestError for anything else.
    """
    number, votes, seed = DEFAULT_NUMBER, False, 0
    for word in text.split(":") if text else ():
        if word == "votes":
            votes = True
        elif word.isdecimal() and int(word) > 0:
            number = int(word)
        elif word.startswith("seed") and word.removeprefix("seed").isdecimal():
            seed = int(word.removeprefix("seed"))
        else:
            raise RequestError(
                f"{name}: {word!r} is neither 'votes', nor a number of galaxies, nor a seed; "
                "expected as in simulated:2000, simulated:votes:2000 or simulated:2000:seed1"
            )
    return SimulatedSource(number, votes, seed, name)


def _render(simulation: Simulation, framing: Framing) -> DecodedImages:
    """Render all galaxies of a simulation."""
    crop = framing.crop or GALAXY10_SIZE
    if crop > GALAXY10_SIZE:
        raise RequestError(
            f"crop is {crop}; expected at most {GALAXY10_SIZE}, the width of a simulated image "
            f"in pixels: --crop {GALAXY10_SIZE}"
        )
    field = GALAXY10_FIELD * crop / GALAXY10_SIZE
    images = simulation.render(range(len(simulation)), framing.size or crop, field)
    # It is rendered at the requested size: no cropping or scaling is left to do.
    framing = replace(framing, crop=None, size=None)
    return [DecodedImage(frame(each, framing), (crop, crop), 3) for each in images]
