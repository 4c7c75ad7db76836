"""Fractions of votes from end to end: train, measure, evaluate."""

import json

import numpy as np
import pandas as pd
import pytest

from hubblefork.core.errors import RequestError
from hubblefork.models.predictor import Predictor
from hubblefork.runs.run import Run
from hubblefork.sky.decision_tree import GALAXY_ZOO_2
from hubblefork.workflow.evaluate import evaluate
from hubblefork.workflow.train import train

SKY = "simulated:votes:120"
QUICK = {"data.size": 24, "epochs": 2, "learning_rate": 3e-3}
COLUMNS = list(GALAXY_ZOO_2.columns)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    return train(SKY, "lenet5", settings=QUICK, out=tmp_path_factory.mktemp("runs") / "run")


def test_a_run_holds_true_and_predicted_fractions_and_their_errors(run):
    table = run.predictions.table()
    true_columns = [f"true_{column}" for column in COLUMNS]
    assert list(table) == ["id", "volunteers", *COLUMNS, *true_columns]
    metrics = run.metrics
    assert metrics["n"] == len(table) == 24
    predicted = table[COLUMNS].to_numpy()
    true = table[[f"true_{column}" for column in COLUMNS]].to_numpy()
    assert metrics["rmse"] == pytest.approx(np.sqrt(((predicted - true) ** 2).mean()), abs=1e-5)
    assert not GALAXY_ZOO_2.check(predicted, 1e-4).any()
    assert not GALAXY_ZOO_2.check(true, 1e-4).any()
    keys = {
        "format",
        "task",
        "source",
        "n",
        "rmse",
        "mae",
        "per_question",
        "per_answer",
        "intervals",
        "against",  # of the number of volunteers, which the simulated sky tells
    }
    assert set(metrics) == keys
    assert run.finished
    assert {path.name for path in (run.path / "figures").iterdir()} >= {"answers.png"}


def test_the_model_file_knows_its_head(run):
    predictor = Predictor.load(run.model)
    assert predictor.card.head == "tree"
    assert predictor.names == GALAXY_ZOO_2.columns


def test_a_model_of_votes_can_be_measured_elsewhere(run, tmp_path):
    other = evaluate(run.model, "simulated:votes:30:seed5", out=tmp_path / "other")
    assert other.metrics["n"] == 30
    assert json.loads((other.path / "metrics.json").read_text()) == other.metrics
    assert "trained earlier" in (other.path / "report.html").read_text()


def test_a_model_of_votes_is_not_measured_on_classes(run, shapes, tmp_path):
    with pytest.raises(RequestError, match="has classes, and the model gives fractions of votes"):
        evaluate(run.path, shapes, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_votes_are_refused_by_a_recipe_of_classes_before_anything_is_read(tmp_path, monkeypatch):
    monkeypatch.setenv("HUBBLEFORK_CACHE", str(tmp_path / "cache"))
    for settings in ({"head": "softmax"}, {"loss": "cross-entropy"}):
        with pytest.raises(RequestError, match=f"recipe 'lenet5' does not fit {SKY}"):
            train(SKY, "lenet5", settings=settings, out=tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_kaggle_s_challenge_trains_from_its_own_files(real_data, tmp_path):
    settings = {"data.crop": 212, "data.size": 24, "epochs": 1}
    run = train(real_data / "kaggle_mini", "lenet5", settings=settings, out=tmp_path / "run")
    true = pd.read_csv(real_data / "kaggle_mini" / "training_solutions_rev1.csv", dtype={0: str})
    true = true.set_index("GalaxyID").loc[run.predictions.table()["id"], COLUMNS]
    told = run.predictions.table()[[f"true_{column}" for column in COLUMNS]]
    np.testing.assert_allclose(told, true, atol=1e-5)
