"""Whose labels the workbench judges: those of images that the network was trained without."""

import shutil

import numpy as np
import pytest
from PIL import Image

from hubblefork.evaluation.mislabels import likely_mislabels
from hubblefork.workbench.queues import Queues
from hubblefork.workbench.store import LabelStore
from hubblefork.workflow.serve import open_collection
from hubblefork.workflow.serve_run import with_suspects


@pytest.fixture(scope="module")
def others(example_run, shapes, tmp_path_factory):
    """A folder with images that the run was trained on, and with new ones."""
    folder = tmp_path_factory.mktemp("others")
    random = np.random.default_rng(8)
    for name in ("disc", "bar"):
        (folder / name).mkdir()
        for number in range(6):
            coarse = random.integers(0, 255, (8, 8, 3), np.uint8)
            Image.fromarray(coarse).resize((32, 32)).save(folder / name / f"new {number}.png")
    split = example_run.split.subset
    for each in split.index[split == "train"][:5]:
        shutil.copy(shapes / f"{each}.png", folder / each.split("/")[0])
    return folder


def test_of_other_images_those_are_judged_that_the_run_was_not_trained_on(example_run, others):
    shown = with_suspects(open_collection(example_run.path, others, "cpu"), example_run)
    ids = shown.dataset.table["id"].astype(str)
    new = np.flatnonzero(ids.str.contains("new"))
    assert len(ids) == 17
    table = likely_mislabels(
        ids[new], shown.true[new], shown.predictions.values[new], shown.questions.task.names
    )
    assert shown.mislabels["row"].tolist() == new[table["row"]].tolist()
    assert shown.mislabels["id"].tolist() == table["id"].tolist()
    assert shown.about_mislabels == "Not judged: 5 that the run was trained on."


def test_its_own_images_are_judged_as_without_a_source(example_run, shapes):
    shown = with_suspects(open_collection(example_run.path, shapes, "cpu"), example_run)
    assert sorted(shown.mislabels["id"]) == sorted(example_run.predictions.ids)
    assert "explain" in shown.about_mislabels
    assert "--folds 5 judges all images" in shown.about_mislabels


def needed(shown, folder) -> str:
    """What the queue says."""
    assert shown.mislabels is None
    with LabelStore.open(folder / "labels.jsonl", shown.questions.task) as store:
        told = {each["name"]: each for each in Queues(shown, store).to_json("ann")}
    assert "\n" not in told["mislabels"]["missing"]
    return told["mislabels"]["missing"]


def test_where_none_can_be_judged_the_queue_says_what_is_needed(
    example_run, others, shapes, tmp_path
):
    model = example_run.path / "model.safetensors"
    assert "serve RUN SOURCE" in needed(
        with_suspects(open_collection(model, others), None), tmp_path
    )
    (tmp_path / "bare").mkdir()
    for each in others.glob("*/new*"):
        shutil.copy(each, tmp_path / "bare" / f"{each.parent.name} {each.name}")
    bare = open_collection(example_run.path, tmp_path / "bare", "cpu")
    assert needed(with_suspects(bare, example_run), tmp_path) == "images with labels"
    split, known = example_run.split.subset, tmp_path / "known"
    learnt = split.index[split != "test"]
    for name in ("disc", "bar"):
        (known / name).mkdir(parents=True)
        for each in learnt[learnt.str.startswith(name)][:2]:
            shutil.copy(shapes / f"{each}.png", known / f"{each}.png")
    shown = with_suspects(open_collection(example_run.path, known, "cpu"), example_run)
    assert "it was on all of these" in needed(shown, tmp_path)
    (tmp_path / "alone").mkdir()  # where the classes come in another order
    assert "hubblefork train SOURCE" in needed(open_collection(others), tmp_path / "alone")
