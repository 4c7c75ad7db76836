"""A damaged entry of the cache is noticed, told in one line, and made anew."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import hubblefork.data.packing
from hubblefork.data.images.framing import Framing
from hubblefork.data.packing import open_packed, pack
from hubblefork.data.sources import open_source
from hubblefork.data.splits import saved_split

FILES = ("images.npy", "table.parquet", "dataset.json", "SHA256SUMS")


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    state = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "short": lambda path: path.write_bytes(path.read_bytes()[:-7]),
    "one bit": flip,
    "missing": lambda path: path.unlink(),
}


@pytest.fixture
def packed(two_classes, tmp_path):
    def pack_again():
        return pack(open_source(two_classes), Framing(size=16), tmp_path / "cache", workers=1)

    return pack_again


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_dataset_is_packed_anew(packed, tmp_path, capsys, name, damage):
    first = packed()
    expected = np.array(first.images)
    DAMAGES[damage](first.path / name)
    capsys.readouterr()
    if name != "dataset.json" or damage != "missing":
        assert open_packed(first.key, tmp_path / "cache") is None
        assert len(capsys.readouterr().err.splitlines()) == 1
    again = packed()
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].endswith("; packing them again") or "no dataset.json" in said[0]
    np.testing.assert_array_equal(again.images, expected)
    assert again.table.equals(first.table)
    packed()
    assert capsys.readouterr().err == ""


def test_a_dataset_that_is_a_file_is_packed_anew(packed):
    path = packed().path
    shutil.rmtree(path)
    path.write_text("no folder")
    assert len(packed()) == 22


@pytest.mark.parametrize("damage", ["empty", "short", "one bit"])
def test_a_damaged_stamp_is_written_anew(packed, tmp_path, monkeypatch, damage):
    first = packed()
    (stamp,) = (tmp_path / "cache" / "stamps").iterdir()
    DAMAGES[damage](stamp)
    monkeypatch.setattr(hubblefork.data.packing, "read_blocks", None)  # no image is read again
    assert packed().path == first.path
    assert stamp.read_text() == first.key


@pytest.mark.parametrize("damage", ["empty", "short", "one bit"])
def test_a_damaged_split_is_made_anew(packed, capsys, damage):
    dataset = packed()
    first = saved_split(dataset)
    (path,) = (dataset.path / "splits").iterdir()
    DAMAGES[damage](path)
    again = saved_split(dataset)
    assert "is damaged; making it again" in capsys.readouterr().err
    assert again.sha256 == first.sha256
    assert saved_split(dataset).sha256 == first.sha256
    assert capsys.readouterr().err == ""
