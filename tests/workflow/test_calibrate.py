"""A finished training knows how far it can be relied on, or says why it does not."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from hubblefork.core.errors import RequestError
from hubblefork.models.predictor import Predictor
from hubblefork.recipes.recipe import load_recipe
from hubblefork.runs.run import Run
from hubblefork.workflow.calibrate import calibrate
from hubblefork.workflow.predict import predict
from hubblefork.workflow.start_run import prepare
from hubblefork.workflow.train import train

QUICK = {"data.size": 24, "epochs": 3, "split.train": 0.5, "split.val": 0.3, "split.test": 0.2}


@pytest.fixture(scope="module")
def run(shapes, tmp_path_factory) -> Run:
    return train(shapes, "lenet5", settings=QUICK, out=tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture
def noise(tmp_path) -> Path:
    """Images of another kind."""
    pixels = np.random.default_rng(0).integers(0, 256, (5, 24, 24, 3), dtype=np.uint8)
    np.savez(tmp_path / "noise.npz", images=pixels)
    return tmp_path / "noise.npz"


def test_the_model_file_has_what_was_fitted_on_the_validation_set(run):
    known = Predictor.load(run.model).uncertainty
    assert 0.05 <= known.calibration.temperature <= 20
    assert known.set_scores.number == known.distances.number == 24
    told = run.metrics["calibration"]
    assert told["temperature"] == known.calibration.temperature
    assert told["exponent"] == known.calibration.exponent
    assert 0 <= told["error_before"] <= 1
    assert 0 < told["error_by_chance"] < 0.5
    assert run.metrics["prediction_sets"].keys() == {"0.9", "0.95"}  # 0.99 needs 99 images
    assert "before calibration on the validation set" in run.report.read_text()


def test_metrics_and_predictions_are_calibrated(run, shapes):
    again = predict(run.path, shapes).set_index("id")
    measured = run.predictions.table().set_index("id")
    again.index = [each.removeprefix(f"{shapes}/").removesuffix(".png") for each in again.index]
    np.testing.assert_allclose(
        again.loc[measured.index, "bar"], measured["bar"].astype(float), atol=1e-5
    )


def test_images_of_another_kind_are_less_like_and_counted(run, shapes, noise, tmp_path, capsys):
    unlike = predict(run.path, noise)["typicality"]
    like = predict(run.path, shapes)["typicality"]
    assert unlike.max() < like.median()
    assert like.between(1 / 25 - 1e-6, 1).all()
    assert "unlike" not in capsys.readouterr().err  # 24 images cannot tell one in a hundred


def test_the_images_that_are_unlike_are_told(run, noise, monkeypatch, capsys):
    monkeypatch.setattr("hubblefork.workflow.predict.ATYPICAL", 0.04)
    predict(run.path, noise)
    told = capsys.readouterr().err
    assert "5 of 5 images are unlike the training images" in told
    assert "noise-0, noise-1, noise-2" in told


def test_sets_are_written_as_names(run, shapes, tmp_path):
    predict(run.path, shapes / "bar", out=tmp_path / "out.csv", coverage=0.95)
    table = pd.read_csv(tmp_path / "out.csv")
    assert list(table) == ["id", "predicted", "bar", "disc", "typicality", "set", "problem"]
    assert set(table["set"]) <= {"bar", "disc", "bar|disc", "disc|bar"}
    first = table["set"].str.split("|").str[0]
    assert (first == table["predicted"]).all()
    with pytest.raises(RequestError, match="needs 99 or more validation images"):
        predict(run.path, shapes, coverage=0.99, out=tmp_path / "none.csv")
    assert not (tmp_path / "none.csv").exists()


def test_without_a_validation_set_there_are_no_prediction_sets(shapes, tmp_path, capsys):
    settings = QUICK | {"split.train": 0.8, "split.val": 0.0, "training.checkpoint": "last"}
    run = train(shapes, "mlp", settings=settings, out=tmp_path / "run")
    assert "no validation set: the probabilities are not calibrated" in capsys.readouterr().err
    assert run.metrics["calibration"] is run.metrics["prediction_sets"] is None
    assert "no validation set to calibrate the probabilities on" in run.report.read_text()
    assert list(predict(run.path, shapes)) == ["id", "predicted", "bar", "disc", "problem"]
    with pytest.raises(RequestError, match="no sets of classes"):
        predict(run.path, shapes, coverage=0.9)


def test_a_class_without_validation_images_is_told(run, shapes, capsys):
    dataset, split = prepare(shapes, load_recipe("lenet5", QUICK), 0)
    bars = split.subset.index.str.startswith("bar")
    split.subset[bars & (split.subset == "val")] = "train"
    calibrate(Predictor.load(run.model), dataset, split)
    assert "no validation images of 'bar'" in capsys.readouterr().err


def test_a_network_that_overflows_is_refused(run, shapes):
    dataset, split = prepare(shapes, load_recipe("lenet5", QUICK), 0)
    predictor = Predictor.load(run.model)
    with torch.no_grad():
        next(predictor.network.parameters()).fill_(torch.inf)
    with pytest.raises(RequestError, match=r"gives no finite numbers.*start from other weights"):
        calibrate(predictor, dataset, split)


def test_a_model_of_votes_knows_typicality_only(tmp_path, empty_reports):
    settings = {"data.size": 24, "epochs": 1}
    with empty_reports():
        run = train("simulated:votes:60", "lenet5", settings=settings, out=tmp_path / "run")
    table = predict(run.path, "simulated:4")
    assert table["typicality"].between(0, 1).all()
    assert "calibration" not in json.loads((run.path / "metrics.json").read_text())
    with pytest.raises(RequestError, match="need classes, not votes"):
        predict(run.path, "simulated:4", coverage=0.9)
