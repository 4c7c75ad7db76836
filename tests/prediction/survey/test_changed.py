"""Rows that are read by their numbers are never mistaken for others, and folders may be moved."""

import io
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from hubblefork.core.errors import RequestError
from hubblefork.prediction.survey.one_shard import attempt, load
from hubblefork.prediction.survey.plan import Survey
from hubblefork.prediction.survey.shards import find_done
from hubblefork.workflow import survey as verbs
from hubblefork.workflow.predict import predict


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A Parquet file with twelve images as bytes."""
    pixels = np.random.default_rng(1).integers(0, 256, (12, 16, 16, 3), np.uint8)
    images = [io.BytesIO() for _ in pixels]
    for file, image in zip(images, pixels, strict=True):
        Image.fromarray(image).save(file, "PNG")
    table = pd.DataFrame({"id": range(12), "image": [each.getvalue() for each in images]})
    table.to_parquet(tmp_path / "sky.parquet")
    return tmp_path / "sky.parquet"


def test_a_table_that_holds_the_images_and_has_changed_is_refused(model, stored, tmp_path):
    folder = verbs.plan(model, stored, out=tmp_path / "survey", shard_rows=5)
    predictor = load(Survey.open(folder), "cpu")
    before = Survey.open(folder)
    assert attempt(before, predictor, 0) == {"done": 5, "unreadable": 0}
    pd.read_parquet(stored)[::-1].to_parquet(stored)
    for survey in (before, Survey.open(folder)):  # changed while a worker has it open, and after it
        assert (
            "and its images may be those of other rows" in attempt(survey, predictor, 1)["refused"]
        )
        assert find_done(survey, 1) is None
    stored.unlink()
    assert "cannot be read" in attempt(Survey.open(folder), predictor, 1)["refused"]


def test_a_table_that_only_others_may_read_now_is_the_same(model, stored, tmp_path):
    survey = Survey.open(verbs.plan(model, stored, out=tmp_path / "survey"))
    stored.chmod(0o640)
    os.link(stored, tmp_path / "again.parquet")
    assert attempt(survey, load(survey, "cpu"), 0) == {"done": 12, "unreadable": 0}


def test_an_image_that_comes_into_a_folder_moves_no_other(model, sky, tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    for number in (1, 2, 3):
        shutil.copy(sky / f"{number}.png", images)
    survey = Survey.open(verbs.plan(model, images, out=tmp_path / "survey"))
    shutil.copy(sky / "4.png", images / "0.png")
    expected = predict(model, [images / f"{number}.png" for number in (1, 2, 3)])
    assert attempt(survey, load(survey, "cpu"), 0) == {"done": 3, "unreadable": 0}
    found = pd.read_parquet(survey.shard_path(0))
    assert found["id"].tolist() == expected["id"].tolist()
    assert found["a"].tolist() == expected["a"].tolist()


def test_an_array_in_a_file_that_has_changed_is_refused(model, tmp_path):
    pixels = np.random.default_rng(1).integers(0, 256, (3, 16, 16, 3), np.uint8)
    np.save(tmp_path / "sky.npy", pixels)
    survey = Survey.open(verbs.plan(model, tmp_path / "sky.npy", out=tmp_path / "survey"))
    predictor = load(survey, "cpu")
    assert attempt(survey, predictor, 0) == {"done": 3, "unreadable": 0}
    survey.shard_path(0).unlink()
    np.save(tmp_path / "sky.npy", pixels[::-1])
    again = Survey.open(survey.folder)
    assert "has changed since it was planned" in attempt(again, predictor, 0)["refused"]


@pytest.mark.parametrize("kind", ["table of bytes", "table of paths", "folder"])
def test_a_survey_runs_from_any_folder_and_after_it_was_moved(
    model, sky, stored, tmp_path, monkeypatch, kind
):
    images = tmp_path / "images"
    images.mkdir()
    Image.open(sky / "1.png").save(images / "1.png")
    (tmp_path / "paths.csv").write_text("id,file\na,images/1.png\n")
    monkeypatch.chdir(tmp_path)
    given = {"table of bytes": stored.name, "table of paths": "paths.csv", "folder": "images"}[kind]
    verbs.plan(model, given, out="survey")
    (tmp_path / "away").mkdir()
    monkeypatch.chdir(tmp_path / "away")
    os.rename(tmp_path / "survey", "moved")
    survey = Survey.open(Path("moved"))
    assert attempt(survey, load(survey, "cpu"), 0)["unreadable"] == 0


def test_images_in_memory_cannot_be_planned(model, tmp_path):
    given = np.zeros((2, 16, 16, 3), np.uint8), np.array(["a", "b"])
    with pytest.raises(RequestError, match="cannot be planned"):
        verbs.plan(model, given, out=tmp_path / "survey")
