"""Where the cache is, and what killed writers have left in it."""

import os
from pathlib import Path

import pytest

import hubblefork.core.cache
from hubblefork.core.cache import appearing_locked, cache_folder


def test_the_cache_is_where_it_is_said_to_be(tmp_path, monkeypatch):
    monkeypatch.setenv("HUBBLEFORK_CACHE", str(tmp_path / "env"))
    assert cache_folder() == tmp_path / "env"
    assert cache_folder(tmp_path / "given") == tmp_path / "given"
    monkeypatch.delenv("HUBBLEFORK_CACHE")
    assert cache_folder().name == "hubblefork"


def left_behind(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "images.npy").write_bytes(b"half")
    return folder


@pytest.mark.skipif(os.name != "posix", reason="this system has no locks of folders")
def test_what_a_killed_writer_left_is_removed_and_what_is_written_stays(tmp_path):
    left = left_behind(tmp_path / ".left")
    about_to_be_locked = tmp_path / ".young"
    about_to_be_locked.mkdir()
    with appearing_locked(tmp_path / "one") as one:
        assert not left.exists()
        (one / "images.npy").touch()
        with appearing_locked(tmp_path / "two"):
            assert one.exists()
            assert about_to_be_locked.exists()
    assert (tmp_path / "one" / "images.npy").exists()


def test_hidden_files_of_others_are_let_be(tmp_path):
    (tmp_path / ".DS_Store").touch()
    with appearing_locked(tmp_path / "one"):
        pass
    assert sorted(each.name for each in tmp_path.iterdir()) == [".DS_Store", "one"]


def test_without_locks_the_clock_tells(tmp_path, monkeypatch):
    monkeypatch.setattr(hubblefork.core.cache, "fcntl", None)
    old, young = left_behind(tmp_path / ".old"), left_behind(tmp_path / ".young")
    for path in (old, old / "images.npy"):
        os.utime(path, (1, 1))
    with appearing_locked(tmp_path / "one"):
        pass
    assert not old.exists()
    assert young.exists()
