"""Petrosian radii against the known ones of single profiles."""

import numpy as np
import pytest

from hubblefork.sky.simulation.petrosian import petrosian_radii, sersic_b, sersic_centre


def radii(bulge: float, sersic: float, ratio: float = 1.0, truncation: float = 50.0):
    """r50 and r90 of one galaxy whose bulge and disc both have scale 1."""
    numbers = (bulge, sersic, 1.0, ratio, ratio, truncation)
    half, ninety = petrosian_radii(*(np.array([number]) for number in numbers))
    return float(half[0]), float(ninety[0])


def test_an_exponential_disc_keeps_nearly_all_its_light():
    # Half and 90 % of all light are within 1.678 and 3.890 scale lengths.
    half, ninety = radii(bulge=0.0, sersic=1.0)
    assert half == pytest.approx(1.678, rel=0.02)
    assert ninety == pytest.approx(3.890, rel=0.02)


def test_a_de_vaucouleurs_spheroid_loses_its_wings():
    # Graham et al. 2005, table 1: n = 4 has r50 = 0.71 and r90 / r50 = 3.42 of an infinite one.
    half, ninety = radii(bulge=1.0, sersic=4.0)
    assert half == pytest.approx(0.71, abs=0.04)
    assert ninety / half == pytest.approx(3.42, abs=0.1)


def test_a_flatter_galaxy_is_smaller_in_circles():
    assert radii(0.0, 1.0, ratio=0.3)[1] < radii(0.0, 1.0, ratio=1.0)[1]


def test_a_disc_that_ends_is_smaller():
    assert radii(0.0, 1.0, truncation=2.5)[1] < 0.92 * radii(0.0, 1.0)[1]


@pytest.mark.parametrize("index", [0.8, 1.0, 2.5, 4.0, 6.0])
def test_half_of_a_sersic_profile_is_within_its_effective_radius(index: float):
    radius = np.geomspace(1e-7, 1e4, 20_000)
    profile = sersic_centre(index, 2.0) * np.exp(-sersic_b(index) * (radius / 2.0) ** (1 / index))
    flux = np.cumsum(2 * np.pi * radius**2 * profile) * np.log(radius[1] / radius[0])
    assert flux[-1] == pytest.approx(1.0, rel=2e-3)
    assert np.interp(2.0, radius, flux) == pytest.approx(0.5, rel=2e-3)
