"""The panels of a report, on a real run of a small network."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

import hubblefork
from hubblefork.models.predictor import Predictor
from hubblefork.report.network_panels import draw_panels
from hubblefork.workflow import evaluation_outputs

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


def test_classes_have_views_filters_and_activation_maps(
    with_reports, fine_figures, shapes, tmp_path, monkeypatch
):
    found = panels(shapes, tmp_path, monkeypatch)
    assert list(found)[:2] == ["views", "filters"]
    assert "activations-best" in found
    for panel in found.values():
        assert Image.open(BytesIO(panel.figure.png())).width > 300
        assert (tmp_path / "run" / "figures" / f"{panel.name}.png").is_file()
        assert panel.title in (tmp_path / "run" / "report.html").read_text()


def test_votes_show_the_galaxies_with_the_smallest_and_the_largest_error(tmp_path, monkeypatch):
    found = panels("simulated:votes:60", tmp_path, monkeypatch)
    assert set(found) == {"views", "filters", "activations-best", "activations-worst"}


def test_a_network_without_convolutions_has_no_activation_maps(shapes, tmp_path, monkeypatch):
    assert set(panels(shapes, tmp_path, monkeypatch, recipe="mlp")) == {"views", "filters"}


def test_the_random_view_is_the_same_whenever_a_report_is_made(
    with_reports, shapes, tmp_path, monkeypatch
):
    found = panels(shapes, tmp_path, monkeypatch, **{"view.rotate": 180})
    hubblefork.evaluate(tmp_path / "run", out=tmp_path / "again")
    first, second = (
        np.asarray(Image.open(folder / "figures" / "views.png"))
        for folder in (tmp_path / "run", tmp_path / "again")
    )
    np.testing.assert_array_equal(first, second)
    assert "random views" in found["views"].caption


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
