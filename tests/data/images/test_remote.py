"""Images behind URLs are those of files; what fails for a while is never an image left out."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO

import fsspec
import numpy as np
import pytest
from astropy.io import fits
from PIL import Image

import hubblefork.data.images.decoded
from hubblefork.core import tries
from hubblefork.core.errors import RequestError
from hubblefork.core.tries import TransientFailure
from hubblefork.data.images.blocks import read_blocks
from hubblefork.data.images.decoded import UnreadableImage, read_content
from hubblefork.data.images.framing import Framing
from hubblefork.data.images.read import read_image, read_images
from tests.web import Server, serving


@pytest.fixture
def server(monkeypatch) -> Iterator[Server]:
    monkeypatch.setattr(tries, "WAITS", (0.0, 0.0))
    with serving() as server:
        server.files["/a.bin"] = bytes(range(256)) * 100
        yield server


def reason(url: str) -> str:
    with pytest.raises(UnreadableImage) as caught:
        read_content(url)
    return caught.value.reason


def failure(url: str) -> str:
    with pytest.raises(TransientFailure) as caught:
        read_content(url)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_file_is_read_by_one_request_whatever_its_query_is(server):
    assert read_content(f"{server.url}/a.bin?size=64&of=%C3%A9#top") == server.files["/a.bin"]
    assert server.requests == ["/a.bin?size=64&of=%C3%A9"]


def test_many_threads_read_at_once(server):
    server.files |= {f"/{number}": bytes([number]) * 9000 for number in range(40)}
    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(read_content, (f"{server.url}/{number}" for number in range(40))))
    assert read == [server.files[f"/{number}"] for number in range(40)]


def test_what_stays_is_a_reason_of_the_image(server):
    server.statuses["/a.bin"] = [403]
    assert reason(f"{server.url}/none") == "cannot be read (the server answers 404 Not Found)"
    assert reason(f"{server.url}/a.bin") == "cannot be read (the server answers 403 Forbidden)"
    server.files["/empty"] = b""
    assert reason(f"{server.url}/empty") == "the file is empty"
    assert len(server.requests) == 3
    assert (
        reason("htp://a.org/1.jpg") == "cannot be read (htp:// is not a protocol that fsspec knows)"
    )
    assert reason("file://a.org/1.jpg") == "cannot be read (it is on another machine)"
    assert "cannot be read" in reason("http://[/1.jpg")


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_server_that_is_busy_for_a_while_is_asked_again(server, status):
    server.statuses["/a.bin"] = [status, status]
    assert read_content(f"{server.url}/a.bin") == server.files["/a.bin"]
    server.statuses["/a.bin"] = [status] * 3
    assert f"a.bin: the server answers {status}" in failure(f"{server.url}/a.bin")
    assert len(server.requests) == 6


@pytest.mark.parametrize("asked", ["3", "Wed, 21 Oct 2099 07:28:00 GMT", "soon", "-1", ""])
def test_it_is_given_the_time_that_it_asks_for(server, monkeypatch, asked):
    pauses: list[float] = []
    monkeypatch.setattr(tries.time, "sleep", pauses.append)
    monkeypatch.setattr(tries, "WAITS", (0.5, 1.0))
    server.statuses["/a.bin"] = [503, 503]
    server.headers["Retry-After"] = asked
    read_content(f"{server.url}/a.bin")
    assert pauses == {"3": [3.0, 3.0]}.get(asked, [30.0, 30.0] if "2099" in asked else [0.5, 1.0])


def test_a_body_that_is_shorter_than_it_says_is_no_damaged_image(server):
    server.shorter = 1000
    assert "the connection ended early; try again" in failure(f"{server.url}/a.bin")
    assert len(server.requests) == 3


def test_a_body_that_never_ends_is_left_after_the_most_bytes(server, monkeypatch):
    monkeypatch.setattr(hubblefork.data.images.decoded, "MOST_BYTES", 2_000_000)
    server.endless = True
    assert reason(f"{server.url}/a.bin") == "more than 2 MB"


def test_no_server_and_no_such_name_are_failures_that_may_pass(server):
    server.shutdown()
    server.server_close()
    assert "Connection refused; try again" in failure(f"{server.url}/a.bin")
    assert "cannot read http://no.invalid/a.png: " in failure("http://no.invalid/a.png")


def test_a_file_url_is_the_file_and_no_pipe(tmp_path):
    path = tmp_path / "a 1%.bin"
    path.write_bytes(b"here")
    assert read_content(path.as_uri()) == b"here"
    assert reason(tmp_path.as_uri()) == "a directory, not a file"


def test_other_protocols_of_fsspec(monkeypatch):
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/hubblefork/a.bin", b"0123456789")
    assert read_content("memory://hubblefork/a.bin") == b"0123456789"
    assert reason("memory://hubblefork/b.bin") == "cannot be read (the file is not there)"
    monkeypatch.setattr(hubblefork.data.images.decoded, "MOST_BYTES", 9)
    assert reason("memory://hubblefork/a.bin") == "more than 0 MB"
    memory.rm("/hubblefork", recursive=True)


def test_a_missing_package_is_told_in_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(RequestError, match=r"s3:// cannot .* s3fs .*hubblefork\[survey\]"):
        read_images(["s3://bucket/a.png"], Framing())


def test_the_images_of_urls_are_those_of_files(server, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (12, 12, 3)).astype(np.uint8)
    for suffix in ("png", "tif"):
        content = BytesIO()
        Image.fromarray(pixels).save(content, {"png": "PNG", "tif": "TIFF"}[suffix])
        server.files[f"/a.{suffix}"] = content.getvalue()
    fits.PrimaryHDU(pixels[..., 0].astype(np.float32)).writeto(tmp_path / "a.fits")
    server.files["/a.fits"] = (tmp_path / "a.fits").read_bytes()
    urls = [f"{server.url}/a.{suffix}?x=1" for suffix in ("png", "tif", "none", "fits")]
    png, tif, none, counts = read_images(urls, Framing())
    np.testing.assert_array_equal(png.pixels, pixels)
    np.testing.assert_array_equal(tif.pixels, pixels)
    assert "404" in none.reason
    expected = read_image(tmp_path / "a.fits", Framing())
    np.testing.assert_array_equal(counts.pixels, expected.pixels)
    bands = (str(tmp_path / "a.fits"), urls[3])
    assert read_image(bands, Framing(channels=2)).bands == 2
    with pytest.raises(UnreadableImage, match=r"^a\.none: cannot be read"):
        read_image((urls[3], urls[2]), Framing())


def read(path: str, framing: Framing) -> list:
    return read_images([path], framing)


@pytest.mark.parametrize("prefer", ["threads", "processes"])
def test_a_failure_reaches_the_caller_from_every_kind_of_worker(monkeypatch, prefer):
    monkeypatch.setattr(tries, "WAITS", (0.0, 0.0))  # not in another process
    with serving() as server:
        url = f"{server.url}/a.png"
    jobs = [partial(read, url)] * 2
    with pytest.raises(TransientFailure, match=r"a\.png: Connection refused; try again"):
        list(read_blocks(jobs, Framing(), (8, 8, 3), 2, prefer))
