import numpy as np
import pandas as pd
import pytest

from hubblefork.core.errors import RequestError
from hubblefork.explanation.background import background_dependence


def images_with(cue, inside, number=60):
    """Images whose bar lies within the centre, or wholly outside it."""
    random = np.random.default_rng(6)
    kept, labels = [], []
    while len(kept) < number:
        upright = bool(random.integers(2))
        image, (down, across) = cue(random, upright)
        distance = np.hypot(down - 19.5, across - 19.5)
        if (distance < 7) if inside else (distance > 17):
            kept.append(image)
            labels.append(int(upright))
    return np.stack(kept), np.array(labels)


@pytest.mark.parametrize("inside", [True, False])
def test_accuracy_goes_with_the_part_that_holds_the_object(bars, cue, inside):
    images, labels = images_with(cue, inside)
    found = background_dependence(bars, images, np.arange(len(images)), labels)
    kept, lost = found.background_blurred.value, found.centre_blurred.value
    if not inside:
        kept, lost = lost, kept
    assert found.unchanged.value > 0.9
    assert kept > 0.85
    assert lost < 0.75
    assert found.relies_on_object == inside
    table = found.table
    assert table["accuracy"].tolist() == [
        each.value for each in (found.unchanged, found.centre_blurred, found.background_blurred)
    ]
    assert (table["low"] <= table["accuracy"]).all()
    assert (table["accuracy"] <= table["high"] + 1e-9).all()


def test_rows_choose_the_images(bars, cue):
    images, labels = images_with(cue, True, number=10)
    counted = []
    found = background_dependence(
        bars, images, np.array([7, 2]), labels[[7, 2]], done=counted.append
    )
    assert (found.number, counted) == (2, [2])


def test_votes_are_measured_by_their_error(volunteers, tmp_path):
    run, predictor, dataset, rows = volunteers
    found = background_dependence(predictor, dataset.images, rows, dataset.labels[rows])
    assert found.unchanged.value == pytest.approx(run.metrics["rmse"], abs=1e-5)
    assert found.table.columns.tolist() == ["images", "n", "rmse", "low", "high"]
    better = found.background_blurred.value < found.centre_blurred.value
    assert found.relies_on_object == better
    found.save(tmp_path / "background.csv")
    assert pd.read_csv(tmp_path / "background.csv")["n"].tolist() == [len(rows)] * 3


def test_no_images_are_refused(bars):
    with pytest.raises(RequestError, match="no images"):
        background_dependence(bars, np.zeros((1, 40, 40, 3), np.uint8), np.arange(0), np.zeros(0))


@pytest.mark.parametrize("radius", [0, 0.6])
def test_a_radius_out_of_its_range_is_refused(bars, radius):
    with pytest.raises(RequestError, match="fraction of the side"):
        background_dependence(
            bars, np.zeros((1, 40, 40, 3), np.uint8), np.arange(1), np.zeros(1), radius
        )
