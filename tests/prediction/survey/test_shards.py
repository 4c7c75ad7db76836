"""A shard is done once, whatever happens to those who do it."""

import os
import resource
import shutil
import time

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from hubblefork.core import files
from hubblefork.core.device import threads_of_each
from hubblefork.core.errors import RequestError
from hubblefork.core.temporary import locking
from hubblefork.prediction.survey import one_shard, shards, watchdog
from hubblefork.prediction.survey.one_shard import attempt, load
from hubblefork.prediction.survey.plan import Survey
from hubblefork.prediction.survey.shards import find_done, glance, note_failure
from hubblefork.workflow import survey as verbs
from hubblefork.workflow.predict import predict
from tests.survey_helpers import die, ids_of, in_a_process


@pytest.fixture
def predictor(survey):
    return load(survey, "cpu")


def do_all(survey: Survey, predictor) -> None:
    for shard in survey.plan.shards:
        assert "done" in attempt(survey, predictor, shard)


def test_shards_are_what_predict_gives(survey, predictor, model, sky, tmp_path):
    do_all(survey, predictor)
    predict(model, sky / "sky.csv", out=tmp_path / "whole.parquet")
    whole = pq.read_table(tmp_path / "whole.parquet").replace_schema_metadata()
    place = 0
    for shard in survey.plan.shards:
        table = pq.read_table(survey.shard_path(shard)).replace_schema_metadata()
        same = whole.slice(place, len(table))
        assert table.schema.names == same.schema.names
        for name in table.schema.names:
            if name in ("a", "b"):  # in batches of other sizes, the last bits may differ
                np.testing.assert_allclose(table[name], same[name], rtol=1e-6)
            else:
                assert table[name].to_pylist() == same[name].to_pylist()
        place += len(table)
    assert place == len(whole)


@pytest.mark.parametrize(
    ("where", "name"),
    [(shards, "replacing"), (shards.pq, "write_table"), (files.os, "replace"),
     (files, "_flush_folder")],
    ids=["before the temporary file", "in the middle of it", "before the rename", "after it"],
)  # fmt: skip
def test_a_killed_worker_leaves_a_shard_that_is_done_or_not(survey, predictor, where, name):
    def half(table, file, **options):
        file.write(b"PAR1 half of it")
        file.flush()
        die()

    kill = half if name == "write_table" else die
    code = in_a_process(lambda: attempt(survey, predictor, 1), (where, name, kill))
    assert code == -9
    assert (find_done(survey, 1) is not None) == (name == "_flush_folder")
    do_all(survey, predictor)
    assert ids_of(survey) == dict.fromkeys(range(2**60, 2**60 + 23), 1)
    assert len(list((survey.folder / "shards").iterdir())) == 3  # nothing is left of the first try


def test_a_file_that_is_cut_off_foreign_or_stale_is_replaced(
    survey, predictor, model, sky, tmp_path
):
    do_all(survey, predictor)
    whole = survey.shard_path(0).read_bytes()
    stale = Survey.open(verbs.plan(model, sky / "sky.csv", out=tmp_path / "other", shard_rows=5))
    attempt(stale, predictor, 0)
    for content in (whole[:-100], b"", b"PAR1", stale.shard_path(0).read_bytes(),
                    survey.shard_path(1).read_bytes()):  # fmt: skip
        survey.shard_path(0).write_bytes(content)
        assert find_done(survey, 0) is glance(survey, 0) is None
        assert attempt(survey, predictor, 0) == {"done": 10, "unreadable": 2}
        assert survey.shard_path(0).read_bytes() == whole
    assert glance(survey, 0) == find_done(survey, 0)


def test_more_threads_do_a_shard_in_the_same_blocks(model, sky, tmp_path):
    table = pd.DataFrame({"objid": range(100), "image": [str(sky / "0.png")] * 100})
    table.to_csv(tmp_path / "sky.csv", index=False)
    survey = Survey.open(verbs.plan(model, tmp_path / "sky.csv", out=tmp_path / "survey"))
    predictor, found = load(survey, "cpu"), []
    for workers in (1, 3):
        told: list[int] = []
        with threads_of_each(workers):  # one of torch's for each of ours
            one_shard.do_shard(survey, predictor, 0, workers, told.append)
        found.append((told, survey.shard_path(0).read_bytes()))
    assert found[0] == found[1]
    assert found[0][0] == [32, 32, 32, 4]


def test_a_shard_that_cannot_be_looked_at_is_not_told_to_be_undone(survey):
    path = survey.shard_path(0)
    path.symlink_to(path.name)  # a loop: another error than that there is nothing
    with pytest.raises(OSError, match="symbolic links"):
        verbs.status(survey.folder)
    with pytest.raises(OSError, match="symbolic links"):
        find_done(survey, 0)


def test_of_two_runners_one_does_the_shard(survey, predictor):
    lock = survey.folder / "locks" / "00001"
    lock.touch()
    with locking(lock):
        assert attempt(survey, predictor, 1) == {"busy": True}
        # Its machine was lost: nothing has been heard of it for too long.
        os.utime(lock, (0, time.time() - 2 * watchdog.SECONDS - 1))
        assert attempt(survey, predictor, 1) == {"done": 10, "unreadable": 0}
    # Without locks, as on some network drives, both write the same.
    first = survey.shard_path(1).read_bytes()
    one_shard.do_shard(survey, predictor, 1)
    assert survey.shard_path(1).read_bytes() == first


def test_a_full_disk_is_told_and_leaves_nothing(survey, predictor):
    def fill() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        told = attempt(survey, predictor, 0)
        assert "File too large" in told["stopped"]

    import signal

    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    assert in_a_process(fill) == 0
    signal.signal(signal.SIGXFSZ, before)
    assert list((survey.folder / "shards").iterdir()) == []


def test_another_model_or_other_rows_are_refused(survey, predictor, model):
    rows = survey.rows_path(2)
    shutil.copyfile(survey.rows_path(1), rows)
    assert "has 10 rows, not those of the plan" in attempt(survey, predictor, 2)["refused"]
    rows.write_bytes(b"PAR1")
    assert "is damaged" in attempt(survey, predictor, 2)["refused"]
    with survey.model.open("ab") as file:
        file.write(b" ")
    with pytest.raises(RequestError, match="is not the model that"):
        load(survey, "cpu")


def test_a_plan_that_was_changed_is_refused(survey):
    path = survey.folder / "plan.json"
    text = path.read_text()
    path.write_text(text.replace('"rows": 23', '"rows": 24'))
    with pytest.raises(RequestError, match="has been changed since it was written"):
        Survey.open(survey.folder)
    path.write_text(text[:50])
    with pytest.raises(RequestError, match="is damaged"):
        Survey.open(survey.folder)
    path.unlink()
    with pytest.raises(RequestError, match="is not a survey"):
        Survey.open(survey.folder)
    assert os.listdir(survey.folder / "shards") == []


def test_a_worker_that_hangs_ends_itself(survey, predictor, monkeypatch):
    monkeypatch.setattr(watchdog, "SECONDS", 0.2)
    hang = (one_shard, "predict_rows", lambda *given, **options: time.sleep(60))
    assert in_a_process(lambda: attempt(survey, predictor, 1), hang) == 1
    assert find_done(survey, 1) is None
    assert "done" in attempt(survey, predictor, 1)


def test_rows_that_are_gone_are_told_and_folders_that_were_empty_are_made(survey, predictor):
    survey.rows_path(1).unlink()
    assert "is damaged" in attempt(survey, predictor, 1)["refused"]
    for name in ("locks", "shards", "failures"):  # a copy may leave out empty folders
        shutil.rmtree(survey.folder / name)
    assert "done" in attempt(survey, predictor, 0)
    assert note_failure(survey, 2, "why") == 1
