import h5py
import numpy as np
import pytest

import hubblefork.data.sources.hdf5_text
from hubblefork.core.errors import RequestError
from hubblefork.data.sources import open_source
from hubblefork.data.sources.hdf5_text import read_text


@pytest.fixture
def path(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["deep/ids"] = ["spirale à bras", "", "b"]
        file["images"] = np.zeros((3, 8, 8), "u1")
        file["labels"] = [0, 1, 1]
        file["labels"].attrs["class_names"] = ["disc", "bar"]
    return tmp_path / "a.h5"


def test_arrays_and_attributes_are_read(path):
    assert read_text(path, "deep/ids") == ["spirale à bras", "", "b"]
    assert read_text(path, "/labels", "class_names") == ["disc", "bar"]


def test_a_damaged_heap_is_told(path, monkeypatch):
    # Over this one the library never comes back.
    monkeypatch.setattr(hubblefork.data.sources.hdf5_text, "_SECONDS", 2)
    content = bytearray(path.read_bytes())
    heap = content.index(b"GCOL")
    content[heap + 16 : heap + 64] = bytes(48)  # the first objects have no place and no size
    path.write_bytes(content)
    with pytest.raises(RequestError, match=r"is damaged.*the text of deep/ids"):
        open_source(path)


def test_text_that_takes_too_long_is_told(path, monkeypatch):
    monkeypatch.setattr(hubblefork.data.sources.hdf5_text, "_SECONDS", 0.001)
    with pytest.raises(ValueError, match="the text of deep/ids"):
        read_text(path, "deep/ids")
