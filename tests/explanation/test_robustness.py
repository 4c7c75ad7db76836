"""Robustness is counted correctly, and each perturbation does what its name says."""

import numpy as np
import pandas as pd
import pytest
import torch

from hubblefork.core.errors import RequestError
from hubblefork.explanation.robustness import Perturbation, perturbed, robustness


def spot(down=20, across=20, side=41):
    image = np.zeros((1, side, side, 1), np.uint8)
    image[0, down - 1 : down + 2, across - 1 : across + 2] = 200
    return torch.from_numpy(image)


def changed(image, kind, amount, field=1.0):
    generator = torch.Generator().manual_seed(0)
    return perturbed(image, Perturbation(kind, amount), field, generator).numpy()[0, ..., 0]


def centre_of(image):
    return [np.average(axis, weights=image) for axis in np.indices(image.shape)]


def test_a_rotation_by_90_degrees_is_numpys():
    image = torch.from_numpy(
        np.random.default_rng(0).integers(0, 255, (1, 16, 16, 3), dtype=np.uint8)
    )
    found = perturbed(image, Perturbation("rotation", 90), 1.0, torch.Generator())
    turns = [np.rot90(image.numpy(), turn, axes=(1, 2)) for turn in (1, 3)]
    assert any(np.abs(found.numpy().astype(int) - turn).max() <= 1 for turn in turns)


@pytest.mark.parametrize("field", [1.0, 0.8])
def test_a_shift_is_a_fraction_of_the_view(field):
    down, across = centre_of(changed(spot(), "shift", 0.1, field))
    assert np.hypot(down - 20, across - 20) == pytest.approx(0.1 * field * 41, abs=0.1)


def test_noise_has_its_standard_deviation_and_blur_its_width():
    grey = torch.full((1, 64, 64, 3), 128, dtype=torch.uint8)
    assert changed(grey, "noise", 10).std() == pytest.approx(10, rel=0.1)
    found = changed(spot(), "blur", 2).astype(float)
    y, _ = np.indices(found.shape)
    # A square of three pixels has a variance of 2/3 by itself.
    assert np.average((y - 20) ** 2, weights=found) == pytest.approx(4 + 2 / 3, rel=0.15)


def test_at_a_quarter_of_the_resolution_neighbouring_pixels_are_alike():
    noise = torch.from_numpy(
        np.random.default_rng(0).integers(0, 255, (1, 64, 64, 1), dtype=np.uint8)
    )
    found = changed(noise, "resolution", 0.25).astype(float)
    assert np.abs(np.diff(found)).mean() < 10


def test_the_table_counts_what_the_network_answers(bars, cue, tmp_path):
    random = np.random.default_rng(8)
    labels = np.arange(40) % 2
    images = np.stack([cue(random, upright=bool(label))[0] for label in labels])
    counted = []
    found = robustness(
        bars,
        images,
        np.arange(40),
        labels,
        [Perturbation("rotation", 90), Perturbation("blur", 6)],
        done=counted.append,
    )
    plain, rotated, blurred = found.table["accuracy"]
    assert plain > 0.9
    # A bar on its side is of the other class.
    assert rotated < 0.1
    assert found.table["changed_fraction"][1] > 0.85
    assert blurred < 0.8
    assert found.worst["perturbation"] == "rotated by 90°"
    assert sum(counted) == 40
    low, high = found.table.loc[0, ["low", "high"]]
    assert low < plain <= high + 1e-9
    found.save(tmp_path / "robustness.csv")
    assert pd.read_csv(tmp_path / "robustness.csv")["n"].tolist() == [40] * 3


def test_of_votes_the_error_and_the_first_answers_are_followed(volunteers):
    run, predictor, dataset, rows = volunteers
    found = robustness(
        predictor, dataset.images, rows, dataset.labels[rows],
        [Perturbation("rotation", 90), Perturbation("noise", 80)],
    )  # fmt: skip
    plain, rotated, _ = found.table["rmse"]
    assert plain == pytest.approx(run.metrics["rmse"], abs=1e-5)
    images = dataset.images[rows]
    answers, changed = (
        predictor.predict(np.ascontiguousarray(each))
        for each in (images, np.rot90(images, -1, axes=(1, 2)))
    )
    error = np.sqrt(((changed - dataset.labels[rows]) ** 2).mean())
    assert rotated == pytest.approx(error, abs=2e-3)
    others = answers[:, :3].argmax(axis=1) != changed[:, :3].argmax(axis=1)
    assert found.table["changed_fraction"][1] == pytest.approx(others.mean(), abs=1 / len(rows))
    assert found.worst["rmse"] == found.table["rmse"].max()


def test_an_unknown_perturbation_and_no_images_are_refused(bars):
    with pytest.raises(RequestError, match="known: rotation"):
        changed(spot(), "rotatoin", 3)
    with pytest.raises(RequestError, match="no images"):
        robustness(bars, np.zeros((1, 40, 40, 3), np.uint8), np.arange(0), np.zeros(0, int))
