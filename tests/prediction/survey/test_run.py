"""Workers do all shards of a survey, and the survey is proved whole."""

import json
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from PIL import Image

from hubblefork.core.errors import RequestError
from hubblefork.core.temporary import _beginning
from hubblefork.core.tries import TransientFailure
from hubblefork.prediction.survey.local_pool import LocalPool, worker_ahead
from hubblefork.prediction.survey.one_shard import attempt, load
from hubblefork.prediction.survey.plan import Survey
from hubblefork.prediction.survey.shards import failures, find_done, forget_failures, note_failure
from hubblefork.prediction.survey.todo import Todo
from hubblefork.workflow import survey as verbs
from tests.survey_helpers import ids_of, manifest
from tests.web import serving


def test_a_survey_is_run_checked_and_written(survey, tmp_path):
    assert str(verbs.status(survey.folder)).startswith("0 of 23 rows done")
    with pytest.raises(RequestError, match="3 of 3 shards are still to be done"):
        verbs.finish(survey.folder)
    found = verbs.run_all(survey.folder, workers=2)
    assert (found.done_rows, found.unreadable, found.finished) == (23, 2, False)
    with pytest.raises(RequestError, match="is not finished"):
        verbs.export(survey.folder, to=tmp_path / "sky.parquet")
    assert verbs.finish(survey.folder).finished
    told = manifest(survey)
    assert (told["rows"], told["complete"], len(told["shards"])) == (23, True, 3)
    unreadable = pq.read_table(survey.folder / "unreadable.parquet").to_pylist()
    assert [(each["id"], each["row"]) for each in unreadable] == [
        (str(2**60 + 5), 6), (str(2**60 + 7), 8),
    ]  # fmt: skip
    assert verbs.export(survey.folder, to=tmp_path / "sky.parquet") == 23
    table = pd.read_parquet(tmp_path / "sky.parquet")
    assert table["objid"].tolist() == list(range(2**60, 2**60 + 23))
    np.testing.assert_allclose(table["ra"], np.linspace(10, 11, 23))
    part = verbs.export(survey.folder, to=tmp_path / "part.csv", where="ra > 10.5 and a >= 0")
    assert part == (table["ra"] > 10.5).sum()
    for wrong in ("typicality >", "a + 1", "nothing > 1"):
        with pytest.raises(RequestError, match=r"--where .* (computed|condition)"):
            verbs.export(survey.folder, to=tmp_path / "no.csv", where=wrong)
    assert not (tmp_path / "no.csv").exists()


def test_a_worker_that_is_killed_in_a_shard_is_replaced_and_the_shard_done(model, sky, tmp_path):
    with serving() as server, worker_ahead() as worker:
        paths = [f"/{number}.png" for number in range(3)]
        server.files = {path: (sky / path[1:]).read_bytes() for path in paths}
        server.before = lambda path: worker.kill() if path == "/1.png" else None
        table = pd.DataFrame(
            {"objid": range(3), "image": [f"{server.url}{path}" for path in paths]}
        )
        table.to_csv(tmp_path / "sky.csv", index=False)
        survey = Survey.open(verbs.plan(model, tmp_path / "sky.csv", out=tmp_path / "survey"))
        assert verbs.run_all(survey.folder).done_rows == 3
    assert failures(survey) == {0: ["its worker died by signal 9"]}
    assert ids_of(survey) == dict.fromkeys(range(3), 1)


def test_a_worker_that_was_started_ahead_and_is_not_needed_ends():
    with worker_ahead() as worker:
        """Nothing is to be done."""
    assert worker.poll() == -signal.SIGKILL


def test_a_worker_ends_whose_parent_is_gone_before_it_has_begun():
    gone = subprocess.Popen(["true"])
    gone.wait()
    words = [sys.executable, "-m", "hubblefork.prediction.survey.worker", str(gone.pid)]
    with subprocess.Popen(words, stdin=subprocess.PIPE) as worker:  # which would wait for its task
        assert worker.wait() == 1


def test_few_shards_have_few_workers_with_more_threads(survey):
    def pool(shards: int, workers: int) -> tuple[int, int]:
        found = LocalPool(survey, shards, "cpu", workers)
        return found.number, found.threads

    assert [pool(1, 8), pool(3, 8), pool(8, 8), pool(100, 8)] == [(1, 8), (3, 2), (8, 1), (8, 1)]


def test_a_shard_that_failed_three_times_is_set_aside_named_and_tried_again_when_asked(survey):
    predictor = load(survey, "cpu")
    for shard in (0, 2):
        attempt(survey, predictor, shard)
    for _ in range(3):
        note_failure(survey, 1, "its worker died by signal 9")
    found = verbs.run_all(survey.folder)
    assert found.set_aside == {1: "its worker died by signal 9"}
    assert found.done_rows == 13
    assert verbs.finish(survey.folder).to_json()["set_aside"] != {}
    assert manifest(survey)["complete"] is False
    assert manifest(survey)["set_aside"] == {"1": "its worker died by signal 9"}
    assert verbs.run_all(survey.folder, retry=True, workers=1).done_rows == 23
    assert verbs.finish(survey.folder).set_aside == {}
    assert manifest(survey)["complete"] is True


def test_images_that_cannot_be_reached_fail_the_shard_and_never_a_row(model, tmp_path, monkeypatch):
    from hubblefork.core import tries

    monkeypatch.setattr(tries, "WAITS", (0, 0))
    pd.DataFrame({"id": ["a"], "image": ["http://127.0.0.1:9/a.png"]}).to_csv(tmp_path / "sky.csv")
    survey = Survey.open(verbs.plan(model, tmp_path / "sky.csv", out=tmp_path / "survey"))
    told = attempt(survey, load(survey, "cpu"), 0)
    assert "http://127.0.0.1:9/a.png" in told["failed"]
    assert find_done(survey, 0) is None


@pytest.mark.parametrize("number", [1, 2, 5, 30])
def test_parts_have_every_shard_once(survey, number):
    parts = [verbs._part(survey, f"{each}/{number}") for each in range(1, number + 1)]
    assert sorted(shard for part in parts for shard in part) == list(survey.plan.shards)
    for wrong in ("0/3", "4/3", "1", "a/b"):
        with pytest.raises(RequestError, match="expected i/n"):
            verbs._part(survey, wrong)


def test_predict_with_a_folder_goes_on_where_it_was_cut_off(model, sky, tmp_path):
    folder = tmp_path / "survey"
    survey = Survey.open(verbs.plan(model, sky / "sky.csv", out=folder, shard_rows=10))
    attempt(survey, load(survey, "cpu"), 1)
    before = survey.shard_path(1).stat().st_mtime_ns
    unread = verbs.predict_whole(model, sky / "sky.csv", out=folder)
    assert unread["id"].tolist() == [str(2**60 + 5), str(2**60 + 7)]
    assert verbs.status(folder).finished
    assert survey.shard_path(1).stat().st_mtime_ns == before
    other = tmp_path / "other.csv"
    other.write_text((sky / "sky.csv").read_text().replace("11.0", "12.0"))
    with pytest.raises(RequestError, match="a survey with another catalogue"):
        verbs.predict_whole(model, other, out=folder)
    with pytest.raises(RequestError, match="another crop"):
        verbs.predict_whole(model, sky / "sky.csv", out=folder, crop=8)


def test_repeated_ids_are_refused_and_nothing_is_left(model, tmp_path):
    Image.new("RGB", (16, 16)).save(tmp_path / "a.png")
    table = pd.DataFrame({"id": ["x", "y", "x", "y"], "image": ["a.png"] * 4})
    table.to_csv(tmp_path / "sky.csv", index=False)
    with pytest.raises(RequestError, match="2 rows have the id of an earlier one: x, y"):
        verbs.plan(model, tmp_path / "sky.csv", out=tmp_path / "survey", shard_rows=3)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.png", "sky.csv"]


def test_images_in_memory_are_no_survey(model, tmp_path):
    with pytest.raises(RequestError, match="cannot be planned"):
        verbs.plan(model, np.zeros((2, 16, 16, 3), np.uint8), out=tmp_path / "survey")


def test_the_status_is_one_line_of_json(survey, capsys):
    from typer.testing import CliRunner

    from hubblefork.cli.survey import app

    printed = CliRunner().invoke(app, ["status", str(survey.folder), "--json"]).stdout
    assert json.loads(printed)["shards"] == 3


def test_after_the_last_shard_it_is_said_what_is_next(survey):
    from typer.testing import CliRunner

    from hubblefork.cli.survey import app

    predictor = load(survey, "cpu")
    for shard in survey.plan.shards:
        attempt(survey, predictor, shard)
    told = CliRunner().invoke(app, ["run", str(survey.folder)])
    assert f"hubblefork survey finish {survey.folder} checks" in told.stderr
    verbs.finish(survey.folder)
    assert "survey finish" not in CliRunner().invoke(app, ["run", str(survey.folder)]).stderr


def test_the_survey_is_no_longer_finished_when_a_shard_is_gone_or_damaged(survey):
    predictor = load(survey, "cpu")
    for shard in survey.plan.shards:
        attempt(survey, predictor, shard)
    (survey.folder / "shards" / f"{_beginning()}left.tmp").touch()  # by a command that was killed
    assert verbs.finish(survey.folder).finished
    assert len(list((survey.folder / "shards").iterdir())) == 3
    path = survey.shard_path(1)
    content = path.read_bytes()
    path.unlink()
    assert not verbs.status(survey.folder).finished
    path.write_bytes(content)
    assert verbs.status(survey.folder).finished
    damaged = bytearray(content)
    damaged[40] ^= 1  # within the first column, which can be read all the same
    path.write_bytes(damaged)
    with pytest.raises(RequestError, match=r"is damaged .*; remove it, and run again"):
        verbs.finish(survey.folder)


def test_when_shards_fail_one_after_another_the_run_ends_and_sets_none_aside(model, sky, tmp_path):
    folder = verbs.plan(model, sky / "sky.csv", out=tmp_path / "survey", shard_rows=4)
    survey = Survey.open(folder)
    todo = Todo(survey, survey.plan.shards)
    for shard in (0, 1, 2, 3):
        todo.settle(shard, {"failed": "no network"})
    todo.settle(5, {"done": 3, "unreadable": 0})
    for shard in (0, 1, 2, 3):
        todo.settle(shard, {"failed": "no network"})
    with pytest.raises(TransientFailure, match=r"5 shards in a row have failed, .* by signal 9"):
        todo.settle(4, {"died": "by signal 9"})
    assert todo.set_aside == []
    assert {shard: len(each) for shard, each in failures(survey).items()} == dict.fromkeys(
        range(4), 2
    )


def test_workers_that_somebody_stops_are_no_failures_of_their_shard(survey):
    todo = Todo(survey, survey.plan.shards)
    shard = todo.next()
    for _ in range(100):
        todo.settle(shard, {"died": "by signal 15"})
        assert todo.next() == shard
    assert failures(survey) == {}
    todo.settle(shard, {"died": "by signal 15"})
    assert failures(survey) == {shard: ["its worker died by signal 15"]}


def test_notes_of_failures_are_counted_also_where_one_is_damaged(survey):
    note_failure(survey, 1, "first")
    (survey.folder / "failures" / "00001-0-cut.json").write_text('{"reas')
    assert note_failure(survey, 1, "last") == 3
    assert verbs.status(survey.folder).set_aside == {1: "last"}
    forget_failures(survey, [0, 2])
    assert Todo(survey, survey.plan.shards).set_aside == [1]
    forget_failures(survey, [1])
    assert Todo(survey, survey.plan.shards).set_aside == []
