"""Files and folders appear whole or not at all."""

import os
import stat
import sys
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


def _watched(monkeypatch) -> list[tuple[str, str]]:
    """The calls that flush and rename, in order, each with the path that it is of."""
    calls: list[tuple[str, str]] = []
    fsync, replace, rename = os.fsync, os.replace, os.rename

    def watch_fsync(handle: int) -> None:
        calls.append(("fsync", os.path.realpath(f"/proc/self/fd/{handle}")))
        fsync(handle)

    def watch(call):
        def renaming(source, target) -> None:
            calls.append(("rename", str(target)))
            call(source, target)

        return renaming

    monkeypatch.setattr(os, "fsync", watch_fsync)
    monkeypatch.setattr(os, "replace", watch(replace))
    monkeypatch.setattr(os, "rename", watch(rename))
    return calls


@pytest.mark.skipif(sys.platform != "linux", reason="reads the paths of open files from /proc")
def test_a_file_and_its_folder_are_flushed_before_its_name_counts(tmp_path, monkeypatch):
    calls = _watched(monkeypatch)
    with replacing(tmp_path / "new" / "a.txt") as file:
        file.write("whole")
    new = tmp_path / "new"
    assert [each for each in calls if each[1] != calls[1][1]] == [
        ("fsync", str(tmp_path)),  # where the folder is new
        ("rename", str(new / "a.txt")),
        ("fsync", str(new)),
    ]
    assert calls[1][0] == "fsync"
    assert Path(calls[1][1]).parent == new


@pytest.mark.skipif(sys.platform != "linux", reason="reads the paths of open files from /proc")
def test_all_of_a_folder_is_flushed_before_its_name_counts(tmp_path, monkeypatch):
    calls = _watched(monkeypatch)
    with appearing(tmp_path / "packed") as folder:
        (folder / "splits").mkdir()
        names = ["images.npy", "table.parquet", "splits/a.csv", "splits", "."]
        for name in names[:3]:
            (folder / name).write_bytes(b"whole")
    before = calls.index(("rename", str(tmp_path / "packed")))
    assert {path for _, path in calls[:before]} == {str(folder / name) for name in names}
    assert calls[before + 1 :] == [("fsync", str(tmp_path))]


def test_a_link_is_written_through(tmp_path):
    (tmp_path / "disk").mkdir()
    target, link = tmp_path / "disk" / "a.txt", tmp_path / "a.txt"
    link.symlink_to(target)
    for text in ("first", "second"):
        with replacing(link) as file:
            file.write(text)
        assert link.is_symlink()
        assert target.read_text() == text


def test_a_name_as_long_as_it_can_be_is_written(tmp_path):
    path = tmp_path / ("a" * 255)
    with replacing(path) as file:
        file.write("whole")
    assert path.read_text() == "whole"
