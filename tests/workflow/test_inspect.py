import numpy as np
import pytest
from PIL import Image

from hubblefork.core.errors import RequestError
from hubblefork.recipes.recipe import load_recipe
from hubblefork.workflow import inspect as workflow
from hubblefork.workflow.inspect import inspect
from hubblefork.workflow.start_run import prepare


def test_a_training_that_follows_reads_no_image_again(shapes, tmp_path):
    found = inspect(shapes, out=tmp_path / "page.html")
    dataset, split = prepare(shapes, load_recipe("default"), seed=0)
    assert found.dataset.path == dataset.path
    assert found.split.sha256 == split.sha256


def test_the_page_is_named_after_the_source_and_replaces_an_older_one_of_its_kind(
    shapes, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    mine = tmp_path / "data-shapes.html"
    mine.write_text("mine")
    with pytest.raises(RequestError, match=r"data-shapes\.html exists already"):
        inspect(shapes, size=16)
    assert mine.read_text() == "mine"
    mine.unlink()
    for size in (16, 24):
        found = inspect(shapes, size=size)
        assert str(found.page) == "data-shapes.html"
    assert "24\u00a0×\u00a024" in found.page.read_text()


@pytest.mark.parametrize("name", ["catalogue.csv", "page", "folder.html"])
def test_only_a_page_can_be_written(shapes, tmp_path, name):
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(RequestError, match="expected the name of a page"):
        inspect(shapes, out=tmp_path / name)


def test_images_are_shown_as_large_as_they_are_up_to_256_pixels(tmp_path, monkeypatch):
    for name, side in (("a", 300), ("b", 200)):
        (tmp_path / "sky" / name).mkdir(parents=True)
        for number in range(4):
            noise = np.random.default_rng(number + side).integers(0, 256, (side, side, 3), np.uint8)
            Image.fromarray(noise).save(tmp_path / "sky" / name / f"{number}.png")
    shown = {}
    monkeypatch.setattr(workflow, "inspection_page", lambda found: shown.update(found.images))
    monkeypatch.setattr(workflow, "write_page", lambda *given, **named: None)
    inspect(tmp_path / "sky", out=tmp_path / "page.html")
    assert {image.shape for image in shown.values()} == {(256, 256, 3)}
    shown.clear()
    inspect(tmp_path / "sky", out=tmp_path / "page.html", crop=120, grey=True)
    assert {image.shape for image in shown.values()} == {(120, 120, 1)}


def test_a_source_that_vanishes_meanwhile_is_shown_as_packed(shapes, tmp_path, monkeypatch, capsys):
    sky = tmp_path / "sky"
    for file in shapes.glob("*/*.png"):
        (sky / file.parent.name).mkdir(parents=True, exist_ok=True)
        (sky / file.parent.name / file.name).write_bytes(file.read_bytes())

    def lose_one(dataset, *rest, **named):
        next(sky.glob("bar/*.png")).unlink()
        return measured(dataset, *rest, **named)

    measured = workflow.inspect_dataset
    monkeypatch.setattr(workflow, "inspect_dataset", lose_one)
    shown = {}
    monkeypatch.setattr(workflow, "inspection_page", lambda found: shown.update(found.images))
    monkeypatch.setattr(workflow, "write_page", lambda *given, **named: None)
    monkeypatch.setattr(workflow, "shown_rows", lambda inspection: np.arange(80))
    inspect(sky, out=tmp_path / "page.html", size=16)
    assert len(shown) == 80
    assert sorted({image.shape for image in shown.values()}) == [(16, 16, 3), (32, 32, 3)]
    assert "cannot be read again: the file is not there" in capsys.readouterr().err


def test_a_page_is_named_after_the_file_and_another_source_does_not_replace_it(
    shapes, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    rows = [f"{path.stem},{path},{path.parent.name}\n" for path in shapes.glob("*/*.png")]
    for name in ("sky/north.csv", "sky/south.csv", "other/north.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("id,image,label\n" + "".join(rows))
    for name in ("north", "south", "north"):  # an earlier page of the same source is replaced
        assert str(inspect(f"sky/{name}.csv", size=16).page) == f"data-{name}.html"
    before = (tmp_path / "data-north.html").read_bytes()
    with pytest.raises(RequestError, match=r"data-north\.html exists already and is not a page by"):
        inspect("other/north.csv", size=16)
    assert (tmp_path / "data-north.html").read_bytes() == before
