"""Figures of what explanation returns."""

import numpy as np
import pandas as pd

from hubblefork.evaluation.scores import Score
from hubblefork.explanation.activations import ActivationMaps
from hubblefork.explanation.attribution import Attribution
from hubblefork.explanation.background import BackgroundDependence
from hubblefork.explanation.embedding import embedding
from hubblefork.explanation.faithfulness import DeletionCurve, Faithfulness
from hubblefork.explanation.filters import Filters
from hubblefork.explanation.neighbours import nearest_neighbours
from hubblefork.explanation.robustness import Robustness
from hubblefork.report.embedding_chart import draw_embedding
from hubblefork.report.explain_figures import (
    draw_activations,
    draw_attribution,
    draw_background,
    draw_deletion,
    draw_faithfulness,
    draw_filters,
    draw_neighbours,
    draw_robustness,
    save_figure,
)

CURVE = DeletionCurve(
    np.linspace(0, 1, 3), np.array([0.9, 0.2, 0.1]), np.array([[0.9, 0.6, 0.1]] * 2)
)


def labels_of(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_an_image_stands_beside_its_map(tmp_path):
    map_ = np.zeros((24, 24), np.float32)
    map_[4:9, 4:9] = 1
    found = Attribution("occlusion", "", "disc", map_, np.full((24, 24, 5), 90, np.uint8))
    figure = draw_attribution(found)
    (axes,) = figure.axes
    plain, covered = (image.get_array() for image in axes.images)
    assert axes.texts[0].get_text() == "disc: occlusion"
    assert (plain == 90).all()
    assert (covered[200:, 200:] == 90).all()
    assert (covered[60:70, 60:70] != 90).any()
    save_figure(figure, tmp_path / "why.png")
    assert (tmp_path / "why.png").read_bytes().startswith(b"\x89PNG")


def test_curves_are_named_with_their_areas():
    assert labels_of(draw_deletion(CURVE)) == [
        "random order (0.55)", "strongest evidence first (0.35)"
    ]  # fmt: skip
    figure = draw_faithfulness(
        Faithfulness({"grad-cam": CURVE}, {"grad-cam": np.zeros(4)}), "fraction"
    )
    assert labels_of(figure)[1] == "grad-cam (0.35)"
    assert figure.axes[0].get_ylabel() == "Mean fraction of the answer"


def test_scores_stand_in_rows():
    score = Score("rmse", 0.1, 0.08, 0.12)
    axes = draw_background(BackgroundDependence(9, 0.3, score, score, score)).axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["unchanged", "centre blurred", "background blurred"]
    rows = {"perturbation": ["unchanged", "noise"], "rmse": [0.1, 0.2], "low": [0.1, 0.2]}
    table = pd.DataFrame(rows).assign(high=0.3, changed_fraction=[0, 0.25])
    (axes,) = draw_robustness(Robustness(table, "rmse", lower_is_better=True), 0.2).axes
    assert axes.get_xlabel() == "RMSE"
    assert axes.texts[-1].get_text() == "25.0\xa0%"


def test_channels_that_vary_most_are_shown_and_constant_ones_crossed_out():
    maps = np.zeros((20, 8, 8), np.float32)
    maps[5, 2, 2] = 1
    (axes,) = draw_activations([ActivationMaps("stem", maps)], most=3).axes
    assert axes.texts[0].get_text() == "stem: 3 of 20 channels of 8 × 8"
    assert len(axes.images) == 1


def test_of_filters_grey_is_zero():
    weights = np.zeros((2, 3, 3, 3), np.float32)
    weights[0, 0, 0, 0] = -2
    (image, blank) = draw_filters(Filters("first", weights)).axes[0].images
    shown = np.asarray(image.get_array())
    assert shown[0, 0].tolist() == [0, 128, 128]
    assert (np.asarray(blank.get_array()) == 128).all()


def test_neighbours_follow_their_image():
    found = nearest_neighbours(np.eye(3)[[2, 0]], np.eye(3), k=2)
    images = np.arange(3, dtype=np.uint8)[:, None, None, None] * np.ones((8, 8, 1), np.uint8)
    (axes,) = draw_neighbours(found, images[[2, 0]], images, ["spiral", "spiral", "disc"]).axes
    assert [text.get_text() for text in axes.texts] == [
        "neighbours: 1 disc and 1 spiral", "neighbours: 2 spiral"
    ]  # fmt: skip
    assert [image.get_array()[0, 0] for image in axes.images[:2]] == [2, 2]
    assert len(axes.images) == 6


def test_an_embedding_of_two_hundred_classes_has_points_and_thumbnails():
    features = np.random.default_rng(0).normal(size=(400, 3))
    names = [f"species {number}" for number in range(200)]
    found = embedding(features, np.arange(400) % 200, names, "pca")
    rows = found.rows[found.representatives()]
    figure = draw_embedding(found, {int(row): np.full((12, 12), 99, np.uint8) for row in rows})
    points, thumbnails = figure.axes
    assert sum(len(each.get_offsets()) for each in points.collections) == 400
    assert len(thumbnails.images) == len(rows)
