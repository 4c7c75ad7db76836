"""Images look as the survey's do: a dark noisy sky, a galaxy in the middle, seeing that blurs."""

import numpy as np
import pytest

from hubblefork.sky.simulation.camera import photograph
from hubblefork.sky.simulation.population import draw_population


@pytest.fixture(scope="module")
def galaxies() -> list[dict]:
    table = draw_population(np.random.default_rng(4), 400)
    return table[table["companion"] == 0].iloc[:40].to_dict("records")


def images(galaxies: list[dict], size: int = 69, **changes: float) -> np.ndarray:
    return np.stack(
        [
            photograph(galaxy | changes, np.random.default_rng([7, place]), size, 4.14)
            for place, galaxy in enumerate(galaxies)
        ]
    ).astype(float)


def test_the_sky_is_dark_but_not_black_and_noisy(galaxies: list[dict]):
    border = images(galaxies)[:, :4].reshape(len(galaxies), -1, 3)
    # Real cut-outs: median 5 of 255 in red and green, standard deviation 3 to 4.
    assert 2 <= np.median(border) <= 10
    assert 1.5 <= np.median(border.std(axis=1)) <= 9


def test_the_galaxy_is_in_the_middle_and_the_brightest(galaxies: list[dict]):
    brightness = images(galaxies).mean(axis=3)
    inner = brightness[:, 27:42, 27:42].mean(axis=(1, 2))
    outer = brightness[:, :7].mean(axis=(1, 2))
    assert (inner > outer).mean() > 0.95


def test_bad_seeing_takes_detail_away(galaxies: list[dict]):
    def detail(seeing: float) -> float:
        brightness = images(galaxies, seeing=seeing, magnitude=14.5).mean(axis=3)
        return np.abs(np.diff(brightness[:, 15:54, 15:54], axis=1)).mean()

    assert detail(0.9) > 1.1 * detail(2.5)


def test_red_galaxies_are_red_and_blue_ones_blue(galaxies: list[dict]):
    def redness(colour: float) -> float:
        middle = images(galaxies, bulge_colour=colour, disc_colour=colour)[:, 29:40, 29:40]
        return (middle[..., 0] - middle[..., 2]).mean()

    assert redness(0.9) > 30
    assert redness(0.2) < 0


def test_any_size_shows_the_same_field(galaxies: list[dict]):
    small = images(galaxies[:10], size=32).mean(axis=(1, 2, 3))
    large = images(galaxies[:10], size=96).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(small, large, rtol=0.35, atol=3)


def test_the_same_seed_takes_the_same_image(galaxies: list[dict]):
    np.testing.assert_array_equal(images(galaxies[:3]), images(galaxies[:3]))
