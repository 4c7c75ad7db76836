"""Published systems trained as published, on one page, and continued where they were cut off."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hubblefork.core.errors import RequestError
from hubblefork.data.sources import open_source
from hubblefork.data.sources.several import sources_within
from hubblefork.recipes.recipe import load_recipe, published_recipes
from hubblefork.runs.run import Run
from hubblefork.tasks.votes import Votes
from hubblefork.workflow.reproduce import _fitting, _opened, _source, reproduce

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
    assert "Not trained as published: mlp and lenet5, with another" in text
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


def test_settings_fit_the_source(shapes, tmp_path):
    mlp, linnaeus = (published_recipes()[each] for each in ("mlp", "linnaeus"))
    simulated = _fitting({"epochs": 1}, mlp, open_source("simulated:votes:9"))
    assert simulated == {"data.crop": None, "epochs": 1}
    assert _fitting({"epochs": 1}, linnaeus, open_source(shapes)) == {"epochs": 1}
    photographs = open_source(dragonflies(tmp_path / "photographs"))
    by_species = _fitting({"group": "none"}, linnaeus, photographs)
    assert by_species == {"split.group": "species", "group": "none"}
    assert load_recipe("linnaeus", by_species).split.group is None  # what was asked for wins


def test_systems_that_need_other_labels_get_them(shapes, capfd):
    given = _opened(str(shapes), None)
    used, opened = _source(load_recipe("dieleman"), given, one_of_all=True)
    assert used == "simulated:votes"
    assert "simulated:votes takes the place of the Kaggle" in capfd.readouterr().err
    assert opened.task.outputs == 37
    simulated = _opened("simulated:90", None)
    assert _source(load_recipe("dieleman"), simulated, True)[1].name == "simulated:votes:90"
    with pytest.raises(RequestError, match="has classes, and 'dieleman' was published with"):
        _source(load_recipe("dieleman"), given, one_of_all=False)


def test_each_system_gets_the_source_that_is_like_its_publications(shapes, tmp_path):
    photographs, galaxies = dragonflies(tmp_path / "a"), tmp_path / "galaxies"
    shutil.copytree(shapes, galaxies)
    two = _opened([str(photographs), str(galaxies)], None)
    assert _source(load_recipe("linnaeus"), two, True)[0] == str(photographs)
    assert _source(load_recipe("mlp"), two, True)[0] == str(galaxies)
    assert _source(load_recipe("mlp"), two[:1], True)[0] == str(photographs)
    assert _source(load_recipe("linnaeus"), two[1:], True)[0] == str(galaxies)
    larger = [*two, ("simulated:600", open_source("simulated:600"))]
    assert _source(load_recipe("mlp"), larger, True)[0] == "simulated:600"


def test_a_directory_has_several_sources_where_some_have_votes(shapes, tmp_path, capfd):
    shutil.copytree(shapes, tmp_path / "galaxies" / "images")
    dragonflies(tmp_path / "photographs")
    assert sources_within(str(tmp_path)) == []
    votes(tmp_path / "kaggle")
    (tmp_path / "notes").mkdir()
    files = sorted((tmp_path / "galaxies").rglob("*.png"))
    rows = [f"{file.relative_to(tmp_path / 'galaxies')},{file.parent.name}" for file in files]
    catalogue = tmp_path / "galaxies" / "sky.csv"
    catalogue.write_text("\n".join(["image,label", *rows]))
    expected = [catalogue, tmp_path / "kaggle", tmp_path / "photographs"]
    assert sources_within(str(tmp_path)) == [str(each) for each in expected]
    found = _opened(tmp_path, None)
    assert _source(load_recipe("dieleman"), found, False)[0] == str(tmp_path / "kaggle")
    assert _source(load_recipe("mlp"), found, False)[0] == str(catalogue)
    assert f"not used: {tmp_path / 'notes'} holds no images" in capfd.readouterr().err


def votes(folder: Path) -> None:
    """Two galaxies as Kaggle's challenge has them."""
    (folder / "images_training_rev1").mkdir(parents=True)
    names = Votes().names
    rows = [f"GalaxyID,{','.join(names)}"]
    for number in (1, 2):
        file = folder / "images_training_rev1" / f"{number}.jpg"
        Image.new("RGB", (24, 24)).save(file)
        fractions = ("01"[name in ("Class1.3", "Class6.2")] for name in names)
        rows.append(f"{number},{','.join(fractions)}")
    (folder / "training_solutions_rev1.csv").write_text("\n".join(rows))


def dragonflies(folder: Path) -> Path:
    """Photographs of two classes, by species."""
    rng, rows = np.random.default_rng(1), ["file,species"]
    for name in ("dragonfly", "damselfly"):
        (folder / name).mkdir(parents=True)
        for number in range(4):
            file = folder / name / f"{number}.png"
            Image.fromarray(rng.integers(0, 255, (24, 24, 3), np.uint8)).save(file)
            rows.append(f"{name}/{file.name},{name} {number // 2}")
    (folder / "credits.csv").write_text("\n".join(rows))
    return folder


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
