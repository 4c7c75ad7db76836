"""Light is conserved, and the parts of a galaxy are where they should be."""

import numpy as np
import pytest

from hubblefork.sky.simulation.light import EDGE_ON, galaxy_light

PLAIN = {
    "scale": 2.0,
    "position_angle": 0.0,
    "bulge_fraction": 0.0,
    "bulge_sersic": 2.0,
    "bulge_size": 0.6,
    "bulge_axis_ratio": 0.8,
    "bulge_boxiness": 0.0,
    "bulge_colour": 0.8,
    "disc_colour": 0.5,
    "inclination": 30.0,
    "thickness": 0.25,
    "truncation": 20.0,
    "arm_number": 0,
    "arm_pitch": 15.0,
    "arm_contrast": 0.0,
    "arm_phase": 0.3,
    "winding": 1,
    "clumpiness": 0.0,
    "disturbance": 0.0,
    "bar_fraction": 0.0,
    "bar_length": 1.0,
    "ring_fraction": 0.0,
    "ring_radius": 1.7,
    "dust": 0.0,
}
STEP = 0.25
AXIS = np.arange(-40, 40.01, STEP, dtype=np.float32)
X, Y = np.meshgrid(AXIS, AXIS)


def light(**changes: float) -> np.ndarray:
    return galaxy_light(PLAIN | changes, X, Y, np.random.default_rng(0))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"bulge_fraction": 1.0},
        {"bulge_fraction": 0.4, "bulge_sersic": 1.0},
        {"inclination": 60.0},
        {"bar_fraction": 0.5},
        {"ring_fraction": 0.5},
        {"arm_number": 2, "arm_contrast": 0.6},
        {"inclination": EDGE_ON + 5},
        {"inclination": 90.0, "bulge_fraction": 0.3},
    ],
)
def test_all_parts_together_have_the_flux_of_the_galaxy(changes: dict):
    assert light(**changes)[1].sum() * STEP**2 == pytest.approx(1.0, abs=0.12)


def test_the_colour_is_that_of_the_parameters():
    bands = light(inclination=10.0, disc_colour=0.5).sum(axis=(1, 2))
    assert -2.5 * np.log10(bands[0] / bands[1]) == pytest.approx(0.5, abs=0.01)
    assert bands[2] > bands[1]


def test_an_edge_on_disc_is_thin_and_lies_along_its_position_angle():
    def widths(**changes: float) -> tuple[float, float]:
        band = light(inclination=90.0, **changes)[1]
        total = band.sum()
        return np.sqrt((band * X**2).sum() / total), np.sqrt((band * Y**2).sum() / total)

    wide, tall = widths()
    assert tall < 0.3 * wide
    wide, tall = widths(position_angle=90.0)
    assert wide < 0.3 * tall


def test_dust_dims_the_middle_plane_and_reddens_it():
    clear, dusty = light(inclination=89.0), light(inclination=89.0, dust=1.0)
    row = len(AXIS) // 2
    kept = dusty[:, row, row] / clear[:, row, row]
    assert kept[0] < kept[1] < kept[2] < 0.7


def test_two_arms_are_two():
    image = light(arm_number=2, arm_contrast=0.9, inclination=0.0, arm_pitch=20.0)[1]
    angle = np.arange(0, 2 * np.pi, 0.02)
    # The mean over a few radii, rotated so that the arms are aligned.
    waves = np.zeros(6)
    for radius in (2.5, 3.0, 3.5):
        column = np.round((radius * np.cos(angle) + 40) / STEP).astype(int)
        row = np.round((radius * np.sin(angle) + 40) / STEP).astype(int)
        waves += np.abs(np.fft.rfft(image[row, column] / image[row, column].mean()))[:6]
    assert waves[1:].argmax() + 1 == 2


def test_a_boxy_bulge_fills_the_corners_of_its_box():
    def corner(boxiness: float) -> float:
        band = light(
            bulge_fraction=1.0, bulge_sersic=1.0, bulge_axis_ratio=1.0, bulge_boxiness=boxiness
        )[1]
        middle = len(AXIS) // 2
        return band[middle + 8, middle + 8] / band[middle, middle + 8]

    assert corner(1.0) > 1.3 * corner(0.0)
