"""Files and folders appear whole or not at all."""

import stat
from pathlib import Path

import pytest

from hubblefork.core.errors import RequestError
from hubblefork.core.files import appearing, replacing


def test_a_failed_write_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("before")
    with pytest.raises(UnicodeEncodeError), replacing(path) as file:
        file.write("half" * 100_000 + "\udce9")
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_replaced_file_can_be_read_by_others(tmp_path):
    with replacing(tmp_path / "a.txt") as file:
        file.write("text")
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) & stat.S_IRUSR
    plain = tmp_path / "b.txt"
    plain.write_text("text")
    assert (tmp_path / "a.txt").stat().st_mode == plain.stat().st_mode


def test_a_failed_folder_does_not_appear(tmp_path):

    def fail() -> None:
        with appearing(tmp_path / "packed") as folder:
            (folder / "images.npy").write_bytes(b"half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_the_first_of_two_makers_of_a_folder_wins(tmp_path):
    with appearing(tmp_path / "packed", first_stays=True) as folder:
        (folder / "mark").write_text("second")
        with appearing(tmp_path / "packed", first_stays=True) as earlier:
            (earlier / "mark").write_text("first")
    assert (tmp_path / "packed" / "mark").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["packed"]


def test_what_came_second_is_kept_by_another_name(tmp_path):

    def make_both() -> None:
        with appearing(tmp_path / "why") as folder:
            (folder / "mark").write_text("second")
            with appearing(tmp_path / "why") as earlier:
                (earlier / "mark").write_text("first")

    with pytest.raises(RequestError, match="another command meanwhile; this one's is at") as error:
        make_both()
    assert (tmp_path / "why" / "mark").read_text() == "first"
    kept = Path(str(error.value).rsplit(" at ", 1)[1])
    assert (kept / "mark").read_text() == "second"
    assert len(list(tmp_path.iterdir())) == 2
