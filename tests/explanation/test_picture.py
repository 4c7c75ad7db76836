from dataclasses import replace

import numpy as np
import pytest

from hubblefork.explanation.faithfulness import deletion_curve
from hubblefork.explanation.picture import explain_picture
from hubblefork.explanation.saliency import saliency


def reliable(predictor, picture, method):
    found = saliency(predictor, picture, method)
    curve = deletion_curve(predictor, picture, found)
    return bool(found.map.any()) and curve.area < curve.random_area


def test_the_usual_method_gives_way_where_another_is_measured_to_be_better(bars, cue):
    random = np.random.default_rng(11)
    pictures = [cue(random, upright=bool(number % 2))[0] for number in range(4)]
    pictures.append(np.full_like(pictures[0], 40))  # nothing is to be seen
    for picture in pictures:
        usual, fine = (reliable(bars, picture, m) for m in ("grad-cam", "integrated-gradients"))
        found = explain_picture(bars, picture, "a picture")
        expected = "integrated-gradients" if fine and not usual else "grad-cam"
        assert {each.method for each in found.maps} == {expected}
        assert found.row()["reliable"] == (usual or fine)


@pytest.mark.parametrize("asked", [{"method": "grad-cam"}, {"layer": "stages.2"}])
def test_what_is_asked_for_is_taken(bars, cue, asked):
    for upright in (False, True):
        picture, _ = cue(np.random.default_rng(12), upright=upright)
        found = explain_picture(bars, picture, "a picture", **asked)
        assert {each.method for each in found.maps} == {"grad-cam"}


def test_an_empty_map_is_called_so(bars, cue):
    picture, _ = cue(np.random.default_rng(13), upright=True)
    found = explain_picture(bars, picture, "a picture")
    empty = [replace(each, map=np.zeros_like(each.map)) for each in found.maps]
    told = replace(found, maps=tuple(empty))
    assert not told.reliable
    section = told.section()
    assert "The map is empty" in section.note
    assert all("nothing speaks for" in tile.text for tile in section.sheets[0].tiles[1:])
