import io

import numpy as np
import pytest
from matplotlib.patches import Rectangle
from PIL import Image

from hubblefork.report.class_report import example_tiles, prediction_tiles
from hubblefork.report.components import Tile
from hubblefork.report.figures import sheet_png
from hubblefork.report.sheets import draw_tiles


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def tile(image: np.ndarray) -> Tile:
    return Tile(image, "an image", "a name")


def test_examples_are_25_images_with_their_class_names(run_data):
    figure = draw_tiles(example_tiles(run_data()))
    assert len(figure.axes[0].images) == 25
    assert set(texts(figure)) == {"round", "edge-on", "Spiral"}


def test_predictions_are_ten_with_true_and_predicted_names(run_data):
    figure = draw_tiles(prediction_tiles(run_data(strength=0.5)))
    shown = texts(figure)
    assert len(figure.axes[0].images) == 10
    for name in ("true: ", "predicted: "):
        assert len([text for text in shown if text.startswith(name)]) == 10


def test_correct_and_misclassified_differ_in_more_than_colour(run_data):
    figure = draw_tiles(prediction_tiles(run_data(strength=0.5)))
    marks = [text[0] for text in texts(figure) if "%" in text]
    assert marks == ["✓"] * 5 + ["✗"] * 5
    frames = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    assert len({frame.get_linewidth() for frame in frames}) == 2
    assert len({str(frame.get_linestyle()) for frame in frames}) == 2


def test_names_that_no_font_can_draw_are_replaced():
    image = np.zeros((8, 8), np.uint8)
    figure = draw_tiles([Tile(image, "", "\u0378", {"true": "\u0378"})], ["a", "\u0378"])
    assert texts(figure) == ["class 2", "true: class 2"]


@pytest.mark.parametrize("shape", [(32, 32), (32, 32, 3), (20, 50, 3), (500, 400, 3)])
def test_images_of_any_shape_are_shown_whole_and_in_proportion(shape):
    figure = draw_tiles([tile(np.zeros(shape, np.uint8))] * 3)
    left, right, bottom, top = figure.axes[0].images[0].get_extent()
    assert (right - left) / (bottom - top) == pytest.approx(shape[1] / shape[0])
    assert sheet_png(figure).startswith(b"\x89PNG")


def test_images_are_drawn_in_their_colours():
    red = np.zeros((64, 64, 3), np.uint8) + np.array([200, 30, 10], np.uint8)
    figure = draw_tiles([tile(red)])
    drawn = np.asarray(Image.open(io.BytesIO(sheet_png(figure))).convert("RGB"))
    assert (drawn == [200, 30, 10]).all(axis=-1).mean() > 0.4
