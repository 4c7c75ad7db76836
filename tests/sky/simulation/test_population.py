"""The population is the requested one, and its parameters are in range."""

import numpy as np
import pandas as pd
import pytest

from hubblefork.sky.simulation.population import BRIGHTEST, FAINTEST, SMALLEST, draw_population


@pytest.fixture(scope="module")
def galaxies() -> pd.DataFrame:
    return draw_population(np.random.default_rng(5), 4000)


def test_the_same_seed_draws_the_same_galaxies(galaxies: pd.DataFrame):
    again = draw_population(np.random.default_rng(5), 4000)
    pd.testing.assert_frame_equal(galaxies, again)


def test_nothing_is_missing(galaxies: pd.DataFrame):
    assert not galaxies.isna().any().any()


@pytest.mark.parametrize(
    ("column", "low", "high"),
    [
        ("magnitude", BRIGHTEST, FAINTEST),
        ("redshift", 0.01, 0.25),
        ("bulge_fraction", 0, 1),
        ("bulge_axis_ratio", 0.2, 1),
        ("bulge_sersic", 0.5, 8),
        ("inclination", 0, 90),
        ("arm_pitch", 5, 45),
        ("arm_contrast", 0, 1),
        ("bar_fraction", 0, 0.8),
        ("ring_fraction", 0, 0.6),
        ("clumpiness", 0, 1),
        ("seeing", 0.7, 2.0),
        ("disc_colour", -0.4, 1.8),
    ],
)
def test_parameters_are_in_range(galaxies: pd.DataFrame, column: str, low: float, high: float):
    assert galaxies[column].between(low, high).all()


def test_only_spirals_have_arms_and_only_mergers_companions(galaxies: pd.DataFrame):
    assert (galaxies.loc[galaxies["family"] != "spiral", "arm_number"] == 0).all()
    assert (galaxies.loc[galaxies["family"] != "merger", "companion"] == 0).all()


def test_half_the_light_is_inside_ninety_percent_of_it(galaxies: pd.DataFrame):
    concentration = galaxies["petrosian_r90"] / galaxies["petrosian_r50"]
    assert concentration.between(1.5, 4.5).all()


def test_fainter_than_the_limit_of_size_is_out_of_the_sample(galaxies: pd.DataFrame):
    assert (galaxies["in_sample"] == (galaxies["petrosian_r90"] > SMALLEST)).all()


def test_ellipticals_are_redder_than_spirals(galaxies: pd.DataFrame):
    colour = galaxies.groupby("family")[["bulge_colour", "disc_colour"]].median()
    assert colour.loc["elliptical", "bulge_colour"] > colour.loc["spiral", "disc_colour"] + 0.2


def test_discs_are_seen_from_all_sides(galaxies: pd.DataFrame):
    assert np.cos(np.radians(galaxies["inclination"])).mean() == pytest.approx(0.5, abs=0.02)
