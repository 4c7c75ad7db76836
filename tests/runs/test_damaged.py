"""Damaged files of a run: one line that names the file and the way on, whoever reads it."""

import json
import shutil

import pytest

from hubblefork import compare, evaluate, explain, train
from hubblefork.core.errors import RequestError
from hubblefork.runs.run import Run

pytestmark = pytest.mark.usefixtures("without_reports")

ATTRIBUTES = {
    "recipe.toml": lambda run: run.recipe,
    "provenance.json": lambda run: run.provenance,
    "split.csv": lambda run: run.split,
    "history.csv": lambda run: run.history,
    "metrics.json": lambda run: run.metrics,
    "predictions.csv": lambda run: run.predictions,
    "checkpoints/last.ckpt": lambda run: run.checkpoint("last"),
    "checkpoints/best.ckpt": lambda run: run.checkpoint("best"),
}
WAYS = ("start again with another --out", "train --resume writes it again", "from the first epoch")


@pytest.fixture
def run(example_run, tmp_path):
    return Run(shutil.copytree(example_run.path, tmp_path / "run"))


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_every_file_is_read_only_when_whole(run, name):
    path = run.path / name
    whole = path.read_bytes()
    ATTRIBUTES[name](run)
    middle = len(whole) // 2
    for content in (
        b"",
        whole[:middle],
        b"\0" * 300,
        whole[:middle] + bytes(255 - each for each in whole[middle : middle + 8])
        + whole[middle + 8 :],
        b"[1, 2]",
        b"a,b\n1,2\n",
        None,
    ):  # fmt: skip
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(RequestError, match=r"damaged|lost") as told:
            ATTRIBUTES[name](run)
        assert str(path) in str(told.value) or f"{run.path} has lost its {name}" in str(told.value)
        assert any(way in str(told.value) for way in WAYS)
        assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("provenance.json", "seed", "0"),
        ("provenance.json", "threads", None),
        ("provenance.json", "versions", [1]),
        ("provenance.json", "dataset", 5),
        ("metrics.json", "n", "many"),
        ("metrics.json", "intervals", {"accuracy": 1}),
        ("metrics.json", "task", 3),
    ],
)
def test_values_of_the_wrong_type_are_damage(run, name, key, value):
    content = json.loads((run.path / name).read_text())
    (run.path / name).write_text(json.dumps(content | {key: value}))
    with pytest.raises(RequestError, match=f"{name} is damaged"):
        ATTRIBUTES[name](run)


def test_every_verb_says_which_file_is_damaged(run, shapes, tmp_path):
    other = shutil.copytree(run.path, tmp_path / "other")
    settings = {"epochs": 1, "data.size": 24}
    verbs = {
        "history.csv": lambda: evaluate(run, shapes, out=tmp_path / "out"),
        "split.csv": lambda: explain(run, out=tmp_path / "out"),
        "predictions.csv": lambda: compare([run, other], out=tmp_path / "page.html"),
        "metrics.json": lambda: compare([other, run], out=tmp_path / "page.html"),
        "provenance.json": lambda: evaluate(run, out=tmp_path / "out"),
        "recipe.toml": lambda: train(shapes, out=run.path, resume=True, settings=settings),
    }
    for name, verb in verbs.items():
        whole = (run.path / name).read_bytes()
        (run.path / name).write_bytes(whole[: len(whole) // 3])
        with pytest.raises(RequestError, match=f"run/{name} is damaged"):
            verb()
        (run.path / name).write_bytes(whole)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "run"]


def test_a_run_that_was_moved_with_its_images_finds_them(tmp_path, shapes, monkeypatch):
    monkeypatch.setenv("HUBBLEFORK_CACHE", str(tmp_path / "cache"))
    shutil.copytree(shapes, tmp_path / "old" / "data" / "shapes")
    monkeypatch.chdir(tmp_path / "old")
    settings = {"epochs": 1, "data.size": 24}
    before = train("data/shapes", "mlp", settings=settings, out="runs/run").metrics
    monkeypatch.chdir(tmp_path)
    shutil.move("old", "new")
    shutil.rmtree("cache")
    run = Run.open("new/runs/run")
    assert evaluate(run, out="again").metrics["accuracy"] == before["accuracy"]
    shutil.rmtree("cache")
    shutil.move("new/data", "elsewhere")
    with pytest.raises(RequestError, match=r"no longer at .*/old/data/shapes.*beside the run"):
        evaluate(run, out="third")


def test_the_way_on_is_one(run, shapes):
    """What the messages advise gives the damaged files again."""
    again = {"out": run.path, "resume": True}
    before = run.metrics
    (run.path / "metrics.json").write_text("{")
    (run.path / "predictions.csv").unlink()
    run.report.unlink()
    assert train(shapes, **again).metrics == before
    run.report.unlink()
    run.model.unlink()
    (run.checkpoints / "last.ckpt").write_bytes(b"half")
    with pytest.raises(RequestError, match=r"last\.ckpt is damaged .* from the first epoch"):
        train(shapes, **again)
    shutil.rmtree(run.checkpoints)
    assert train(shapes, **again).metrics == before
