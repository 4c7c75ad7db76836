from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from hubblefork.explanation.attribution import attribution
from hubblefork.explanation.faithfulness import deletion_curve
from hubblefork.explanation.single_image import explain_image
from hubblefork.report.explain_image_section import image_section


def faithful(predictor, image, method):
    found = attribution(predictor, image, method)
    curve = deletion_curve(predictor, image, found)
    return not found.empty and curve.faithful


class Dark(nn.Module):
    """Classifies an image by its dark places.

    Its maps are bright, and their gradients never above 0, so Grad-CAM has nothing to show.
    """

    def __init__(self):
        super().__init__()
        self.maps = nn.Conv2d(3, 1, kernel_size=1)
        self.last = nn.Linear(1, 2)
        with torch.no_grad():
            self.maps.weight.fill_(1 / 3)
            self.maps.bias.fill_(10)  # above 0, whatever is seen
            self.last.weight.copy_(torch.tensor([[100.0], [-100.0]]))
            self.last.bias.copy_(torch.tensor([-1.0, 1.0]))

    def forward(self, images):
        return self.last(torch.relu(9 - self.maps(images)).mean(dim=(2, 3)))


def test_the_usual_method_gives_way_where_another_is_measured_to_be_better(bars):
    dark = replace(bars, network=Dark().eval())
    image = np.full((40, 40, 3), 90, np.uint8)
    image[8:14, 20:26] = 0
    assert not faithful(dark, image, "grad-cam")
    assert faithful(dark, image, "integrated-gradients")
    found = explain_image(dark, image, "a dark spot")
    assert {each.method for each in found.attributions} == {"integrated-gradients"}
    assert found.row()["faithful"]


def test_it_stays_where_it_is_faithful_or_nothing_is(bars, cue):
    image, _ = cue(np.random.default_rng(11), upright=True)
    blind = Dark().eval()
    nn.init.zeros_(blind.maps.weight)
    for predictor, expected in ((bars, True), (replace(bars, network=blind), False)):
        assert faithful(predictor, image, "grad-cam") == expected
        found = explain_image(predictor, image, "an image")
        assert {each.method for each in found.attributions} == {"grad-cam"}
        assert found.row()["faithful"] == expected


@pytest.mark.parametrize("asked", [{"method": "grad-cam"}, {"layer": "stages.2"}])
def test_what_is_asked_for_is_taken(bars, cue, asked):
    for upright in (False, True):
        image, _ = cue(np.random.default_rng(12), upright=upright)
        found = explain_image(bars, image, "an image", **asked)
        assert {each.method for each in found.attributions} == {"grad-cam"}


def test_an_empty_map_is_named_so(bars, cue):
    image, _ = cue(np.random.default_rng(13), upright=True)
    found = explain_image(bars, image, "an image")
    empty = [replace(each, map=np.zeros_like(each.map)) for each in found.attributions]
    without = replace(found, attributions=tuple(empty))
    assert not without.faithful
    sentences, _, maps, *_ = image_section(without, {}, unfolded=True).blocks
    assert "The map is empty" in sentences
    assert all("no evidence for" in tile.text for tile in maps.tiles[1:])
