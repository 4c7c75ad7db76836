import numpy as np
import pandas as pd
import pytest

from hubblefork.explanation.attribution import Attribution, attribution
from hubblefork.explanation.faithfulness import (
    DeletionCurve,
    Faithfulness,
    deletion_curve,
    faithfulness,
)


def test_blurring_what_matters_lowers_the_answer_early(bars, cue):
    random = np.random.default_rng(3)
    found, by_chance = [], []
    # Of both classes: an image without any cue is classified as one of them, which loses nothing.
    for name in ("lying", "upright") * 4:
        image, _ = cue(random, upright=name == "upright")
        curve = deletion_curve(bars, image, attribution(bars, image, target=name))
        assert curve.fractions[0] == 0
        assert curve.values[0] == pytest.approx(curve.random[0])
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
        wrong = Attribution("by hand", "", name, away / away.max(), image)
        curve = deletion_curve(bars, image, wrong)
        gaps.append(curve.area - curve.random_area)
    assert np.mean(gaps) > 0


def test_methods_are_compared_on_the_same_images(bars, cue, tmp_path):
    random = np.random.default_rng(10)
    images = np.stack([cue(random, upright=True)[0] for _ in range(3)])
    counted = []
    found = faithfulness(bars, images, ["grad-cam", "occlusion"], done=counted.append)
    assert found.number == sum(counted) == 3
    assert set(found.table["method"]) == {"grad-cam", "occlusion"}
    curves = [deletion_curve(bars, each, attribution(bars, each, "occlusion")) for each in images]
    assert found.curves["occlusion"].area == pytest.approx(np.mean([c.area for c in curves]))
    found.save(tmp_path / "faithfulness.csv")
    assert pd.read_csv(tmp_path / "faithfulness.csv")["images"].tolist() == [3, 3]


@pytest.mark.parametrize(
    ("areas", "chosen"),
    [
        ({"occlusion": 0.30, "grad-cam": 0.31}, "occlusion"),  # the best
        ({"occlusion": 0.30, "grad-cam": 0.55}, "occlusion"),
        ({"occlusion": 0.51, "grad-cam": 0.55}, None),  # none is, and the page says so
        ({"occlusion": 0.49}, None),  # by less than noise
        ({"occlusion": 0.30}, "occlusion"),
    ],
)
def test_the_method_that_measured_best_is_chosen_if_it_beats_noise(areas, chosen):
    curves = {
        name: DeletionCurve(np.array([0.0, 1.0]), np.full(2, area), np.full((5, 2), 0.5))
        for name, area in areas.items()
    }
    noise = np.linspace(-0.1, 0.1, 10)
    gains = {name: 0.5 - area + noise for name, area in areas.items()}
    assert Faithfulness(curves, gains).most_faithful == chosen
    few = {name: each[:4] for name, each in gains.items()}
    assert Faithfulness(curves, few).most_faithful is None


def test_a_map_is_faithful_only_where_it_beats_random_orders_by_more_than_they_differ():
    def faithful(area, spread):
        orders = 0.5 + spread * np.linspace(-1, 1, 5)[:, None].repeat(2, 1)
        return DeletionCurve(np.array([0.0, 1.0]), np.full(2, area), orders).faithful

    assert faithful(0.4, 0.03)
    assert not faithful(0.4, 0.1)
    assert not faithful(0.6, 0.0)
