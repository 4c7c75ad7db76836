"""Other objects in an image: the companion of a merger, field stars, field galaxies."""

import numpy as np

from hubblefork.sky.simulation.light import colours, sersic

# Arcseconds per pixel of the Sloan camera (Gunn et al. 1998).
PIXEL = 0.396
# Stars and galaxies brighter than r = 22 per square arcminute, and brightest drawn, at high
# galactic latitude (SDSS counts; Yasuda et al. 2001).
_STARS, _GALAXIES = 1.7, 3.2
_FAINT = 22.0


def companion_light(
    galaxy: dict, x: np.ndarray, y: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """Return the other galaxy of a merger, an ellipse; shape and unit as `galaxy_light`."""
    angle = np.radians(galaxy["companion_angle"])
    distance = galaxy["companion_distance"] * galaxy["scale"]
    size = galaxy["scale"] * np.sqrt(galaxy["companion"]) * random.uniform(0.6, 1.4)
    shape = _ellipse(
        x - np.float32(distance * np.cos(angle)),
        y - np.float32(distance * np.sin(angle)),
        random.uniform(0.4, 1.0),
        random.uniform(0, np.pi),
    )
    colour = colours(galaxy["disc_colour"] + random.normal(0.05, 0.12))
    profile = sersic(shape, random.uniform(0.8, 2.5), size)
    return galaxy["companion"] * colour[:, None, None] * profile


def _ellipse(x: np.ndarray, y: np.ndarray, ratio: float, angle: float) -> np.ndarray:
    """Return the radius of the ellipse of the same area through each point."""
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    u, v = x * cosine + y * sine, y * cosine - x * sine
    root = np.float32(np.sqrt(ratio))
    return np.sqrt((u * root) ** 2 + (v / root) ** 2)


def add_field(
    light: np.ndarray, galaxy: dict, axis: np.ndarray, random: np.random.Generator
) -> None:
    """Add field stars and galaxies to `light` (3, n, n), nanomaggies per native pixel, in place.

    `axis` are the offsets of rows and of columns from the centre, in arcsec.
    """
    scale = float(axis[1] - axis[0])
    area = (len(axis) * scale / 60) ** 2
    # Early types are often in groups and clusters (Dressler 1980).
    density = 0.7
    if galaxy["family"] in ("elliptical", "lenticular"):
        density = random.gamma(0.6, 4.0)
    for _ in range(random.poisson(_STARS * area)):
        add_star(light, random, axis, scale)
    for _ in range(random.poisson(_GALAXIES * density * area)):
        _add_galaxy(light, galaxy, random, axis, scale)


def _faint_magnitude(random: np.random.Generator, slope: float, brightest: float) -> float:
    """Draw from counts that grow as 10^(slope m) between `brightest` and the faint limit."""
    low = 10 ** (slope * (brightest - _FAINT))
    return _FAINT + np.log10(low + (1 - low) * random.random()) / slope


def add_star(
    light: np.ndarray, random: np.random.Generator, axis: np.ndarray, scale: float
) -> None:
    """Add a star of random brightness, colour and position to `light`, as in `add_field`."""
    magnitude = _faint_magnitude(random, 0.20, 15.0)
    # Halo stars near g - r = 0.4 and red dwarfs near 1.4.
    red = random.random() < 0.45
    colour = random.normal(1.35, 0.12) if red else random.normal(0.45, 0.15)
    flux = colours(colour)
    if red:  # r - i of red dwarfs increases further at constant g - r
        flux[2] *= random.uniform(1.0, 1.9)
    total = flux * np.float32(10 ** (0.4 * (22.5 - magnitude)) * (PIXEL / scale) ** 2)
    row, column = random.uniform(0, len(axis) - 1.001, 2)
    top, left = int(row), int(column)
    for down, tall in ((0, 1 - row + top), (1, row - top)):
        for right, wide in ((0, 1 - column + left), (1, column - left)):
            light[:, top + down, left + right] += total * np.float32(tall * wide)


def _add_galaxy(
    light: np.ndarray, galaxy: dict, random: np.random.Generator, axis: np.ndarray, scale: float
) -> None:
    magnitude = _faint_magnitude(random, 0.45, 16.0)
    size = 10 ** (0.16 * (19.5 - magnitude)) * random.uniform(0.5, 1.2)  # about 1.0 arcsec at 19.5
    colour = galaxy["bulge_colour"] if random.random() < 0.5 else random.normal(0.75, 0.3)
    ratio, angle = random.uniform(0.35, 1.0), random.uniform(0, np.pi)
    where = random.uniform(axis[0], axis[-1], 2)
    columns = slice(*np.searchsorted(axis, (where[0] - 6 * size, where[0] + 6 * size)))
    rows = slice(*np.searchsorted(axis, (where[1] - 6 * size, where[1] + 6 * size)))
    shape = _ellipse(
        (axis[columns] - np.float32(where[0]))[None, :],
        (axis[rows] - np.float32(where[1]))[:, None],
        ratio,
        angle,
    )
    shape = np.sqrt(shape**2 + np.float32((0.4 * scale) ** 2))
    profile = sersic(shape, random.choice([1.0, 2.0, 4.0]), size) * np.float32(PIXEL**2)
    total = colours(colour) * np.float32(10 ** (0.4 * (22.5 - magnitude)))
    light[:, rows, columns] += total[:, None, None] * profile
