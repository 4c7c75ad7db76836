"""Data sets of the hub are downloaded as they are asked for, and used without it then."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from hubblefork.core.errors import RequestError
from hubblefork.data.sources import open_source
from tests.hub_server import Hub, read_files, serving_hub


def _ask(*texts: str) -> list[str]:
    """For each text the number of images and the subsets, or why there are none."""
    said = []
    for text in texts:
        try:
            source = open_source(text)
            images = source.read(range(len(source.table)), source.framing())
            said.append(" ".join([str(len(images)), *sorted(set(source.table.get("split", [])))]))
        except RequestError as error:
            said.append(str(error))
    return said


@contextmanager
def _serving(files: SimpleNamespace, folder: Path) -> Iterator[Hub]:
    """A hub with owner/sky; owner/gated is not for everyone."""
    rows = {"data/train": (0, 12), "data/test": (12, 18), "tiny/train": (0, 3)}
    for name, (first, last) in rows.items():
        files.write_parquet(files.galaxies(first, last), folder / f"{name}-00000-of-00001.parquet")
    content = {"README.md": b"# Sky", **read_files(folder)}
    with serving_hub() as hub:
        hub.put("datasets/owner/sky", content)
        hub.put("datasets/owner/gated", content, gated=True)
        yield hub


def test_what_is_asked_for_is_downloaded_and_the_rest_is_told(files, tmp_path, monkeypatch):
    with _serving(files, tmp_path / "sky") as hub:
        hub.known_to(monkeypatch, tmp_path / "home")
        names = ("sky:split=test", "none", "gated", "sky")
        said = _ask(*(f"hub:owner/{name}" for name in names))
    assert said[0] == "6"
    assert "hub:owner/none: the hub has no such repository" in said[1]
    assert "is restricted by its owner" in said[2]
    assert said[3] == "18 test train"
    fetched = [each for each in hub.asked if each.startswith("GET /datasets/owner/sky")]
    assert sorted(Path(each).name for each in fetched) == [
        "test-00000-of-00001.parquet", "train-00000-of-00001.parquet",
    ]  # fmt: skip
    assert all("/data/" in each for each in fetched)


def test_what_was_downloaded_is_used_without_the_hub(files, tmp_path, monkeypatch):
    texts = [f"hub:owner/{name}" for name in ("sky:split=test", "sky", "none")]
    with _serving(files, tmp_path / "sky") as hub:
        from huggingface_hub import constants

        hub.known_to(monkeypatch, tmp_path / "home")
        assert _ask(texts[0]) == ["6"]
    # The server has gone; then the user says that there is no network.
    for offline in (False, True):
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
        said = _ask(*texts)
        assert said[0] == "6"
        # A part is not taken for the whole.
        assert said[1].startswith("hub:owner/sky cannot be downloaded: ")
        assert said[2].startswith("hub:owner/none cannot be downloaded: ")
        assert said[2].endswith("or give a directory of its Parquet files")


def test_without_the_package_it_is_told_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(RequestError, match=r"pip install 'hubblefork\[hub\]'"):
        open_source("hub:owner/sky")


@pytest.mark.parametrize("text", ["hub:", "hub:sky", "hub:/sky", "hub:a/b/c"])
def test_a_name_without_owner_is_refused(text):
    with pytest.raises(RequestError, match="expected hub:OWNER/NAME"):
        open_source(text)
