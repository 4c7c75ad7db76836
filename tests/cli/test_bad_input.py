"""Mistakes on the command line: one clear line, exit status 2, nothing written."""

import shutil
from pathlib import Path

import pytest

from hubblefork.cli import main

QUICK = ["--recipe", "lenet5", "--size", "24", "--set", "epochs=2"]


def _bad(path: Path, content: bytes = b"") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _one_class(folder: Path, shapes: Path) -> Path:
    shutil.copytree(shapes / "bar", folder / "bar")
    return folder


def _few(folder: Path, shapes: Path) -> Path:
    shutil.copytree(shapes, folder)
    for path in sorted((folder / "bar").iterdir())[2:]:
        path.unlink()
    return folder


def _catalogue(path: Path, text: str) -> Path:
    return _bad(path, text.encode())


def _broken(folder: Path) -> Path:
    for name in ("a/1.png", "b/1.jpg"):
        _bad(folder / name, b"not an image")
    return folder


SOURCES = {
    "no such path": (lambda d, s: d / "nowhere" / "at all", "no such"),
    "empty folder": (lambda d, s: (d / "empty").mkdir() or d / "empty", "no images"),
    "one class": (lambda d, s: _one_class(d / "one", s), "one class"),
    "too few of a class": (lambda d, s: _few(d / "few", s), "'bar' has 2 images"),
    "no columns": (lambda d, s: _catalogue(d / "c.csv", "a,b\n1,2\n"), "id, image and label"),
    "label missing": (
        lambda d, s: _catalogue(d / "c.csv", f"id,image,label\n1,{s}/bar/bar 0.png,\n"),
        "have no label",
    ),
    "files missing": (
        lambda d, s: _catalogue(d / "c.csv", "id,image,label\n1,x.png,a\n2,y.png,b\n"),
        "2 of 2 files are not there: x.png, y.png",
    ),
    "nothing readable": (lambda d, s: _broken(d / "broken"), "not a JPEG, PNG, WebP, TIFF or FITS"),
    "misspelt name": (lambda d, s: "simulatd", "did you mean 'simulated'"),
}


@pytest.mark.parametrize("case", SOURCES)
def test_a_source_that_cannot_be_used_is_one_line_and_nothing_is_written(
    hubblefork, shapes, tmp_path, case
):
    make, message = SOURCES[case]
    source = make(tmp_path, shapes)
    status, out, err = hubblefork("train", source, *QUICK, "--out", tmp_path / "run")
    assert status == 2
    assert message in err.splitlines()[-1]
    assert "Traceback" not in err
    assert out == ""
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--recipe", "lenet"], "did you mean 'lenet5'"),
        (["--set", "epochs=-1"], "expected at least 1, not -1"),
        (["--set", "epoch=3"], "did you mean 'epochs'"),
        (["--set", "epochs"], "key=value"),
        (["--set", "network.name=lenet"], "did you mean 'lenet5'"),
        (["--network", "lenet"], "did you mean 'lenet5'"),
        (["--size", "8"], "at least 16x16"),
        (["--size", "0"], "data.size"),
        (["--crop", "999999"], "crop"),
        (["--device", "gpu"], "did you mean 'cpu'"),
        (["--precision", "fp16"], "did you mean 'bf16'"),
        (["--set", "group=species"], "no column 'species'"),
        (["--set", "head=tree"], "the head 'tree' does not fit these labels, which are classes"),
        (["--set", "head=tee"], "'tree'"),
        (["--set", "loss=rmse"], "the loss 'rmse' does not fit these labels, which are classes"),
    ],
)
def test_a_wrong_setting_is_one_line_and_nothing_is_written(
    hubblefork, shapes, tmp_path, words, message
):
    start = ["train", shapes, "--recipe", "lenet5", "--size", "24"]
    status, out, err = hubblefork(*start, "--out", tmp_path / "run", *words)
    assert status == 2
    assert message in err.splitlines()[-1]
    assert "Traceback" not in err
    assert out == ""
    assert not (tmp_path / "run").exists()


def test_a_run_folder_that_exists_is_left_alone(hubblefork, trained, shapes):
    before = {path: path.stat().st_mtime_ns for path in trained.rglob("*")}
    status, _, err = hubblefork("train", shapes, *QUICK, "--out", trained)
    assert status == 2
    assert "exists already" in err
    assert {path: path.stat().st_mtime_ns for path in trained.rglob("*")} == before


def test_going_on_with_other_settings_is_refused_and_a_finished_run_is_left(
    hubblefork, trained, shapes
):
    status, _, err = hubblefork("train", shapes, *QUICK, "--resume", "--out", trained, "--seed", 5)
    assert status == 2
    assert "seed was 0, is 5" in err
    status, _, err = hubblefork("train", shapes, *QUICK, "--resume", "--out", trained)
    assert status == 0
    assert "had ended already" in err


def test_a_run_without_a_model_cannot_predict(hubblefork, trained, shapes, tmp_path):
    shutil.copy(trained / "recipe.toml", _bad(tmp_path / "run" / "recipe.toml"))
    status, _, err = hubblefork("predict", tmp_path / "run", shapes, "--out", tmp_path / "o.csv")
    assert status == 2
    assert "has no model.safetensors" in err
    assert not (tmp_path / "o.csv").exists()


@pytest.mark.parametrize(
    ("images", "out", "message"),
    [
        ("nowhere.png", "o.csv", "nowhere.png: no such file or directory"),
        (None, "o.txt", ".csv, .tsv, .parquet, .fits, .vot, .ecsv"),
        ("junk.png", "o.csv", "no image of 1 could be read"),
    ],
)
def test_a_wrong_prediction_is_one_line_and_nothing_is_written(
    hubblefork, trained, shapes, tmp_path, monkeypatch, images, out, message
):
    monkeypatch.chdir(tmp_path)
    _bad(tmp_path / "junk.png", b"junk")
    status, _, err = hubblefork("predict", trained, images or shapes, "--out", out)
    assert status == 2
    assert message in err.splitlines()[-1]
    assert [path.name for path in tmp_path.iterdir()] == ["junk.png"]


def test_a_network_that_does_not_fit_is_found_before_images_are_read(
    hubblefork, shapes, tmp_path, monkeypatch
):
    monkeypatch.setenv("HUBBLEFORK_CACHE", str(tmp_path / "cache"))
    for words in (["--set", "network.name=lenet"], ["--set", "view.size=8"]):
        assert hubblefork("train", shapes, *QUICK, *words, "--out", tmp_path / "run")[0] == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verb", ["train", "evaluate", "predict"])
def test_a_place_that_cannot_be_written_is_one_line(hubblefork, trained, shapes, tmp_path, verb):
    blocked = _bad(tmp_path / "file") / "out.csv"  # a file stands where a folder is needed
    words = {
        "train": ["train", shapes, *QUICK],
        "evaluate": ["evaluate", trained],
        "predict": ["predict", trained, shapes],
    }
    status, out, err = hubblefork(*words[verb], "--out", blocked)
    assert status == 2
    assert str(tmp_path / "file") in err.splitlines()[-1]
    assert "Traceback" not in err
    assert out == ""


def test_a_recipe_that_is_no_text_is_refused(hubblefork, shapes, tmp_path):
    recipe = _bad(tmp_path / "mine.toml", b"\xff\xfe\x00name")
    status, _, err = hubblefork("train", shapes, "--recipe", recipe, "--out", tmp_path / "run")
    assert status == 2
    assert "not valid TOML" in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["list", "nothing"], "Invalid value for 'KIND': 'nothing' is not one of 'sources', "),
        (["train", "simulated", "--devices", "0"], "'--devices': expected at least 1, not '0'"),
        (["train", "simulated", "--size", "3.5"], "'--size': expected a whole number, not '3.5'"),
        (["serve", "simulated", "--port", "70000"], "expected at most 65535, not '70000'"),
        (["predict", "a", "b", "--coverage", "much"], "expected a number, not 'much'"),
        (["train", "simulated", "--out"], "--out' requires an argument"),
        (
            ["train", "simulated", "--set", "epochs=many"],
            "training.epochs: expected a whole number",
        ),
        (
            ["train", "simulated", "--set", "epochs=0"],
            "training.epochs: expected at least 1, not 0",
        ),
        (["inspect", ""], "source is ''; expected a directory, a file or a name"),
        (["predict", "galaxy-five", ""], "source is ''; expected a directory, a file or a name"),
    ],
)
def test_values_are_refused_in_our_words(words, told, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["hubblefork", *words])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    *before, line = capsys.readouterr().err.splitlines()
    assert told in line
    assert before in ([], ["predicting  by galaxy-five"])
    assert "error" not in line.lower()
    assert "input should" not in line.lower()
