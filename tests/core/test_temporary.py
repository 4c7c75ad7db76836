"""What killed commands have left is removed, and what others are writing stays."""

import os
import subprocess
import sys

import pytest

import hubblefork.core.temporary
from hubblefork.core.files import appearing, replacing
from hubblefork.core.temporary import scratch_folder, sweep

needs_locks = pytest.mark.skipif(os.name != "posix", reason="this system has no such locks")

# Writes half of a file, of a folder and of a scratch folder, and is killed.
_KILLED = """
import os, signal, sys
from pathlib import Path
from hubblefork.core.files import appearing, replacing
from hubblefork.core.temporary import scratch_folder
folder = Path(sys.argv[1])
with replacing(folder / "table.csv") as file, appearing(folder / "run") as run:
    with scratch_folder() as scratch:
        (scratch / "work").write_text("half")
        (run / "split.csv").write_text("half")
        file.write("half")
        os.kill(os.getpid(), signal.SIGKILL)
"""


@needs_locks
def test_what_a_killed_command_left_is_swept_by_the_next_one(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path)], check=False)
    assert len(list(tmp_path.glob(".*"))) == 2
    assert len(list((tmp_path / "tmp").glob(".*/work"))) == 1
    with replacing(tmp_path / "other.csv") as file:
        file.write("whole")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["other.csv", "tmp"]
    monkeypatch.setattr("tempfile.tempdir", None)  # where Python remembers the folder
    with scratch_folder() as scratch:
        assert list((tmp_path / "tmp").iterdir()) == [scratch]


@needs_locks
def test_what_is_being_written_stays(tmp_path):
    with replacing(tmp_path / "a.txt") as file, appearing(tmp_path / "b") as folder:
        sweep(tmp_path)
        file.write("whole")
        (folder / "c.txt").write_text("whole")
    assert (tmp_path / "a.txt").read_text() == (tmp_path / "b" / "c.txt").read_text() == "whole"


@pytest.mark.parametrize("locks", [True, False])
def test_of_another_system_only_what_is_old_is_removed(tmp_path, monkeypatch, locks):
    if not locks:
        monkeypatch.setattr(hubblefork.core.temporary, "fcntl", None)
    left = tmp_path / ".hubblefork-another-1.tmp", tmp_path / ".hubblefork-another-2.tmp"
    left[0].write_bytes(b"half")
    left[1].mkdir()
    (left[1] / "images.npy").write_bytes(b"half")
    sweep(tmp_path)
    assert all(each.exists() for each in left)
    for each in (*left, left[1] / "images.npy"):
        os.utime(each, (1, 1))
    sweep(tmp_path)
    assert not any(each.exists() for each in left)


@needs_locks
def test_what_is_no_temporary_file_is_let_be(tmp_path):
    kept = [".DS_Store", ".hubblefork", ".hubblefork-notes", "table.csv.tmp"]
    for name in kept:
        (tmp_path / name).touch()
    os.mkfifo(tmp_path / f"{hubblefork.core.temporary._beginning()}fifo.tmp")  # is not waited for
    target = tmp_path / "kept"
    target.mkdir()
    (target / "mine").touch()
    (tmp_path / f"{hubblefork.core.temporary._beginning()}link.tmp").symlink_to(target)
    sweep(tmp_path)
    assert {each.name for each in tmp_path.iterdir()} >= {*kept, "kept"}
    assert (target / "mine").exists()
