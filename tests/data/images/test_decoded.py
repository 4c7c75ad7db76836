"""A file that cannot be read now is no damaged image."""

import os

import pytest
from PIL import Image

from hubblefork.core import tries
from hubblefork.core.tries import TransientFailure
from hubblefork.data.images.decoded import UnreadableImage, read_content
from hubblefork.data.images.framing import Framing
from hubblefork.data.images.multiband import look_at_counts
from hubblefork.data.images.read import read_images

resource = pytest.importorskip("resource", reason="limits the number of open files")


@pytest.fixture
def no_file_can_be_opened(monkeypatch):
    """As where a process has opened as many files as it may."""
    monkeypatch.setattr(tries, "WAITS", (0.0, 0.0))
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.open(os.devnull, os.O_RDONLY)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGB", (8, 8)).save(path)
    return str(path)


def test_too_many_open_files_leave_no_image_out(image, no_file_can_be_opened):
    words = r"cannot read .*a\.png: Too many open files; try again"
    for read in (read_content, lambda path: read_images([path], Framing())):
        with pytest.raises(TransientFailure, match=words):
            read(image)
    with pytest.raises(TransientFailure, match=words):
        read_images([(image, image)], Framing())
    with pytest.raises(TransientFailure, match=words):
        look_at_counts([image])
    with pytest.raises(UnreadableImage, match="the file is not there"):
        read_content(f"{image}.gone")
