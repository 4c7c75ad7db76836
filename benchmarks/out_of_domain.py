"""How well typicality separates images of other kinds from those that a model was trained on.

    python benchmarks/out_of_domain.py RUN [--others SOURCE ...] [--number 500] [--field 5.12]

The test set of RUN, images of the same kind, is compared with the images of each SOURCE, and with
simulated skies without a galaxy, as the Sloan survey would observe them: blank, with stars, and
with a star in the middle in place of a galaxy. Simulated galaxies come last; they should not be
separated.

Prints the area under the ROC curve with its 95 % interval (bootstrap over images), and the
fraction that `hubblefork predict` reports as unlike the training images.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy import fft
from separation import separation

from hubblefork import Predictor, pack
from hubblefork.data.images.framing import frame
from hubblefork.models.uncertainty import ATYPICAL
from hubblefork.runs.run import Run
from hubblefork.sky.simulation.camera import expose
from hubblefork.sky.simulation.neighbours import PIXEL, add_star
from hubblefork.sky.simulation.simulate import simulate
from hubblefork.workflow.evaluate import own_test_part

# Stars per square arcminute: somewhat more than there are to r = 22 at high galactic latitude.
_STARS = 2.0
# Margin beyond the edge of the image, in arcsec: light that the seeing spreads into the image.
_MARGIN = 3.0

AddLight = Callable[[np.ndarray, np.random.Generator, np.ndarray, float], None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--others", nargs="*", default=[], metavar="SOURCE")
    parser.add_argument("--number", type=int, default=500, help="images of each simulated kind")
    parser.add_argument(
        "--field",
        type=float,
        default=5.12,
        help="side of the simulated images, in units of petrosian_r90",
    )
    asked = parser.parse_args()

    predictor = Predictor.load(asked.run)
    framing = predictor.framing
    dataset, rows, _ = own_test_part(Run.open(asked.run), predictor)
    known = predictor.answer(dataset.images, rows).typicality
    print(f"| {len(known):,} test images of {asked.run} compared with | images | AUROC | unlike |")
    print("|---|---|---|---|")
    print(f"| themselves | {len(known):,} | 0.5 | {np.mean(known <= ATYPICAL):.1%} |")

    def line(name: str, images: np.ndarray) -> None:
        typicality = predictor.answer(images).typicality
        added = np.repeat([False, True], [len(known), len(typicality)])
        area, (low, high) = separation(-np.concatenate([known, typicality]), added)
        unlike = np.mean(typicality <= ATYPICAL)
        shown = f"{area:.3f} ({low:.3f} to {high:.3f})"
        print(f"| {name} | {len(typicality):,} | {shown} | {unlike:.1%} |", flush=True)

    for source in asked.others:
        grey = framing.channels == 1
        line(source, pack(source, crop=framing.crop, size=framing.size, grey=grey).images)
    size = framing.crop or framing.size
    kinds: dict[str, AddLight] = {
        "blank sky": lambda *_: None,
        "sky with stars": add_stars,
        "a star in the middle": add_star_in_the_middle,
    }
    for name, add_light in kinds.items():
        skies = [sky(galaxy, place, add_light, size, asked.field) for place, galaxy in enumerate(
            simulate(asked.number, seed=1).catalogue.to_dict("records"))]  # fmt: skip
        line(name, np.stack([frame(each, framing) for each in skies]))
    galaxies = simulate(asked.number, seed=2).render(range(asked.number), size, asked.field)
    line("simulated galaxies", np.stack([frame(each, framing) for each in galaxies]))


def sky(galaxy: dict, place: int, add_light: AddLight, size: int, field: float) -> np.ndarray:
    """Return an image (size, size, 3) framed for a galaxy, of a sky without the galaxy."""
    random = np.random.default_rng([1, place])
    side = field * galaxy["petrosian_r90"]
    scale = max(PIXEL, side / (1.35 * size))  # as `photograph` has it
    number = fft.next_fast_len(int(np.ceil((side + 2 * _MARGIN) / scale)), real=True)
    axis = ((np.arange(number) - (number - 1) / 2) * scale).astype(np.float32)
    light = np.zeros((3, number, number), np.float32)
    add_light(light, random, axis, scale)
    return expose(light, galaxy["seeing"], scale, random, size, side)


def add_stars(
    light: np.ndarray, random: np.random.Generator, axis: np.ndarray, scale: float
) -> None:
    """Add one star or more, at the density of high galactic latitude."""
    for _ in range(1 + random.poisson(_STARS * (len(axis) * scale / 60) ** 2)):
        add_star(light, random, axis, scale)


def add_star_in_the_middle(
    light: np.ndarray, random: np.random.Generator, axis: np.ndarray, scale: float
) -> None:
    middle = slice(len(axis) // 2 - 1, len(axis) // 2 + 2)
    add_star(light[:, middle, middle], random, axis[middle], scale)


if __name__ == "__main__":
    main()
