"""The folder of an explanation of a model of votes: whole, and true to the run it explains."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from hubblefork.core.errors import RequestError
from hubblefork.sky.decision_tree import GALAXY_ZOO_2
from hubblefork.workflow.explain import explain
from hubblefork.workflow.train import train

pytestmark = pytest.mark.usefixtures("without_reports")

SKY = "simulated:votes:60"
SETTINGS = {"data.size": 24, "epochs": 2, "learning_rate": 3e-3}
COLUMNS = list(GALAXY_ZOO_2.columns)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return train(SKY, "lenet5", settings=SETTINGS, out=tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def explained(run, tmp_path_factory):
    return explain(run.path, out=tmp_path_factory.mktemp("explained") / "why")


def test_a_test_set_is_explained_by_what_fits_votes(explained):
    assert {path.name for path in explained.path.iterdir()} == {
        "explanation.html", "explanation.json", "errors.csv", "anomalies.csv", "neighbours.csv",
        "embedding.csv", "background_dependence.csv", "robustness.csv", "faithfulness.csv",
        "figures",
    }  # fmt: skip
    page = explained.page.read_text()
    assert page.count("<img") == page.count(' alt="')
    for word in ("class", "accuracy", "correctly classified", "Probability", "probability"):
        assert word not in words_of(page)
    assert "Explanation of predicted votes" in page


def words_of(page):
    """The text of a page, without style and tags."""
    return re.sub(r"<style.*?</style>|<[^>]*>", " ", page, flags=re.DOTALL)


def test_figures_are_those_of_the_run(run, explained):
    figures = json.loads((explained.path / "explanation.json").read_text())
    rmse = run.metrics["rmse"]
    assert figures["measure"] == "rmse"
    for value in (
        figures["rmse"], figures["background_dependence"]["unchanged"]["value"],
        figures["robustness"][0]["rmse"],
    ):  # fmt: skip
        assert value == pytest.approx(rmse, abs=1e-5)
    assert [figures["low"], figures["high"]] == pytest.approx(run.metrics["intervals"]["rmse"])
    true = run.predictions.table()[[f"true_{column}" for column in COLUMNS]].to_numpy()
    assert figures["baseline"] == pytest.approx(np.sqrt(((true - true.mean(0)) ** 2).mean()))
    assert sum(question["galaxies"] for question in figures["questions"]) == figures["n"] == 12
    assert figures["neighbours_rmse"] > 0


def test_all_test_galaxies_are_listed_the_largest_error_first(run, explained):
    predictions = run.predictions.table().set_index("id")
    errors = pd.read_csv(explained.path / "errors.csv").set_index("id")
    assert sorted(errors.index) == sorted(predictions.index)
    assert errors["rmse"].is_monotonic_decreasing
    ours = predictions.loc[errors.index]
    true = ours[[f"true_{column}" for column in COLUMNS]].to_numpy()
    expected = np.sqrt(((ours[COLUMNS].to_numpy() - true) ** 2).mean(axis=1))
    np.testing.assert_allclose(errors["rmse"], expected, atol=1e-5)
    assert errors["true_description"].tolist() == GALAXY_ZOO_2.describe(true).tolist()
    near = pd.read_csv(explained.path / "neighbours.csv")
    split = pd.read_csv(run.path / "split.csv", comment="#").set_index("id")["subset"]
    assert set(split[near["neighbour"]]) == {"train"}


def test_galaxies_are_explained_one_by_one_with_their_path(run, tmp_path):
    explained = explain(run.path, "simulated:votes:3:seed5", out=tmp_path / "why")
    table = pd.read_csv(explained.path / "explanations.csv")
    assert len(table) == 3
    for row in table.itertuples():
        path = row.path.split("|")
        assert path[0] == row.predicted
        fractions = [float(each) for each in row.fractions.split("|")]
        assert len(fractions) == len(path)
        assert fractions[0] == pytest.approx(row.fraction, abs=1e-3)
        assert (explained.path / row.overlay).is_file()
        assert len(row.neighbours.split("|")) == len(row.neighbour_labels.split("|")) == 5
    text = words_of(explained.page.read_text())
    assert "Smooth, or a disk?" in text
    assert "The nearest training galaxies in the features of the network" in text


def test_a_model_file_explains_galaxies_without_training_images(run, tmp_path):
    explained = explain(
        run.model, "simulated:votes:1:seed5", out=tmp_path / "why", method="occlusion"
    )
    assert "neighbours" not in explained.table


def test_folds_are_of_classes(run, tmp_path):
    with pytest.raises(RequestError, match="--folds finds wrong labels of classes"):
        explain(run.path, out=tmp_path / "why", folds=3)
    assert not list(tmp_path.iterdir())
