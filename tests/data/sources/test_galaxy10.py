"""Files of the exact structure of the published ones, with fewer images."""

import hashlib
import io
from collections import Counter
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import h5py
import numpy as np
import pytest

import hubblefork.data.sources.array_files
import hubblefork.data.sources.galaxy10
from hubblefork.core.errors import RequestError
from hubblefork.data.packing import pack
from hubblefork.data.sources import open_source
from hubblefork.data.sources.galaxy10 import _PUBLISHED
from hubblefork.data.splits import make_split
from hubblefork.sky.class_rules import GALAXY10_DECALS, GALAXY10_SDSS


def write_sdss(path: Path, number: int = 40, **changes: np.ndarray) -> Path:
    random = np.random.default_rng(1)
    arrays = {
        "images": random.integers(0, 256, (number, 69, 69, 3), np.uint8),
        "ans": np.arange(number, dtype=np.uint8) % 10,
    }
    return write(path, arrays | changes)


def write_decals(path: Path, number: int = 40, **changes: np.ndarray) -> Path:
    """Images that are black but for one pixel, so that gzip is quick; no two alike."""
    random = np.random.default_rng(2)
    images = np.zeros((number, 256, 256, 3), np.uint8)
    images[np.arange(number), 127, np.arange(number) % 32 + 112, 1] = 1 + np.arange(number) // 32
    arrays = {
        "images": images,
        "ans": np.arange(number, dtype=np.uint8) % 10,
        "ra": random.uniform(0, 360, number),
        "dec": random.uniform(-30, 80, number),
        "redshift": np.where(np.arange(number) % 7, random.uniform(0, 0.3, number), np.nan),
        "pxscale": np.full(number, 0.262),
    }
    return write(path, arrays | changes)


def write(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    with h5py.File(path, "w") as file:
        for key, values in arrays.items():
            options = {}
            if key == "images" and values.shape[1] == 256:
                # As in the published file, which has more rows than a chunk.
                chunks = (min(555, len(values)), 16, 16, 1)
                options = {"chunks": chunks, "compression": "gzip", "compression_opts": 1}
            file.create_dataset(key, data=values, **options)
    return path


def refusal(text: str) -> str:
    with pytest.raises(RequestError) as caught:
        open_source(text)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_sdss_has_its_own_classes_and_ids(tmp_path):
    path = write_sdss(tmp_path / "mine.h5")
    source = open_source(f"galaxy10-sdss:{path}")
    assert source.name == f"galaxy10-sdss:{path}"
    assert source.task.names == GALAXY10_SDSS
    assert source.table["id"].iloc[[0, 39]].tolist() == ["sdss-00", "sdss-39"]
    assert source.table["origin"].iloc[3] == "mine.h5 row 3"
    assert source.table["label"].tolist() == [row % 10 for row in range(40)]
    assert source.notes[0].startswith("Galaxy10 SDSS: 40 images")
    assert "21,785" in source.notes[1]
    packed = pack(source, workers=1)
    with h5py.File(path) as file:
        np.testing.assert_array_equal(packed.images, file["images"][:])


def test_decals_has_positions_and_is_split_by_them(tmp_path):
    ra = np.linspace(0, 350, 40)
    ra[1] = ra[0]  # the same galaxy with two labels, as in the published file
    path = write_decals(tmp_path / "d.h5", ra=ra, dec=np.zeros(40), ans=np.arange(40) % 2)
    source = open_source(f"galaxy10-decals:{path}")
    assert source.task.names == GALAXY10_DECALS
    assert {"ra", "dec", "redshift", "pxscale"} <= set(source.table)
    assert source.table["redshift"].isna().sum() == 6
    for seed in range(8):
        # Only two of the ten classes are there; a split is made of these.
        task = replace(source.task, names=GALAXY10_DECALS[:2])
        split = make_split(source.table, task, (0.6, 0.2, 0.2), seed)
        assert split.subset["decals-00"] == split.subset["decals-01"]


def test_each_chunk_of_decals_is_read_once(tmp_path, monkeypatch):
    number = 560  # two rows of chunks
    path = write_decals(tmp_path / "d.h5", number)
    with h5py.File(path) as file:
        dataset = file["images"].id
        every = [dataset.get_chunk_info(each) for each in range(dataset.get_num_chunks())]
    assert len(every) == 2 * 16 * 16 * 3
    begins = {chunk.byte_offset for chunk in every}
    reads: Counter = Counter()

    class Counting(io.FileIO):
        def readinto(self, buffer) -> int:
            if self.tell() in begins:
                reads[self.tell()] += 1
            return super().readinto(buffer)

    opened = h5py.File
    monkeypatch.setattr(
        hubblefork.data.sources.array_files.h5py,
        "File",
        lambda path, mode, **_: opened(Counting(path), mode),
    )
    source = open_source(f"galaxy10-decals:{path}")
    assert source.starts == [0, 555, 560]
    packed = pack(source, source.framing(crop=32, size=None), tmp_path / "cache", workers=2)
    assert packed.table["digest"].nunique() == number
    assert set(reads) == begins
    assert set(reads.values()) == {1}


def test_one_data_set_is_never_mistaken_for_the_other(tmp_path):
    sdss, decals = write_sdss(tmp_path / "s.h5"), write_decals(tmp_path / "d.h5")
    assert f"is Galaxy10 SDSS, not Galaxy10 DECaLS; say galaxy10-sdss:{sdss}" in refusal(
        f"galaxy10-decals:{sdss}"
    )
    assert f"is Galaxy10 DECaLS, not Galaxy10 SDSS; say galaxy10-decals:{decals}" in refusal(
        f"galaxy10-sdss:{decals}"
    )
    other = write(tmp_path / "o.h5", {"x": np.zeros((4, 8, 8, 3), np.uint8)})
    assert "but holds x (4, 8, 8, 3) uint8" in refusal(f"galaxy10-sdss:{other}")


def test_a_file_named_alone_says_what_it_is(tmp_path):
    path = write_sdss(tmp_path / "s.h5")
    assert f"galaxy10-sdss:{path} gives" in open_source(path).notes[0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ans": np.full(40, 10, np.uint8)}, "none of its 10 classes: 10"),
        ({"ans": np.full(40, np.nan)}, "40 of 40 labels of ans (40) float64 are missing"),
        ({"ans": np.arange(39)}, "ans (39) int64"),
        ({"ra": np.where(np.arange(40) == 5, np.nan, 1.0)}, "no position on the sky: decals-05"),
        ({"dec": np.full(40, 91.0)}, "not an angle within 90 degrees"),
        ({"images": np.zeros((40, 256, 256, 3), np.float32)}, "images (40, 256, 256, 3) float32"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path, changes, words):
    path = write_decals(tmp_path / "d.h5", **changes)
    assert words in refusal(f"galaxy10-decals:{path}")


def test_the_published_number_must_have_the_published_counts(tmp_path, monkeypatch):
    path = write_sdss(tmp_path / "s.h5")
    publish(monkeypatch, counts=(4,) * 10)
    assert open_source(f"galaxy10-sdss:{path}").notes == [f"Galaxy10 SDSS: 40 images from {path}."]
    publish(monkeypatch, counts=(3, 5, *(4,) * 8))
    assert "published are 3, 5, 4" in refusal(f"galaxy10-sdss:{path}")


def test_truncated_files_are_told(tmp_path):
    path = write_sdss(tmp_path / "s.h5")
    content = path.read_bytes()
    for length in (0, 100, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        assert "damaged, incomplete or of another kind" in refusal(f"galaxy10-sdss:{path}")
    assert "the file is not there" in refusal(f"galaxy10-sdss:{tmp_path / 'none.h5'}")
    assert "a directory, not a file" in refusal(f"galaxy10-sdss:{tmp_path}")


def publish(monkeypatch, **changes: object) -> None:
    table = dict(_PUBLISHED)
    table["galaxy10-sdss"] = replace(table["galaxy10-sdss"], **changes)
    monkeypatch.setattr(hubblefork.data.sources.galaxy10, "_PUBLISHED", table)


@pytest.fixture
def published(tmp_path, monkeypatch) -> Path:
    """A published file on a server of its own; nothing is in any cache."""
    folder = tmp_path / "server"
    folder.mkdir()
    path = write_sdss(folder / "Galaxy10.h5")
    handler = partial(Quiet, directory=folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    publish(
        monkeypatch,
        url=f"http://127.0.0.1:{server.server_address[1]}/Galaxy10.h5",
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        counts=(4,) * 10,
    )
    monkeypatch.setenv("HUBBLEFORK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    yield path
    server.shutdown()
    server.server_close()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def test_the_published_file_is_downloaded_to_the_cache(published, tmp_path):
    source = open_source("galaxy10-sdss")
    there = tmp_path / "cache" / "downloads" / "Galaxy10.h5"
    assert there.read_bytes() == published.read_bytes()
    assert source.notes == [f"Galaxy10 SDSS: 40 images from {there}."]
    published.unlink()
    assert open_source("galaxy10-sdss").content() == source.content()


def test_a_dead_link_says_what_to_do(published):
    published.unlink()
    message = refusal("galaxy10-sdss")
    assert "Galaxy10 SDSS could not be downloaded from http://127.0.0.1" in message
    assert "404" in message
    assert message.endswith("by hand, or give it as galaxy10-sdss:FILE")


def test_the_file_of_astronn_is_used(published, tmp_path, capsys):
    theirs = tmp_path / "home" / ".astroNN" / "datasets" / "Galaxy10.h5"
    theirs.parent.mkdir(parents=True)
    published.rename(theirs)
    assert str(theirs) in open_source("galaxy10-sdss").notes[0]


def test_a_damaged_file_of_astronn_is_passed_over(published, tmp_path, capsys):
    theirs = tmp_path / "home" / ".astroNN" / "datasets" / "Galaxy10.h5"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(published.read_bytes()[:1000])
    assert str(tmp_path / "cache") in open_source("galaxy10-sdss").notes[0]
    assert "is ignored" in capsys.readouterr().err
