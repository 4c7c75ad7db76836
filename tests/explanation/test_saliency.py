"""Maps are held to a known truth: the only cue of a picture, planted away from its middle."""

import numpy as np
import pytest
import torch
from PIL import Image

from hubblefork.errors import RequestError
from hubblefork.explanation.saliency import METHODS, saliency, saliency_layer
from hubblefork.prediction.predictor import Predictor
from hubblefork.workflow.train import train


def mass_at_cue(predictor, cue, method, number=6):
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
def test_the_evidence_is_where_the_only_cue_is(bars, cue, method):
    assert mass_at_cue(bars, cue, method) > 0.4


def test_a_network_that_learnt_nothing_does_not_find_the_cue(bars, cue):
    # The sanity check of Adebayo et al. 2018: a map must depend on what was learnt.
    torch.manual_seed(0)
    fresh = Predictor.of(bars.card.create_network(), bars.card, bars.device)
    assert mass_at_cue(fresh, cue, "grad-cam") < 0.6 * mass_at_cue(bars, cue, "grad-cam")


def test_a_map_and_its_figure_are_whole(bars, cue, tmp_path):
    picture, _ = cue(np.random.default_rng(2), upright=False)
    found = saliency(bars, picture)
    assert found.map.shape == found.seen.shape[:2] == (40, 40)
    assert (found.map.min(), found.map.max()) == (pytest.approx(0, abs=0.2), 1)
    assert found.target in bars.names
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
def test_wrong_requests_are_one_line(bars, wrong, complaint):
    with pytest.raises(RequestError, match=complaint):
        saliency(bars, np.zeros((40, 40, 3), np.uint8), **wrong)


def test_a_network_without_maps_is_told_which_methods_remain(shapes, tmp_path):
    run = train(shapes, "mlp", settings={"data.size": 24, "epochs": 1}, out=tmp_path / "run")
    predictor = Predictor.load(run.path)
    with pytest.raises(RequestError, match="integrated-gradients or occlusion"):
        saliency_layer(predictor)
    picture = np.random.default_rng(0).integers(0, 255, (24, 24, 3), dtype=np.uint8)
    assert saliency(predictor, picture, "integrated-gradients").map.max() == 1
