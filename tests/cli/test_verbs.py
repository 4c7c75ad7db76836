"""The command line, as a user types it: what is written and what is said."""

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from threading import Thread

import numpy as np
import pandas as pd
import pytest
import requests
from PIL import Image

from hubblefork.__main__ import main
from tests.forks import Fork

pytestmark = pytest.mark.usefixtures("without_reports")

QUICK = ["--recipe", "lenet5", "--size", "24", "--set", "epochs=2"]


def test_a_run_holds_all_its_files(trained):
    names = {path.name for path in trained.iterdir()}
    assert names == {
        "recipe.toml", "provenance.json", "split.csv", "learnt.parquet", "history.csv",
        "model.safetensors", "predictions.csv", "metrics.json", "figures", "report.html",
        "checkpoints",
    }  # fmt: skip
    metrics = json.loads((trained / "metrics.json").read_text())
    assert metrics["classes"] == ["bar", "disc"]
    predictions = pd.read_csv(trained / "predictions.csv")
    assert list(predictions) == ["id", "image", "true", "predicted", "bar", "disc"]
    assert len(predictions) == metrics["n"] == 16
    assert (predictions["true"] == predictions["predicted"]).mean() == metrics["accuracy"]
    split = pd.read_csv(trained / "split.csv", comment="#").set_index("id")["subset"]
    assert set(split[predictions["id"]]) == {"test"}
    assert len(pd.read_csv(trained / "history.csv")) == 2


def test_the_report_needs_nothing_but_itself(trained):
    page = (trained / "report.html").read_text()
    assert "data:image/" in page
    for word in ('src="http', "<link", "url(http", "<script src", "@import"):
        assert word not in page


def test_prediction_sees_an_image_as_the_evaluation_did(hubblefork, trained, shapes, tmp_path):
    status, out, _ = hubblefork("predict", trained, shapes, "--out", tmp_path / "all.csv")
    assert status == 0
    assert out.splitlines()[-1] == str(tmp_path / "all.csv")
    table = pd.read_csv(tmp_path / "all.csv", keep_default_na=False)
    assert list(table) == ["id", "predicted", "bar", "disc", "typicality", "problem"]
    assert len(table) == 80
    table.index = [str(Path(each).relative_to(shapes).with_suffix("")) for each in table["id"]]
    measured = pd.read_csv(trained / "predictions.csv").set_index("id")
    for name in ("bar", "disc"):
        np.testing.assert_allclose(table.loc[measured.index, name], measured[name], atol=1e-5)


def test_unreadable_images_are_listed_and_the_rest_are_done(hubblefork, trained, shapes, tmp_path):
    good = next(shapes.glob("bar/*.png"))
    folder = tmp_path / "images"
    folder.mkdir()
    shutil.copy(good, folder / "good.png")
    (folder / "cut.png").write_bytes(good.read_bytes()[:300])
    (folder / "notes.txt").write_text("no image")
    model = trained / "model.safetensors"
    for name in ("out.csv", "out.parquet"):
        status, _, err = hubblefork("predict", model, folder, "--out", tmp_path / name)
        assert status == 0
        assert "cut.png" in err
        assert "notes.txt" in err
        table = (
            pd.read_csv(tmp_path / name) if name == "out.csv" else pd.read_parquet(tmp_path / name)
        )
        table = table.set_index(table["id"].map(lambda path: Path(path).name))
        assert table.loc["good.png", "predicted"] in ("bar", "disc")
        assert table.loc["cut.png", "problem"]
        assert np.isnan(table.loc["cut.png", "bar"])


def test_evaluating_a_run_again_gives_the_same_metrics(hubblefork, trained, tmp_path):
    status, out, _ = hubblefork("evaluate", trained, "--out", tmp_path / "again")
    assert status == 0
    assert out.splitlines()[-1] == str(tmp_path / "again")
    before = json.loads((trained / "metrics.json").read_text())
    again = json.loads((tmp_path / "again" / "metrics.json").read_text())
    assert before.items() <= again.items()
    assert (tmp_path / "again" / "report.html").is_file()


def test_another_source_can_be_evaluated_by_a_model_file(hubblefork, trained, shapes, tmp_path):
    only_bars = tmp_path / "others"
    for name in ("disc", "bar"):
        (only_bars / name).mkdir(parents=True)
        for path in sorted((shapes / name).iterdir())[:5]:
            shutil.copy(path, only_bars / name)
    model = trained / "model.safetensors"
    status, _, err = hubblefork("evaluate", model, only_bars, "--out", tmp_path / "there")
    assert status == 0, err
    assert json.loads((tmp_path / "there" / "metrics.json").read_text())["n"] == 10


def test_the_lists_name_what_there_is(hubblefork):
    assert "lenet5" in hubblefork("list", "recipes")[1]
    assert "compact-resnet" in hubblefork("list", "networks")[1]
    assert "simulated" in hubblefork("list", "sources")[1]
    assert "training.epochs" in hubblefork("list", "settings")[1]
    assert "galaxy-zoo-decals-5" in hubblefork("list", "trees")[1]


def test_a_second_run_uses_the_packed_images_of_the_first(
    hubblefork, shapes, tmp_path, monkeypatch
):
    shutil.copytree(shapes, tmp_path / "shapes")
    words = ["train", tmp_path / "shapes", *QUICK, "--set", "epochs=1"]
    assert hubblefork(*words, "--out", tmp_path / "one")[0] == 0
    # Whatever opens an image from here on fails.
    monkeypatch.setattr("hubblefork.data.packing.read_blocks", None)
    monkeypatch.setattr("hubblefork.data.sources.base.ImageFiles.content", None)
    assert hubblefork(*words, "--out", tmp_path / "two")[0] == 0


def test_an_image_of_400_megapixels_is_left_out_and_counted(hubblefork, shapes, tmp_path):
    shutil.copytree(shapes, tmp_path / "shapes")
    vast = tmp_path / "shapes" / "bar" / "vast.tif"
    Image.new("1", (20_000, 20_000)).save(vast, compression="group4")
    words = ["train", tmp_path / "shapes", *QUICK, "--set", "epochs=1", "--out", tmp_path / "run"]
    status, _, err = hubblefork(*words)
    assert status == 0
    assert "left out 1 of 81" in err
    assert "20000x20000" in err


def test_classes_named_like_columns_keep_their_names(hubblefork, shapes, tmp_path):
    for old, new in (("bar", "true"), ("disc", "id")):
        shutil.copytree(shapes / old, tmp_path / "odd" / new)
    status, _, err = hubblefork("train", tmp_path / "odd", *QUICK, "--out", tmp_path / "run")
    assert status == 0, err
    predictions = pd.read_csv(tmp_path / "run" / "predictions.csv")
    assert list(predictions) == ["id", "image", "true", "predicted", "p(id)", "p(true)"]


def test_an_unknown_verb_or_option_ends_with_status_two(hubblefork):
    assert hubblefork("trian")[0] == 2
    assert hubblefork("train")[0] == 2
    assert hubblefork("list", "colours")[0] == 2


@pytest.mark.parametrize(
    ("number", "status", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_a_signal_ends_with_one_line_that_says_how_to_continue(
    number, status, word, monkeypatch, capfd, shapes, tmp_path
):
    """In this process: what reaches a process of its own is tested in core/test_interruption.py."""
    run = tmp_path / "run"
    own = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    words = ["train", shapes, *QUICK, "--set", "epochs=100000", "--out", run]
    monkeypatch.setattr(sys, "argv", ["hubblefork", *map(str, words)])
    for each in own:
        signal.signal(each, signal.default_int_handler)

    def after_an_epoch():
        while not (run / "history.csv").is_file():
            time.sleep(0.02)
        os.kill(os.getpid(), number)

    try:
        Thread(target=after_an_epoch, daemon=True).start()
        with pytest.raises(SystemExit) as end:
            main()
    finally:
        for each, handler in own.items():
            signal.signal(each, handler)
    assert end.value.code == status
    told = capfd.readouterr().err.splitlines()[-1]
    assert told == f"hubblefork: {word}; --resume continues the training"


def test_a_run_is_served_with_the_predictions_of_the_command_line(trained, tmp_path, monkeypatch):
    pytest.importorskip("starlette")
    words = ["serve", trained, "--labels", tmp_path / "labels.jsonl", "--rater", "ann"]
    monkeypatch.setattr(sys, "argv", ["hubblefork", *map(str, words)])
    server = Fork(main)
    try:
        link = server.stdout.readline().strip()
        url = link.partition("/?")[0]
        with requests.Session() as session:
            session.get(link).raise_for_status()
            session.headers.update({"Origin": url, "X-Hubblefork": "1"})
            rows = session.get(f"{url}/api/rows").json()["rows"]
            assert len(rows) == 80
            asked = {"rater": "ann", "rows": rows}
            told = session.post(f"{url}/api/shown", json=asked).json()["tiles"]
            ids = session.get(f"{url}/api/tiles?rows={','.join(map(str, rows))}").json()["tiles"]
    finally:
        server.process.terminate()
        status, _, said = server.ended()
    assert status == 143, said
    served = {each["id"]: tile["probability"] for each, tile in zip(ids, told, strict=True)}
    measured = pd.read_csv(trained / "predictions.csv").set_index("id")[["bar", "disc"]].max(axis=1)
    np.testing.assert_allclose([served[each] for each in measured.index], measured, atol=1e-5)


def test_a_model_file_has_no_images_to_serve(hubblefork, trained, tmp_path, monkeypatch):
    pytest.importorskip("starlette")
    monkeypatch.chdir(tmp_path)
    status, _, err = hubblefork("serve", trained / "model.safetensors")
    assert status == 2
    assert err.splitlines()[-1].endswith(
        "is a model file and has no images: name a source after it"
    )
    status, _, err = hubblefork("serve", tmp_path / "nothing")
    assert status == 2
    assert list(tmp_path.iterdir()) == []
