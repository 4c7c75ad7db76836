"""Folders become lists of pictures, and tables are written whole or not at all."""

import pandas as pd
import pytest

from hubblefork.errors import RequestError
from hubblefork.prediction.files import find_pictures, write_table


def table(ids: list[str], problem: str = "") -> pd.DataFrame:
    return pd.DataFrame({"id": ids, "predicted": "a", "a": 0.25, "problem": problem})


def test_folders_stand_for_their_pictures_and_other_files_are_passed_over(tmp_path):
    for name in ("b/2.PNG", "b/1.jpg", "a.tif", "notes.txt", "b/.hidden.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    pictures, passed = find_pictures([tmp_path, tmp_path / "notes.txt"])
    names = [path.removeprefix(f"{tmp_path}/") for path in pictures]
    assert names == ["a.tif", "b/1.jpg", "b/2.PNG", "notes.txt"]
    assert sorted(path.removeprefix(f"{tmp_path}/") for path in passed) == [
        "b/.hidden.png",
        "notes.txt",
    ]


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
    with pytest.raises(RequestError, match="none of 2 pictures"):
        write_table([table(["1", "2"], "the file is empty")], tmp_path / "out.csv")
    assert list(tmp_path.iterdir()) == []
