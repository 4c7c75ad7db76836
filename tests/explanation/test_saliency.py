"""Maps are held to a known truth: the only cue of a picture, planted away from its middle."""

import numpy as np
import pytest
import torch
from PIL import Image

from hubblefork.errors import RequestError
from hubblefork.explanation.saliency import METHODS, saliency, saliency_layer
from hubblefork.prediction.predictor import Predictor
from hubblefork.workflow.train import train

SIDE = 40


def cue(random, upright):
    """A noisy picture with a short bright bar somewhere, and where it is."""
    pixels = random.normal(60, 15, (SIDE, SIDE, 3))
    down, across = random.integers(6, SIDE - 6, 2)
    height, width = (4, 1) if upright else (1, 4)
    place = np.s_[down - height : down + height + 1, across - width : across + width + 1]
    pixels[place] += 140
    return pixels.clip(0, 255).astype(np.uint8), (down, across)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cues")
    random = np.random.default_rng(0)
    for number in range(150):
        for name in ("lying", "upright"):
            path = folder / "pictures" / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(cue(random, name == "upright")[0]).save(path)
    settings = {
        "data.size": SIDE,
        "view.size": SIDE,
        "view.field": 1.0,
        "view.rotate": 0,
        "network.options.width": 8,
        "symmetries": False,
        "epochs": 8,
        "batch_size": 16,
    }
    run = train(folder / "pictures", "default", settings=settings, out=folder / "run")
    assert run.metrics["accuracy"] > 0.9
    return Predictor.load(run.path)


def mass_at_cue(predictor, method, number=12):
    """The mean share of a map's mass within 8 pixels of the cue; chance is a seventh."""
    random = np.random.default_rng(1)
    shares = []
    for _ in range(number):
        picture, (down, across) = cue(random, upright=True)
        found = saliency(predictor, picture, method, target="upright").map
        y, x = np.indices(found.shape)
        near = (abs(y - down) <= 8) & (abs(x - across) <= 8)
        shares.append(found[near].sum() / max(found.sum(), 1e-9))
    return np.mean(shares)


@pytest.mark.parametrize("method", METHODS)
def test_the_evidence_is_where_the_only_cue_is(trained, method):
    assert mass_at_cue(trained, method, number=6) > 0.4


def test_a_network_that_learnt_nothing_does_not_find_the_cue(trained):
    # The sanity check of Adebayo et al. 2018: a map must depend on what was learnt.
    torch.manual_seed(0)
    fresh = Predictor(
        trained.card.create_network().eval(), trained.head, trained.card, trained.device
    )
    assert mass_at_cue(fresh, "grad-cam", 6) < 0.6 * mass_at_cue(trained, "grad-cam", 6)


def test_a_map_and_its_figure_are_whole(trained, tmp_path):
    picture, _ = cue(np.random.default_rng(2), upright=False)
    found = saliency(trained, picture)
    assert found.map.shape == found.seen.shape[:2] == (SIDE, SIDE)
    assert (found.map.min(), found.map.max()) == (pytest.approx(0, abs=0.2), 1)
    assert found.target in trained.names
    found.save(tmp_path / "why.png")
    with Image.open(tmp_path / "why.png") as image:
        assert image.size[0] > image.size[1]


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
def test_wrong_requests_are_one_line(trained, wrong, complaint):
    with pytest.raises(RequestError, match=complaint):
        saliency(trained, np.zeros((SIDE, SIDE, 3), np.uint8), **wrong)


def test_a_network_without_maps_is_told_which_methods_remain(shapes, tmp_path):
    run = train(shapes, "mlp", settings={"data.size": 24, "epochs": 1}, out=tmp_path / "run")
    predictor = Predictor.load(run.path)
    with pytest.raises(RequestError, match="integrated-gradients or occlusion"):
        saliency_layer(predictor)
    picture = np.random.default_rng(0).integers(0, 255, (24, 24, 3), dtype=np.uint8)
    assert saliency(predictor, picture, "integrated-gradients").map.max() == 1
