"""Simulated radio galaxies of four classes: images that have little in common with optical ones.

    images, labels = simulate_radio_galaxies(2_000, seed=0)

Grey images of 300 pixels that are black but for a few bright ones, as radio surveys publish them:
noise below three standard deviations is set to zero, and the peak is white. The classes are those
of Fanaroff and Riley 1974, with compact and bent sources: jets that fade outwards (I), lobes that
are brightest at their ends (II).
"""

import numpy as np
from scipy.ndimage import gaussian_filter

CLASSES = ("bent", "compact", "fanaroff_riley_1", "fanaroff_riley_2")
SIDE = 300
# Standard deviation of the beam, in pixels: 5.4 arcsec FWHM at 1.8 arcsec a pixel.
_BEAM = 1.3
_BLOBS = 60  # that a jet is made of


def simulate_radio_galaxies(number: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 300, 300, 1) uint8 and class numbers (N,), the classes equally common.

    >>> images, labels = simulate_radio_galaxies(8, seed=0)
    >>> images.shape, images.dtype.name, np.bincount(labels).tolist()
    ((8, 300, 300, 1), 'uint8', [2, 2, 2, 2])
    """
    labels = np.arange(number) % len(CLASSES)
    images = [_image(each, np.random.default_rng([seed, row])) for row, each in enumerate(labels)]
    return np.stack(images)[..., None], labels


def _image(label: int, random: np.random.Generator) -> np.ndarray:
    light = np.zeros((SIDE, SIDE))
    _source(light, CLASSES[label], random)
    for _ in range(random.poisson(0.7)):  # others, which happen to be nearby
        place, flux = random.uniform(-140, 140, 2), random.lognormal(-1.5, 0.7)
        _add(light, place[None], np.array([flux]))
    light = gaussian_filter(light, _BEAM)
    light *= random.lognormal(3.0, 0.8) / light.max()  # the peak, in units of the noise
    light += gaussian_filter(random.normal(size=light.shape), _BEAM) * 2 * _BEAM * np.pi**0.5
    light[light < 3] = 0
    return np.round(255 * light / max(light.max(), 1e-9)).astype(np.uint8)


def _source(light: np.ndarray, name: str, random: np.random.Generator) -> None:
    core = random.lognormal(-1.0, 0.8)
    if name == "compact":
        size = random.uniform(0, 2.5)
        _add(light, random.normal(size=(20, 2)) * [size, size * random.uniform()], np.full(20, 0.1))
        return
    first, length = random.uniform(0, 2 * np.pi), random.lognormal(3.3, 0.45)
    opening = np.pi if name != "bent" else np.radians(random.uniform(50, 140))
    curve = random.normal(0, 0.12 if name != "bent" else 0.5)
    _add(light, np.zeros((1, 2)), np.array([core if name != "fanaroff_riley_2" else core / 4]))
    along = np.linspace(0, 1, _BLOBS)
    for side, direction in enumerate((first, first + opening + random.normal(0, 0.08))):
        own = length * random.lognormal(0, 0.15)
        turn = direction + (curve if side else -curve) * along
        places = own * along[:, None] * np.stack([np.sin(turn), np.cos(turn)], axis=1)
        if name == "fanaroff_riley_2":
            flux, width = 0.01 + 0.3 * along**12, 1 + 2 * along
        else:
            fading = random.uniform(1.5, 4)
            flux, width = 0.06 * np.exp(-fading * along), 1 + 5 * along
        places += random.normal(size=places.shape) * width[:, None]
        _add(light, places, flux * random.lognormal(0, 0.3) * random.lognormal(0, 0.4, _BLOBS))


def _add(light: np.ndarray, places: np.ndarray, flux: np.ndarray) -> None:
    """Add points at places (n, 2), in pixels from the centre, that are within the image."""
    rows = np.round(places + SIDE / 2).astype(int)
    inside = ((rows >= 0) & (rows < SIDE)).all(axis=1)
    np.add.at(light, tuple(rows[inside].T), flux[inside])
