"""Published systems trained as published, on one page, and continued where they were cut off."""

import re

import pytest

from hubblefork.core.errors import RequestError
from hubblefork.data.sources import open_source
from hubblefork.recipes.recipe import load_recipe
from hubblefork.runs.run import Run
from hubblefork.workflow.reproduce import _fitting, _source, reproduce

SMALL = {"epochs": 2, "data.size": 24}


class Killed(BaseException):
    """Stands for a kill: nothing after it is run."""


def test_one_page_has_all_runs_of_the_folder(shapes, tmp_path, without_reports, monkeypatch):
    def killed(run, rows):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Run, "save_history", killed)
        with pytest.raises(Killed):
            reproduce("mlp", shapes, out=tmp_path, settings=SMALL)
    page = reproduce("lenet5", shapes, out=tmp_path, settings=SMALL).page
    missing = 'Not shown: <code class="word">mlp-shapes</code>, its training has not ended.'
    assert missing in page.read_text()
    [run] = reproduce("mlp", shapes, out=tmp_path, settings=SMALL).runs
    assert run.finished
    text = page.read_text()
    assert "Not shown" not in text
    rows = re.findall(r'<th scope="row">(\w+) ', text)
    assert rows[:2] == ["mlp", "lenet5"]
    metric = 100 * run.history["accuracy"].iloc[-1]
    assert f"{metric:.1f}\u00a0%" in text
    assert 'href="mlp-shapes/report.html"' in text
    with pytest.raises(RequestError, match="epochs was 2, is 1"):
        reproduce("mlp", shapes, out=tmp_path, settings={**SMALL, "epochs": 1})


def test_the_page_shows_what_the_publication_shows(tmp_path, shapes, with_reports):
    small = {"epochs": 1, "data.size": 24}
    found = reproduce("lenet5", shapes, out=tmp_path, settings=small)
    text = found.page.read_text()
    titles = (
        "Examples of each class", "Class distribution", "Correct and wrong predictions",
        "Class by class", "Confusion matrix", "Training",
    )  # fmt: skip
    places = [text.index(f"<h3>{title}</h3>") for title in titles]
    assert places == sorted(places)


def test_of_all_one_that_cannot_be_trained_keeps_no_other_from_it(
    shapes, tmp_path, without_reports
):
    small = {"epochs": 1, "data.size": 14, "view.size": 14}  # too small for most networks
    with pytest.raises(RequestError, match="not trained: lenet5-shapes, galaxy-zoo-vgg16-"):
        reproduce("all", shapes, out=tmp_path, settings=small)
    text = (tmp_path / "reproduction.html").read_text()
    trained = re.findall(r'<th scope="row">(?:<span class="word">)?([a-z-]+)', text)
    assert trained[:2] == ["mlp", "simple-cnn"]
    assert re.search("Not shown: <.*>linnaeus-shapes</code>, .*36", text)


def test_a_damaged_run_hides_no_other(shapes, tmp_path, without_reports):
    damaged = reproduce("mlp", shapes, out=tmp_path, settings=SMALL).runs[0]
    (damaged.path / "history.csv").write_text("epoch\n")
    text = reproduce("lenet5", shapes, out=tmp_path, settings=SMALL).page.read_text()
    assert re.search("Not shown: <.*>mlp-shapes</code>, .*history.csv is damaged", text)
    assert re.findall(r'<th scope="row">(\w+) ', text)[0] == "lenet5"
    with pytest.raises(RequestError, match="is the folder of one run"):
        reproduce("lenet5", shapes, out=damaged.path, settings=SMALL)


def test_simulated_images_are_not_cropped(shapes):
    assert _fitting({"epochs": 1}, open_source("simulated:votes:9")) == {
        "data.crop": None,
        "epochs": 1,
    }
    assert _fitting({"epochs": 1}, open_source(shapes)) == {"epochs": 1}


def test_systems_that_need_other_labels_get_them(shapes, capfd):
    used, opened = _source(load_recipe("dieleman"), shapes, one_of_all=True)
    assert used == "simulated:votes"
    assert "simulated:votes takes the place of the Kaggle" in capfd.readouterr().err
    assert opened.task.outputs == 37
    assert _source(load_recipe("dieleman"), "simulated:90", True)[1].name == "simulated:votes:90"
    with pytest.raises(RequestError, match="has classes, and 'dieleman' was published with"):
        _source(load_recipe("dieleman"), shapes, one_of_all=False)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("lenet", None, "did you mean 'lenet5'"),
        ("default", None, "no published system is called 'default'"),
        ("linnaeus", None, "cannot download: give them as SOURCE"),
        ("mlp", {"network.name": "lenet5"}, "leave network.name out"),
        ("mlp", {"epoch": 1}, "epochs"),
    ],
)
def test_a_mistake_is_told_before_anything_is_written(name, settings, message, tmp_path):
    with pytest.raises(RequestError, match=message):
        reproduce(name, out=tmp_path / "runs", settings=settings)
    assert not (tmp_path / "runs").exists()
