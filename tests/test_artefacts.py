"""Runs, models, packed datasets and metrics that earlier versions wrote can still be read."""

from pathlib import Path

import numpy as np
import pytest

from hubblefork.data.dataset import PackedDataset
from hubblefork.evaluation.metrics_format import METRICS
from hubblefork.models.predictor import Predictor
from hubblefork.runs.run import Run

# <version>/<kind of task>; made by artefacts/make.py
FOLDERS = sorted(Path(__file__).parent.glob("artefacts/*/*/"))


def test_there_are_artefacts_of_classes_and_of_votes():
    assert {folder.name for folder in FOLDERS} == {"classes", "votes"}


@pytest.fixture(params=FOLDERS, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def folder(request) -> Path:
    return request.param


def test_a_stored_run_is_read_whole(folder):
    run = Run.open(folder / "run")
    assert run.recipe.name == "lenet5"
    assert run.task.kind == folder.name
    assert len(run.history) == 1
    assert run.provenance.versions["hubblefork"] == folder.parent.name
    METRICS.validate_python(run.metrics)
    assert len(run.predictions) == run.metrics["n"]


def test_a_stored_dataset_is_the_one_of_its_run(folder):
    run, dataset = Run.open(folder / "run"), PackedDataset.open(folder / "dataset")
    assert dataset.key == run.provenance.dataset
    assert dataset.task == run.task
    assert dataset.images.shape == (len(dataset), 16, 16, 3)
    assert sum(run.split.counts().values()) == len(dataset)


def test_a_stored_model_gives_the_stored_predictions(folder):
    run, dataset = Run.open(folder / "run"), PackedDataset.open(folder / "dataset")
    rows = run.split.rows(dataset, "test")
    expected = run.predictions
    assert list(dataset.table["id"].iloc[rows]) == list(expected.ids)
    predictor = Predictor.load(run.model, "cpu")
    np.testing.assert_allclose(
        predictor.predict(dataset.images, rows), expected.values, rtol=0, atol=1e-4
    )
