"""A run folder reads back what was written, and tells of damage in one line."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hubblefork.core.errors import RequestError
from hubblefork.data.sources.path_options import absolute_source
from hubblefork.data.splits import Split
from hubblefork.recipes.recipe import load_recipe
from hubblefork.runs.provenance import Provenance
from hubblefork.runs.resuming import check_same
from hubblefork.runs.run import Run, history_columns
from hubblefork.tasks.classes import Classes
from hubblefork.tasks.votes import Votes

PROVENANCE = Provenance(
    source="galaxies",
    location="/data/galaxies",
    dataset="abc",
    task=Classes(("bar", "disc")),
    seed=3,
    device="cpu",
    precision="fp32",
    processes=2,
    threads=4,
    parameters=1000,
    started="2026-11-29T01:32:35+00:00",
    versions={"hubblefork": "0.1.0"},
    weights="/runs/earlier",
    overlap={"test": 0, "val": None},
)


@pytest.fixture
def run(tmp_path) -> Run:
    parts = pd.Series(["train"], index=pd.Index(["a"], name="id"), name="part")
    split = Split(parts, "stratified by class", 3)
    return Run.create(tmp_path / "run", load_recipe("lenet5", {"epochs": 3}), PROVENANCE, split)


def test_recipe_and_provenance_are_read_as_they_were_written(run):
    assert run.recipe == load_recipe("lenet5", {"epochs": 3})
    assert run.recipe == load_recipe(run.path / "recipe.toml")
    assert run.provenance == PROVENANCE
    assert run.task == Classes(("bar", "disc"))
    votes = replace(PROVENANCE, task=Votes())
    assert Provenance.from_json(json.loads(json.dumps(votes.to_json()))) == votes


@pytest.mark.parametrize(
    ("name", "content", "attribute"),
    [
        ("provenance.json", "{}", "provenance"),
        ("provenance.json", '{"task": {"kind": "unlabelled"}, "colour": 1}', "task"),
        ("metrics.json", '{"n": 1', "metrics"),
        ("history.csv", "", "history"),
    ],
)
def test_a_damaged_file_is_told_in_one_line(run, name, content, attribute):
    (run.path / name).write_text(content)
    with pytest.raises(RequestError, match=rf"{name} is damaged and cannot be read") as told:
        getattr(run, attribute)
    assert "\n" not in str(told.value)


def test_what_is_not_there_yet_is_told(run):
    with pytest.raises(RequestError, match=r"has no history\.csv: its training has not ended"):
        _ = run.history


def test_a_history_has_the_columns_of_its_metric(run):
    rows = [dict.fromkeys(history_columns("rmse"), 0.5), dict.fromkeys(history_columns("rmse"), 1)]
    run.save_history(rows)
    assert list(run.history) == ["epoch", "loss", "rmse", "val_loss", "val_rmse", "lr", "seconds"]


def test_other_threads_are_told_and_another_seed_is_refused(run, capfd):
    check_same(run, run.recipe, PROVENANCE, run.split)
    assert capfd.readouterr().err == ""
    check_same(run, run.recipe, replace(PROVENANCE, threads=8), run.split)
    assert "threads was 4, is 8; the last digits" in capfd.readouterr().err
    with pytest.raises(RequestError, match="seed was 3, is 4"):
        check_same(run, run.recipe, replace(PROVENANCE, seed=4), run.split)
    other = replace(run.split, rule="stratified by another rule")
    with pytest.raises(RequestError, match="the split is another one"):
        check_same(run, run.recipe, PROVENANCE, other)


def test_a_run_is_trained_by_one_command_at_a_time(run):
    with run.locked(), pytest.raises(RequestError, match="is being trained by another command"):
        Run.open(run.path).locked().__enter__()
    with run.locked():
        assert {path.name for path in run.path.iterdir()} == {
            "recipe.toml", "provenance.json", "split.csv",
        }  # fmt: skip


def test_a_source_is_kept_with_its_absolute_path(tmp_path, monkeypatch):
    (tmp_path / "galaxies").mkdir()
    monkeypatch.chdir(tmp_path)
    folder = f"{tmp_path}/galaxies"
    assert absolute_source("galaxies") == folder
    assert absolute_source("./galaxies:labels=summary:images=image") == (
        f"{folder}:labels=summary:images=image"
    )
    assert absolute_source("kaggle:galaxies:test") == f"kaggle:{folder}:test"
    for name in ("simulated:60:seed2", "hub:owner/name", "galaxy10-sdss", "galaxy10-decals:no.h5"):
        assert absolute_source(name) == name


def test_a_run_is_a_path_and_a_table_in_a_notebook(run):
    assert Run.open(run) == run
    assert str(run) == str(run.path)
    assert "its training has not ended" in run._repr_html_()
    measured = run.task.measure(np.array([0, 1]), np.eye(2))
    metrics = {"format": 1, "source": "shapes", "task": run.task.to_json(), "calibration": None}
    metrics |= measured | {"prediction_sets": None, "n": 16, "accuracy": 0.9512}
    metrics["intervals"]["accuracy"] = [0.9, 0.97]
    (run.path / "metrics.json").write_text(json.dumps(metrics))
    text = run._repr_html_()
    assert "16 test images" in text
    assert "<th>Accuracy</th><td>95.1\xa0%</td><td>90.0 to 97.0\xa0%</td>" in text
    assert text.count("<tr>") == 1 + len(run.task.metrics)
