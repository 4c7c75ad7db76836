"""Draw docs/simulated_sky.jpg: galaxies of the simulated sky, one row per class.

uv run python docs/make_sky_sheet.py
"""

from pathlib import Path

import numpy as np
from PIL import Image

from hubblefork.sky.class_rules import GALAXY10_SDSS
from hubblefork.sky.simulation.simulate import simulate

ACROSS, SIZE, GAP = 12, 69, 2


def main() -> None:
    sky = simulate(4000)
    labels = sky.catalogue["label"].to_numpy()
    rows = [np.flatnonzero(labels == label)[:ACROSS] for label in range(len(GALAXY10_SDSS))]
    images = sky.render(np.concatenate(rows), SIZE)
    framed = np.pad(images, ((0, 0), (0, GAP), (0, GAP), (0, 0)), constant_values=255)
    side = SIZE + GAP
    grid = framed.reshape(len(rows), ACROSS, side, side, 3).swapaxes(1, 2)
    sheet = Image.fromarray(grid.reshape(len(rows) * side, ACROSS * side, 3))
    path = Path(__file__).with_name("simulated_sky.jpg")
    sheet.save(path, quality=88)
    print(path)


if __name__ == "__main__":
    main()
