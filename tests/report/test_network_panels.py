"""The panels of a report, on a real run of a small network."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

import hubblefork
from hubblefork.models.predictor import Predictor
from hubblefork.report.network_panels import draw_panels
from hubblefork.runs.run import Run
from hubblefork.workflow import evaluation_outputs
from hubblefork.workflow.evaluate import finished_data

pytestmark = pytest.mark.usefixtures("without_reports")


def panels(source, tmp_path, monkeypatch, recipe="lenet5", **settings) -> dict:
    """The panels of a report, by name, as it asks for them."""
    drawn = []
    monkeypatch.setattr(
        evaluation_outputs, "draw_panels", lambda *given: drawn.extend(draw_panels(*given)) or drawn
    )
    settings = {"epochs": 1, "data.size": 24} | settings
    hubblefork.train(source, recipe, out=tmp_path / "run", settings=settings)
    return {panel.name: panel for panel in drawn}


def test_classes_have_views_filters_and_activation_maps_whenever_a_report_is_made(
    with_reports, shapes, tmp_path, monkeypatch, request
):
    found = panels(shapes, tmp_path, monkeypatch, **{"view.rotate": 180})
    assert list(found)[:2] == ["views", "filters"]
    assert "activations-best" in found
    assert "random views" in found["views"].caption
    figures, text = tmp_path / "run" / "figures", (tmp_path / "run" / "report.html").read_text()
    for name, panel in found.items():
        assert (figures / f"{name}.png").is_file()
        assert panel.title in text
    again = {each.name: each for each in finished_data(Run.open(tmp_path / "run"), "cpu").panels}
    assert again["views"] is not found["views"]
    first = np.asarray(Image.open(figures / "views.png"))
    np.testing.assert_array_equal(pixels(again["views"]), first)
    request.getfixturevalue("fine_figures")
    assert all(pixels(each).shape[1] > 300 for each in again.values())


def pixels(panel) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(panel.figure.png())))


def test_votes_show_the_galaxies_with_the_smallest_and_the_largest_error(tmp_path, monkeypatch):
    found = panels("simulated:votes:60", tmp_path, monkeypatch)
    assert set(found) == {"views", "filters", "activations-best", "activations-worst"}


def test_a_network_without_convolutions_has_no_activation_maps(shapes, tmp_path, monkeypatch):
    assert set(panels(shapes, tmp_path, monkeypatch, recipe="mlp")) == {"views", "filters"}


@pytest.mark.parametrize("channels", [1, 5])
def test_images_of_any_bands_are_shown(tmp_path, monkeypatch, channels):
    random = np.random.default_rng(0)
    labels = np.arange(60) % 2
    images = random.integers(0, 200, (60, 24, 24, channels), np.uint8)
    images[labels == 1, 8:16, 8:16] += 50
    np.savez(tmp_path / "bands.npz", images=images, labels=labels)
    found = panels(f"{tmp_path}/bands.npz", tmp_path, monkeypatch)
    assert "views" in found
    assert Predictor.load(tmp_path / "run").card.input_shape == (channels, 24, 24)
