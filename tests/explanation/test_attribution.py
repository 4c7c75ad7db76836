"""Maps are compared with a known truth: the only cue of an image, planted away from its centre."""

from functools import cache

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import spearmanr

from hubblefork.core.errors import RequestError
from hubblefork.explanation.attribution import METHODS, attribution, attribution_layer
from hubblefork.models.predictor import Predictor
from hubblefork.sky.simulation.camera import photograph
from hubblefork.sky.simulation.population import draw_population
from hubblefork.workflow.train import train

pytestmark = pytest.mark.usefixtures("without_reports")

# Of images of the simulated sky: pixels, and how many petrosian_r90 they are wide.
SIDE, FIELD = 40, 5.0
SETTINGS = {
    "data.size": SIDE,
    "view.size": SIDE,
    "view.field_of_view": 1.0,
    "network.name": "compact-resnet",
    "network.options": {"width": 8, "blocks": [1, 1, 2, 2]},
    "angles": 1,
    "epochs": 8,
    "batch_size": 16,
}


@pytest.fixture(scope="module")
def maps(bars, cue):
    """Maps (n, 40, 40) of images with an upright bar, by a trained or an untrained network."""
    torch.manual_seed(1)
    fresh = Predictor.of(bars.card.create_network(), bars.card, bars.device)

    @cache
    def drawn(method, trained=True):
        predictor = bars if trained else fresh
        # Each for its own answer: an untrained network may have no evidence for another.
        return np.stack([attribution(predictor, image, method).map for image, _ in upright(cue)])

    return drawn


def upright(cue, number=6):
    random = np.random.default_rng(1)
    return [cue(random, upright=True) for _ in range(number)]


def mass_at_cue(maps, cue):
    """The mean fraction of a map's sum within 8 pixels of the cue; chance is a seventh."""
    fractions = []
    for found, (_, (down, across)) in zip(maps, upright(cue), strict=True):
        y, x = np.indices(found.shape)
        near = (abs(y - down) <= 8) & (abs(x - across) <= 8)
        fractions.append(found[near].sum() / max(found.sum(), 1e-9))
    return np.mean(fractions)


@pytest.mark.parametrize("method", METHODS)
def test_the_evidence_is_where_the_only_cue_is(maps, cue, method):
    assert mass_at_cue(maps(method), cue) > 0.4


@pytest.mark.parametrize("method", METHODS)
def test_an_untrained_network_has_other_and_worse_maps(maps, cue, method):
    # The sanity check of Adebayo et al. 2018: a map must depend on the weights.
    trained, fresh = maps(method), maps(method, trained=False)
    assert mass_at_cue(fresh, cue) < 0.6 * mass_at_cue(trained, cue)
    pairs = zip(trained, fresh, strict=True)
    correlations = [spearmanr(*(each.ravel() for each in pair)).statistic for pair in pairs]
    assert np.mean(correlations) < 0.5


def galaxies(number, seed, with_companion):
    """Simulated ellipticals, and where (row, column) the companion is that some of them have."""
    random = np.random.default_rng(seed)
    population = draw_population(random, 20 * number)
    chosen = population[population["in_sample"] & (population["family"] == "elliptical")]
    for galaxy in chosen.head(number).to_dict("records"):
        distance, angle = random.uniform(0.25, 0.35), random.uniform(0, 2 * np.pi)
        galaxy["companion"] = 0.6 * with_companion
        galaxy["companion_distance"] = distance * FIELD * galaxy["petrosian_r90"] / galaxy["scale"]
        galaxy["companion_angle"] = np.degrees(angle)
        place = SIDE * (0.5 + distance * np.array([np.sin(angle), np.cos(angle)]))
        yield photograph(galaxy, random, SIDE, FIELD), place


@pytest.fixture(scope="module")
def companions(tmp_path_factory):
    """A network that classifies galaxies as with or without a companion."""
    folder = tmp_path_factory.mktemp("sky")
    for seed, name in enumerate(("alone", "with companion")):
        (folder / "images" / name).mkdir(parents=True)
        for number, (image, _) in enumerate(galaxies(100, seed, with_companion=bool(seed))):
            Image.fromarray(image).save(folder / "images" / name / f"{number}.png")
    run = train(folder / "images", "default", settings=SETTINGS, out=folder / "run")
    assert run.metrics["accuracy"] > 0.85
    return Predictor.load(run.path)


@pytest.mark.parametrize("method", METHODS)
def test_the_evidence_for_a_companion_is_where_it_is_in_the_simulated_sky(companions, method):
    fractions = []
    for image, (down, across) in galaxies(8, 2, with_companion=True):
        found = attribution(companions, image, method, "with companion").map
        y, x = np.indices(found.shape)
        near = np.hypot(y - down, x - across) <= 7
        fractions.append(found[near].sum() / max(found.sum(), 1e-9))
    assert np.mean(fractions) > 0.2  # by chance, a tenth


def test_a_map_covers_the_image_and_is_saved(bars, cue, tmp_path):
    image, _ = cue(np.random.default_rng(2), upright=False)
    found = attribution(bars, image)
    assert found.map.shape == found.seen.shape[:2] == (40, 40)
    assert (found.map.min(), found.map.max()) == (pytest.approx(0, abs=0.2), 1)
    assert found.target in bars.names
    found.save(tmp_path / "why.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "why.npy"), found.map)


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"method": "gradcam"}, "did you mean 'grad-cam'"),
        ({"target": "uprigt"}, "did you mean 'upright'"),
        ({"layer": "stages.9"}, "no layer 'stages.9'"),
        ({"layer": "head"}, "gives no map"),
        ({"method": "occlusion", "layer": "stem"}, "a layer goes with grad-cam"),
    ],
)
def test_wrong_requests_are_one_line(bars, wrong, complaint):
    with pytest.raises(RequestError, match=complaint):
        attribution(bars, np.zeros((40, 40, 3), np.uint8), **wrong)


def test_a_network_without_maps_is_told_which_methods_remain(shapes, tmp_path):
    run = train(shapes, "mlp", settings={"data.size": 24, "epochs": 1}, out=tmp_path / "run")
    predictor = Predictor.load(run.path)
    with pytest.raises(RequestError, match="integrated-gradients or occlusion"):
        attribution_layer(predictor)
    image = np.random.default_rng(0).integers(0, 255, (24, 24, 3), dtype=np.uint8)
    assert attribution(predictor, image, "integrated-gradients").map.max() == 1
