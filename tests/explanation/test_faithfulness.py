import numpy as np
import pytest

from hubblefork.explanation.attribution import Saliency, saliency
from hubblefork.explanation.faithfulness import deletion_curve, faithfulness


def test_taking_away_what_matters_costs_the_answer_early(bars, cue):
    random = np.random.default_rng(3)
    found, by_chance = [], []
    # Of both classes: one of them is what an image without any cue is named, and loses nothing.
    for name in ("lying", "upright") * 4:
        image, _ = cue(random, upright=name == "upright")
        curve = deletion_curve(bars, image, saliency(bars, image, target=name))
        assert curve.shares[0] == 0
        assert curve.probabilities[0] == pytest.approx(curve.random[0])
        found.append(curve.area)
        by_chance.append(curve.random_area)
    assert np.mean(found) < np.mean(by_chance) - 0.05


def test_a_map_that_points_elsewhere_is_no_better_than_chance(bars, cue):
    random = np.random.default_rng(4)
    gaps = []
    for name in ("lying", "upright") * 4:
        image, (down, across) = cue(random, upright=name == "upright")
        y, x = np.indices((40, 40))
        away = np.hypot(y - down, x - across).astype(np.float32)
        wrong = Saliency("by hand", "", name, away / away.max(), image)
        curve = deletion_curve(bars, image, wrong)
        gaps.append(curve.area - curve.random_area)
    assert np.mean(gaps) > 0


def test_the_figure_is_saved(bars, cue, tmp_path):
    image, _ = cue(np.random.default_rng(5), upright=False)
    deletion_curve(bars, image, saliency(bars, image)).save(tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size > 1000


def test_methods_are_held_against_one_another_on_the_same_images(bars, cue, tmp_path):
    random = np.random.default_rng(10)
    images = np.stack([cue(random, upright=True)[0] for _ in range(3)])
    counted = []
    found = faithfulness(bars, images, ["grad-cam", "occlusion"], done=counted.append)
    assert found.number == sum(counted) == 3
    assert set(found.table["method"]) == {"grad-cam", "occlusion"}
    curves = [deletion_curve(bars, each, saliency(bars, each, "occlusion")) for each in images]
    assert found.curves["occlusion"].area == pytest.approx(np.mean([c.area for c in curves]))
    found.save(tmp_path / "faithfulness.png")
    assert (tmp_path / "faithfulness.png").stat().st_size > 1000
