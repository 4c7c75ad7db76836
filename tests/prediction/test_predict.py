"""Folders become lists of images, and tables are written whole or not at all."""

import numpy as np
import pandas as pd
import pytest

from hubblefork.core.errors import RequestError
from hubblefork.prediction.predict import open_places, write_table
from hubblefork.tasks.task import Unlabelled


def table(ids: list[str], problem: str = "") -> pd.DataFrame:
    return pd.DataFrame({"id": ids, "predicted": "a", "a": 0.25, "problem": problem})


def make(*paths) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_folders_stand_for_their_images_and_other_files_are_passed_over(tmp_path):
    names = ("b/2.PNG", "b/1.jpg", "a.tif", "c.fits", "notes.txt", "b/.hidden.png")
    make(*(tmp_path / name for name in names))
    source, *others = open_places([tmp_path, tmp_path / "notes.txt"])
    assert not others
    assert source.task == Unlabelled()
    names = [path.removeprefix(f"{tmp_path}/") for path in source.table["id"]]
    assert names == ["a.tif", "c.fits", "b/1.jpg", "b/2.PNG", "notes.txt"]
    assert source.notes[0] == f"Passed over as no images: {tmp_path}/notes.txt."


def test_sources_and_images_are_opened_in_the_order_given(tmp_path):
    make(tmp_path / "1.png", tmp_path / "2.png")
    (tmp_path / "table.csv").write_text("image\n2.png\n1.png\n")
    np.save(tmp_path / "array.npy", np.zeros((3, 8, 8, 3), np.uint8))
    places = [tmp_path / name for name in ("1.png", "2.png", "table.csv", "array.npy", "1.png")]
    sources = open_places([*places, "simulated:10"])
    assert [len(source.table) for source in sources] == [2, 2, 3, 1, 10]
    assert sources[1].table["id"].tolist() == ["2.png", "1.png"]


@pytest.mark.parametrize("place", ["nowhere.png", "no/where", "simulatd", "empty"])
def test_what_is_not_there_is_told(tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "empty" / "notes.txt")
    with pytest.raises(RequestError, match=place):
        open_places([place])


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_blocks_become_one_table_and_problems_are_returned(tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    unread = write_table(iter([table(["1", "2"]), table(["3"], "the file is empty")]), path)
    written = pd.read_csv(path) if suffix == ".csv" else pd.read_parquet(path)
    assert written["id"].astype(str).tolist() == ["1", "2", "3"]
    assert unread.to_dict("records") == [{"id": "3", "problem": "the file is empty"}]


def test_a_table_that_fails_half_way_is_not_left(tmp_path):
    def blocks():
        yield table(["1"])
        raise OSError("the disk went away")

    for name in ("out.csv", "out.parquet"):
        with pytest.raises(OSError, match="went away"):
            write_table(blocks(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_nothing_readable_is_a_mistake(tmp_path):
    with pytest.raises(RequestError, match="no image of 2 could be read"):
        write_table([table(["1", "2"], "the file is empty")], tmp_path / "out.csv")
    assert list(tmp_path.iterdir()) == []
