"""One label for each image, of the answers of several raters, in files and in exported tables."""

import hashlib

import numpy as np
import pytest

from hubblefork.core.errors import RequestError
from hubblefork.tasks.classes import Classes
from hubblefork.tasks.votes import Votes
from hubblefork.workbench.export import export_labels
from hubblefork.workbench.given_labels import read_given_labels
from hubblefork.workbench.store import LabelStore

TASK = Classes(("disc", "bar", "ring"))


def store(path, task, *answers):
    """A file with these answers: rater, image, and what was chosen."""
    with LabelStore.open(path, task) as opened:
        for key, (rater, image, *answer) in enumerate(answers):
            opened.answer(rater, (image, f"d-{image}"), answer, key=str(key))
    return path


@pytest.fixture
def given(tmp_path):
    answers = [("ann", "g1", "disc"), ("bob", "g1", "bar"), ("cleo", "g1", "bar"),
               ("ann", "g2", "bar"), ("ann", "g2", "disc"), ("ann", "g3", "bar"),
               ("bob", "g3", "disc")]  # fmt: skip
    return store(tmp_path / "labels.jsonl", TASK, *answers)


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet", "fits", "vot"])
def test_the_majority_of_the_last_answers_counts(given, ending, tmp_path):
    path = given if ending == "jsonl" else export_labels(given, tmp_path / f"out.{ending}")
    found = read_given_labels(path)
    named = [found.task.names[each] for each in found.table["label"]]
    told = dict(zip(found.table["id"], named, strict=True))
    assert told == {"g1": "bar", "g2": "disc"}
    assert found.table["digest"].tolist() == ["d-g1", "d-g2"]
    assert found.divided == 1  # g3
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert set(found.task.names) == {"disc", "bar"}  # nobody has seen a ring


@pytest.mark.parametrize("ending", ["jsonl", "csv", "fits"])
def test_votes_are_the_mean_of_the_raters(ending, tmp_path):
    round_one, star = ["Class1.1", "Class7.1", "Class6.2"], ["Class1.3"]
    answers = [("ann", "g1", *round_one), ("bob", "g1", *star), ("ann", "g2", *star)]
    path = store(tmp_path / "labels.jsonl", Votes(), *answers)
    if ending != "jsonl":
        path = export_labels(path, tmp_path / f"out.{ending}")
    found = read_given_labels(path)
    assert found.task == Votes()
    fractions = found.task.labels(found.table)
    expected = np.zeros((2, 37))
    for row, column, value in [(0, "Class1.1", 0.5), (0, "Class7.1", 0.5), (0, "Class6.2", 0.5),
                               (0, "Class1.3", 0.5), (1, "Class1.3", 1)]:  # fmt: skip
        expected[row, Votes().names.index(column)] = value
    np.testing.assert_allclose(fractions, expected)


def test_what_is_no_file_of_labels_is_one_line(tmp_path):
    (tmp_path / "sky.csv").write_text("id,label\na,disc\n")
    (tmp_path / "notes.txt").write_text("a bar\n")
    store(tmp_path / "empty.jsonl", TASK)
    store(tmp_path / "divided.jsonl", TASK, ("ann", "g1", "disc"), ("bob", "g1", "bar"))
    names = {"sky.csv": "no column", "notes.txt": "damaged at line 1", "empty.jsonl": "no labels",
             "divided.jsonl": "divided", "gone.jsonl": "is not there"}  # fmt: skip
    for name, reason in names.items():
        with pytest.raises(RequestError, match=reason) as error:
            read_given_labels(tmp_path / name)
        assert "\n" not in str(error.value)
