"""How realistic the simulated sky is: train on it alone, and evaluate on real galaxies.

    python benchmarks/simulation_realism.py CATALOGUE [--crop 104] [--number 6000]
        [--recipe default] [--set KEY=VALUE] [--real N] [--run RUN]

CATALOGUE has real galaxies of the five clean Galaxy Zoo 2 classes. The ten simulated classes are
merged to these five; no real galaxy is used for training. With --run, an earlier run trained on
`simulated` is evaluated, and nothing is trained.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from hubblefork import Predictor, pack, train
from hubblefork.sky.class_rules import FIVE_CLASSES, GALAXY10_TO_FIVE

# gz2_five_class holds 5.12 petrosian_r90 across 128 pixels; a simulated image holds 4.14, as
# Galaxy10 does: the central 207 of the original 424 pixels.
_CROP = round(128 * 207 / 256)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("catalogue", type=Path, help="catalogue of real galaxies")
    parser.add_argument(
        "--crop",
        type=int,
        default=_CROP,
        help="side of the centre square to keep of a real image, in pixels",
    )
    parser.add_argument("--number", type=int, default=6000, help="number of simulated galaxies")
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="settings")
    parser.add_argument(
        "--real", type=int, help="number of real galaxies to evaluate on; by default all"
    )
    parser.add_argument("--run", type=Path, help="an earlier run trained on `simulated`")
    asked = parser.parse_args()

    if asked.run:
        score(asked.run, asked.catalogue, asked.crop, asked.real)
        return
    settings = dict(setting.split("=", 1) for setting in asked.settings)
    with tempfile.TemporaryDirectory() as folder:
        run = train(
            f"simulated:{asked.number}", asked.recipe, out=Path(folder) / "run", settings=settings
        )
        score(run.path, asked.catalogue, asked.crop, asked.real)


def score(run: Path, catalogue: Path, crop: int, number: int | None) -> None:
    """Print how well a network trained on the simulated sky alone classifies real galaxies."""
    predictor = Predictor.load(run)
    real = pack(
        catalogue, crop=crop, size=predictor.framing.size, grey=predictor.framing.channels == 1
    )
    rows = np.random.default_rng(0).permutation(len(real))[:number]
    found = merge(predictor.predict(real.images, rows)).argmax(axis=1)
    order = np.array([FIVE_CLASSES.index(name) for name in real.task.names])
    true = order[np.asarray(real.labels)[rows]]

    confusion = np.zeros((len(FIVE_CLASSES), len(FIVE_CLASSES)), dtype=int)
    np.add.at(confusion, (true, found), 1)
    counts = confusion.sum(axis=1)
    print(f"{len(true):,} real galaxies, accuracy {np.mean(found == true):.4f}", end=", ")
    print(f"majority-class baseline {counts.max() / counts.sum():.4f}")
    print("recall, and the number of galaxies of each true class predicted as each class:")
    for name, row, count in zip(FIVE_CLASSES, confusion, counts, strict=True):
        recall = row[FIVE_CLASSES.index(name)] / max(count, 1)
        print(f"  {name:24} {recall:.3f} " + " ".join(f"{number:6,}" for number in row))


def merge(probabilities: np.ndarray) -> np.ndarray:
    """Sum the probabilities (N, 10) of the Galaxy10 classes that make up each of the five: (N, 5).

    Discs without arms are in none of the five; their probability is left out.
    """
    merged = np.zeros((len(probabilities), len(FIVE_CLASSES)))
    for ten, five in enumerate(GALAXY10_TO_FIVE):
        if five >= 0:
            merged[:, five] += probabilities[:, ten]
    return merged


if __name__ == "__main__":
    main()
