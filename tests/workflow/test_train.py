"""Whole trainings: where they are written, what they go on from, and what stops them."""

import re
import shutil
from pathlib import Path

import pytest
import torch

from hubblefork.core.errors import RequestError
from hubblefork.runs.run import Run
from hubblefork.workflow.train import train

pytestmark = pytest.mark.usefixtures("without_reports")

QUICK = {"data.size": 24, "epochs": 3}


class Killed(BaseException):
    """Stands for a kill: nothing after it is run."""


@pytest.fixture
def unfinished(shapes, tmp_path, monkeypatch) -> Run:
    """A run below runs/ that was killed in its third epoch."""
    monkeypatch.chdir(tmp_path)
    save = Run.save_history

    def killed(run, rows):
        if len(rows) == 3:
            raise Killed
        save(run, rows)

    with monkeypatch.context() as patch:
        patch.setattr(Run, "save_history", killed)
        with pytest.raises(Killed):
            train(shapes, "lenet5", settings=QUICK)
    return Run(next(Path("runs").glob("*/*")))


def test_a_run_is_named_by_date_recipe_dataset_and_time(unfinished):
    assert re.fullmatch(r"runs/\d{4}-\d\d-\d\d/lenet5-shapes-\d{6}", str(unfinished.path))
    assert not unfinished.finished
    assert not unfinished.model.exists()


def test_resuming_finds_the_unfinished_run_and_its_recipe(unfinished, shapes, tmp_path):
    leftover = unfinished.checkpoints / ".last.ckpt.x1y2"
    leftover.write_bytes(b"half")
    resumed = train(shapes, resume=True)
    assert resumed.path == unfinished.path
    assert not leftover.exists()
    whole = train(shapes, "lenet5", settings=QUICK, out=tmp_path / "whole")
    assert resumed.finished
    for name in ("model.safetensors", "predictions.csv", "metrics.json", "split.csv"):
        assert (resumed.path / name).read_bytes() == (whole.path / name).read_bytes(), name
    with pytest.raises(RequestError, match="no unfinished run"):
        train(shapes, resume=True)


def test_a_run_keeps_the_number_of_epochs_that_its_minutes_held(shapes, tmp_path, capfd):
    settings = {**QUICK, "minutes": 1e-9}
    run = train(shapes, "lenet5", settings=settings, out=tmp_path / "run")
    assert len(run.history) == run.recipe.training.epochs == 1
    assert run.recipe.training.minutes is None
    assert "1 of 3 epochs" in capfd.readouterr().err
    train(shapes, "lenet5", settings=settings, out=tmp_path / "run", resume=True)
    assert "had ended already" in capfd.readouterr().err
    with pytest.raises(RequestError, match="epochs was 1, is 3"):
        train(shapes, "lenet5", settings=QUICK, out=tmp_path / "run", resume=True)


def test_a_run_goes_on_in_the_numbers_that_it_began_with(shapes, tmp_path, monkeypatch, capfd):
    settings, out = {**QUICK, "epochs": 1}, tmp_path / "run"
    train(shapes, "lenet5", settings=settings, out=out, precision="bf16")
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    train(shapes, "lenet5", settings=settings, out=out, resume=True)
    assert "had ended already" in capfd.readouterr().err
    with pytest.raises(RequestError, match="precision was bf16, is fp32"):
        train(shapes, "lenet5", settings=settings, out=out, resume=True, precision="fp32")


def test_a_run_goes_on_from_any_of_its_later_steps(shapes, tmp_path):
    whole = train(shapes, "lenet5", settings=QUICK, out=tmp_path / "run")
    before = {path: path.read_bytes() for path in whole.path.glob("*.*")}
    for lost in (["report.html"], ["report.html", "metrics.json", "predictions.csv"]):
        for name in lost:
            (whole.path / name).unlink()
        train(shapes, resume=True, out=whole.path)
        for name in ("metrics.json", "predictions.csv", "model.safetensors"):
            assert (whole.path / name).read_bytes() == before[whole.path / name]
        assert whole.finished


def test_going_on_with_other_images_is_refused(unfinished, shapes, tmp_path):
    shutil.copytree(shapes, tmp_path / "changed")
    next((tmp_path / "changed" / "bar").iterdir()).unlink()
    with pytest.raises(RequestError, match=r"images or labels of .*changed, or"):
        train(tmp_path / "changed", resume=True, out=unfinished.path)


def test_a_folder_that_is_no_run_is_not_gone_on_with(shapes, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(RequestError, match=r"no recipe\.toml"):
        train(shapes, resume=True, out=tmp_path)


def test_the_recipe_of_a_run_repeats_it(shapes, tmp_path):
    first = train(shapes, "lenet5", settings=QUICK, out=tmp_path / "first")
    again = train(shapes, first.path / "recipe.toml", out=tmp_path / "again")
    assert first.model.read_bytes() == again.model.read_bytes()


def test_the_seed_of_a_training_decides_split_and_weights(shapes, tmp_path):
    runs = [train(shapes, "mlp", settings=QUICK, seed=s, out=tmp_path / str(s)) for s in (0, 1)]
    assert runs[0].split.sha256 != runs[1].split.sha256
    assert runs[0].model.read_bytes() != runs[1].model.read_bytes()


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({"settings": QUICK | {"split.test": 0}}, "there are no test images"),
        ({"settings": QUICK, "seed": 2**32}, "seed is 4294967296; expected a whole number from 0"),
        ({"settings": QUICK, "seed": -1}, "seed is -1"),
    ],
)
def test_what_cannot_end_is_refused_before_it_begins(shapes, tmp_path, asked, complaint):
    with pytest.raises(RequestError, match=complaint):
        train(shapes, "lenet5", out=tmp_path / "run", **asked)
    assert not list(tmp_path.iterdir())
