"""Trainings with labels of the workbench in place of the source's."""

import hashlib
import shutil

import pandas as pd
import pytest

from hubblefork.core.errors import RequestError
from hubblefork.data.packing import pack
from hubblefork.data.sources import open_source
from hubblefork.models.predictor import Predictor
from hubblefork.tasks.classes import Classes
from hubblefork.workbench.store import LabelStore
from hubblefork.workflow.evaluate import own_dataset
from hubblefork.workflow.train import train

pytestmark = pytest.mark.usefixtures("without_reports")

QUICK = {"data.size": 24, "epochs": 1}
NAMES = ("bar", "disc")


@pytest.fixture
def corrected(shapes, tmp_path):
    """A label for each of six images: four of them wrong, so that they are seen."""
    opened = open_source(shapes)
    dataset = pack(opened, opened.framing(size=24))
    path = tmp_path / "labels.jsonl"
    own = dataset.labels
    with LabelStore.open(path, Classes(NAMES)) as store:
        for row, name in {0: 1 - own[0], 1: own[1], 2: 1 - own[2], 60: own[60], 61: 1 - own[61],
                          70: 1 - own[70]}.items():  # fmt: skip
            image = tuple(dataset.table[["id", "digest"]].iloc[row])
            store.answer("ann", image, [dataset.task.names[name]], key=str(row))
    expected = own.copy()
    expected[[0, 2, 61, 70]] = 1 - own[[0, 2, 61, 70]]
    return path, dict(zip(dataset.table["id"], expected, strict=True))


def test_labels_replace_the_sources_and_the_run_keeps_them(shapes, corrected, tmp_path, capsys):
    path, expected = corrected
    run = train(shapes, "lenet5", settings=QUICK, out=tmp_path / "run", labels=path)
    assert "6 used, 4 changed, 0 not found" in capsys.readouterr().err
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    about = run.provenance.labels
    assert (about["path"], about["sha256"]) == (str(path), digest)
    tested = run.predictions
    assert [expected[each] for each in tested.ids] == tested.true.tolist()
    # The run is enough to find its labels again, where cache and file are gone.
    path.unlink()
    dataset, _ = own_dataset(run, Predictor.load(run))
    shutil.rmtree(dataset.path)
    again, _ = own_dataset(run, Predictor.load(run))
    assert dict(zip(again.table["id"], again.labels, strict=True)) == expected
    assert again.key == run.provenance.dataset


def test_the_labelled_images_of_a_plain_folder_are_learnt_from(shapes, tmp_path, capsys):
    folder = tmp_path / "sky"
    folder.mkdir()
    for place in shapes.glob("*/*.png"):
        shutil.copy(place, folder / place.name)
    opened = open_source(folder, labelled=False)
    dataset = pack(opened, opened.framing(size=24))
    table = dataset.table[["id", "digest"]].iloc[:60]
    answers = ["disc" if "disc" in each else "bar" for each in dataset.table["origin"].iloc[:60]]
    table.assign(answer=answers, rater="ann").to_csv(tmp_path / "labels.csv", index=False)
    run = train(
        folder, "lenet5", settings=QUICK, out=tmp_path / "run", labels=tmp_path / "labels.csv"
    )
    told = capsys.readouterr().err
    assert "60 used, 0 changed, 0 not found; the labelled images alone are learnt from" in told
    assert run.task == Classes(NAMES)
    assert sum(run.split.counts().values()) == 60
    dataset, _ = own_dataset(run, Predictor.load(run))
    shutil.rmtree(dataset.path)
    assert own_dataset(run, Predictor.load(run))[0].key == run.provenance.dataset


def test_a_run_goes_on_with_the_labels_that_it_began_with(shapes, corrected, tmp_path, monkeypatch):
    path, _ = corrected
    arguments = {"settings": QUICK, "out": tmp_path / "run"}
    with monkeypatch.context() as patch:
        patch.setattr("hubblefork.workflow.train._save", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            train(shapes, "lenet5", labels=path, **arguments)
    with path.open("a") as file:
        file.write('{"kind": "undo", "number": 7, "time": "", "rater": "ann", "undone": 6}\n')
    with pytest.raises(RequestError, match="is not as it was when"):
        train(shapes, resume=True, labels=path, out=tmp_path / "run")
    run = train(shapes, resume=True, out=tmp_path / "run")
    assert run.finished
    assert len(pd.read_parquet(run.path / "labels.parquet")) == 6
