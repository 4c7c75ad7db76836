import io

import numpy as np
import pytest
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from PIL import Image

from hubblefork.report.figures import sheet_png
from hubblefork.report.sheets import examples, predictions


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def test_examples_are_25_images_with_their_class_names(material):
    figure = examples(material())
    assert len(figure.axes[0].images) == 25
    assert set(texts(figure)) == {"round", "edge-on", "spiral"}


def test_predictions_are_ten_with_actual_and_predicted_names(material):
    figure = predictions(material(strength=0.5))
    shown = texts(figure)
    assert len(figure.axes[0].images) == 10
    assert shown.count("actual") == shown.count("predicted") == 10


def test_right_and_wrong_differ_in_more_than_colour(material):
    figure = predictions(material(strength=0.5))
    marks = [text[0] for text in texts(figure) if "sure" in text]
    assert marks == ["✓"] * 5 + ["✗"] * 5
    frames = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    assert len({frame.get_linewidth() for frame in frames}) == 2
    assert len({str(frame.get_linestyle()) for frame in frames}) == 2


@pytest.mark.parametrize("shape", [(32, 32, 1), (32, 32, 3), (20, 50, 3), (500, 400, 3)])
def test_images_of_any_shape_are_shown_whole_and_in_proportion(material, shape):
    image = np.zeros(shape, np.uint8)
    figure = examples(material(images=lambda identifier: image, number=3))
    left, right, bottom, top = figure.axes[0].images[0].get_extent()
    assert (right - left) / (bottom - top) == pytest.approx(shape[1] / shape[0])
    assert sheet_png(figure).startswith(b"\x89PNG")


def test_images_are_drawn_in_their_colours(material):
    red = np.zeros((64, 64, 3), np.uint8) + np.array([200, 30, 10], np.uint8)
    figure = examples(material(images=lambda identifier: red, number=1))
    drawn = np.asarray(Image.open(io.BytesIO(sheet_png(figure))).convert("RGB"))
    assert (drawn == [200, 30, 10]).all(axis=-1).mean() > 0.4
