"""Catalogues whose images are URLs are sources like all others."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

from hubblefork.core import tries
from hubblefork.core.errors import RequestError
from hubblefork.core.tries import TransientFailure
from hubblefork.data.images.framing import Framing
from hubblefork.data.packing import pack
from hubblefork.data.sources import open_source
from hubblefork.prediction.inputs import open_inputs
from tests.web import Server, serving


@pytest.fixture
def server(two_classes, monkeypatch) -> Iterator[Server]:
    """A server that gives the images of `two_classes` by the same paths."""
    monkeypatch.setattr(tries, "WAITS", (0.0, 0.0))
    with serving() as server:
        for path in two_classes.rglob("*.png"):
            server.files[f"/{path.relative_to(two_classes).as_posix()}"] = path.read_bytes()
        yield server


@pytest.fixture
def catalogue(server, two_classes, tmp_path) -> Path:
    """Some images by URL, some by file://, the others by paths relative to the catalogue."""
    files = sorted(each.relative_to(two_classes).as_posix() for each in two_classes.rglob("*.png"))
    places = [
        [f"{server.url}/{each}?n={number}", (two_classes / each).as_uri(), f"two classes/{each}"][
            number % 3
        ]
        for number, each in enumerate(files)
    ]
    (tmp_path / "two classes").symlink_to(two_classes)
    path = tmp_path / "cat.csv"
    labels = [each.partition("/")[0] for each in files]
    pd.DataFrame({"id": files, "image": places, "label": labels}).to_csv(path, index=False)
    return path


def test_they_are_packed_as_the_files_are_and_only_once(
    server, catalogue, two_classes, tmp_path, monkeypatch
):
    monkeypatch.chdir("/")
    cache = tmp_path / "cache"
    dataset = pack(open_source(catalogue), Framing(size=8), cache=cache)
    requests = len(server.requests)
    again = pack(open_source(catalogue), Framing(size=8), cache=cache)
    assert again.info["key"] == dataset.info["key"]
    assert len(server.requests) == requests == 8
    files = pack(open_source(two_classes), Framing(size=8), cache=cache)
    by_id = dict(zip(files.table["origin"], files.table["digest"], strict=True))
    assert dict(zip(dataset.table["id"], dataset.table["digest"], strict=True)) == by_id


def test_one_that_is_not_there_is_left_out_and_a_failure_leaves_nothing(
    server, catalogue, tmp_path
):
    cache = tmp_path / "cache"
    first = open_source(catalogue).paths[0]
    path = first.removeprefix(server.url).partition("?")[0]
    server.statuses[path] = [503] * 3
    with pytest.raises(TransientFailure, match=r"the server answers 503 .*; try again"):
        pack(open_source(catalogue), cache=cache)
    assert not list(cache.glob("datasets/*/*")) + list(cache.glob("stamps/*"))
    del server.files[path]
    left_out = pack(open_source(catalogue), cache=cache).info["left_out"]
    assert [(each["origin"], each["reason"]) for each in left_out] == [
        (first, "cannot be read (the server answers 404 Not Found)")
    ]


def test_fits_files_and_bands_behind_urls_are_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(tries, "WAITS", (0.0, 0.0))
    random = np.random.default_rng(0)
    with serving() as server:
        for number in range(8):
            file = tmp_path / f"{number}.fits"
            fits.PrimaryHDU(random.normal(size=(9, 9)).astype(np.float32)).writeto(file)
            server.files[f"/{number}.fits"] = file.read_bytes()
        urls = [f"{server.url}/{number}.fits?size=9" for number in range(8)]
        table = pd.DataFrame({"image_g": urls[:4], "image_r": urls[4:]})
        for given, bands in ((pd.DataFrame({"image": urls}), 1), (table, 2)):
            source = open_source(given, labelled=False)
            assert (source.bands, source.channels, source.prefer) == (bands, bands, "threads")
        server.files.clear()
        assert "404" in source.read([0], source.framing(size=8))[0].reason
        server.statuses["/0.fits"] = [503] * 9
        table = pd.DataFrame({"image": urls})
        with pytest.raises(TransientFailure):
            open_source(table, labelled=False)


def test_predict_takes_a_url_as_an_image(server):
    url = next(f"{server.url}{path}" for path in server.files)
    [source] = open_inputs([url])
    assert source.table["id"].tolist() == [url]
    assert source.read([0], source.framing(size=8))[0].pixels.shape == (8, 8, 3)


def test_what_cannot_be_read_by_this_installation_is_told_before(monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(RequestError, match=r"s3:// cannot .*hubblefork\[survey\]"):
        open_source(pd.DataFrame({"image": ["s3://bucket/a.png"]}), labelled=False)
    with pytest.raises(RequestError, match="a source is on this machine"):
        open_source("https://a.org/catalogue.csv")
