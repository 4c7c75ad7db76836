"""Folders become lists of images, and sources are opened in the order given."""

import numpy as np
import pytest

from hubblefork.core.errors import RequestError
from hubblefork.prediction.inputs import open_inputs
from hubblefork.tasks.task import Unlabelled


def make(*paths) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_folders_stand_for_their_images_and_other_files_are_passed_over(tmp_path):
    names = ("b/2.PNG", "b/1.jpg", "a.tif", "c.fits", "notes.txt", "b/.hidden.png")
    make(*(tmp_path / name for name in names))
    source, *others = open_inputs([tmp_path, tmp_path / "notes.txt"])
    assert not others
    assert source.task == Unlabelled()
    names = [path.removeprefix(f"{tmp_path}/") for path in source.table["id"]]
    assert names == ["a.tif", "c.fits", "b/1.jpg", "b/2.PNG", "notes.txt"]
    assert source.notes[0] == f"Ignored, not being images: {tmp_path}/notes.txt."


def test_sources_and_images_are_opened_in_the_order_given(tmp_path):
    make(tmp_path / "1.png", tmp_path / "2.png")
    (tmp_path / "table.csv").write_text("image\n2.png\n1.png\n")
    np.save(tmp_path / "array.npy", np.zeros((3, 8, 8, 3), np.uint8))
    places = [tmp_path / name for name in ("1.png", "2.png", "table.csv", "array.npy", "1.png")]
    sources = open_inputs([*places, "simulated:10"])
    assert [len(source.table) for source in sources] == [2, 2, 3, 1, 10]
    assert sources[1].table["id"].tolist() == ["2.png", "1.png"]


@pytest.mark.parametrize("place", ["nowhere.png", "no/where", "simulatd", "empty"])
def test_what_is_not_there_is_told(tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "empty" / "notes.txt")
    with pytest.raises(RequestError, match=place):
        open_inputs([place])


@pytest.mark.parametrize("given", [None, 3, {"a": 1}, ["a.png", 3], []])
def test_what_is_no_input_is_one_line(given):
    with pytest.raises(RequestError) as caught:
        open_inputs(given)
    assert "\n" not in str(caught.value)
