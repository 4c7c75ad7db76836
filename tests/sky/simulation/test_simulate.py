"""The simulated sky: the same for the same seed, whole in every class, true to its votes."""

import pickle

import numpy as np
import pandas as pd
import pytest

from hubblefork.core.errors import RequestError
from hubblefork.sky.class_rules import GALAXY10_SDSS, galaxy10_class
from hubblefork.sky.decision_tree import GALAXY_ZOO_2
from hubblefork.sky.simulation.simulate import Simulation, simulate


@pytest.fixture(scope="module")
def sky() -> Simulation:
    return simulate()


def test_the_default_is_four_thousand_galaxies_with_a_class(sky: Simulation):
    assert len(sky) == len(sky.catalogue) == 4000
    assert sky.catalogue["label"].between(0, 9).all()
    assert sky.catalogue["id"].is_unique


def test_label_and_name_follow_from_the_votes(sky: Simulation):
    votes = sky.catalogue[list(GALAXY_ZOO_2.columns)].to_numpy()
    assert not GALAXY_ZOO_2.check(votes).any()
    np.testing.assert_array_equal(sky.catalogue["label"], galaxy10_class(votes))
    names = [GALAXY10_SDSS[label] for label in sky.catalogue["label"]]
    assert sky.catalogue["class_name"].tolist() == names


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_class_has_enough_galaxies_to_be_split(seed: int):
    counts = np.bincount(simulate(4000, seed).catalogue["label"], minlength=10)
    assert counts.min() >= 8


def test_class_fractions_are_as_unequal_as_the_real_ones(sky: Simulation):
    real = np.array([3461, 6997, 6292, 394, 1534, 17, 589, 1121, 906, 519]) / 21785
    fractions = np.bincount(sky.catalogue["label"], minlength=10) / len(sky)
    common = [0, 1, 2, 4]
    np.testing.assert_allclose(fractions[common], real[common], rtol=0.35)
    assert fractions.argmin() == real.argmin() == 5
    assert np.corrcoef(fractions, real)[0, 1] > 0.95


def test_fewer_galaxies_are_the_first_of_more(sky: Simulation):
    pd.testing.assert_frame_equal(simulate(50).catalogue, sky.catalogue.iloc[:50])


def test_another_seed_is_another_sky(sky: Simulation):
    assert not simulate(50, seed=1).catalogue["magnitude"].equals(sky.catalogue["magnitude"][:50])


def test_images_do_not_depend_on_the_batch(sky: Simulation):
    rows = [5, 3999, 17, 100]
    together = sky.render(rows)
    assert together.shape == (4, 69, 69, 3)
    assert together.dtype == np.uint8
    for row, image in zip(rows, together, strict=True):
        np.testing.assert_array_equal(sky.render([row])[0], image)
    np.testing.assert_array_equal(simulate(200).render([5, 17, 100]), together[[0, 2, 3]])


def test_no_two_galaxies_look_the_same(sky: Simulation):
    images = sky.render(range(20)).reshape(20, -1)
    assert len(np.unique(images, axis=0)) == 20


def test_a_simulation_can_be_sent_to_another_process(sky: Simulation):
    there = pickle.loads(pickle.dumps(simulate(20)))
    np.testing.assert_array_equal(there.render([7], size=32), sky.render([7], size=32))


@pytest.mark.parametrize(("size", "field"), [(16, 4.14), (70, 2.0), (128, 5.12), (96, 8.48)])
def test_any_size_and_field_can_be_rendered(sky: Simulation, size: int, field: float):
    image = sky.render([11], size=size, field=field)
    assert image.shape == (1, size, size, 3)
    assert image.max() > 40


@pytest.mark.parametrize(("number", "seed"), [(0, 0), (-5, 0), (10, -1)])
def test_an_impossible_sky_is_refused(number: int, seed: int):
    with pytest.raises(RequestError, match=r"expected at least 1 and a seed of 0 or more"):
        simulate(number, seed)


@pytest.mark.parametrize(("size", "field"), [(0, 4.0), (69, 0.0), (69, -1.0)])
def test_an_impossible_image_is_refused(sky: Simulation, size: int, field: float):
    with pytest.raises(RequestError, match="expected at least 8 pixels"):
        sky.render([0], size=size, field=field)
