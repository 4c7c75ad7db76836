import hashlib
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

import hubblefork.data.download
from hubblefork.core.errors import RequestError
from hubblefork.data.download import fetch

CONTENT = np.random.default_rng(0).bytes(3_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """A server that gives `content`, and can be told to misbehave.

    breaks: after how many bytes each of the next connections breaks off.
    ranges: whether it can begin in the middle.
    requests: the Range of each request.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = CONTENT
        self.breaks: list[int] = []
        self.ranges = True
        self.status = 200
        self.requests: list[str | None] = []

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is no fault."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/sky.h5"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers["Range"]
        self.server.requests.append(asked)
        if self.server.status != 200:
            self.send_error(self.server.status)
            return
        start = int(asked[6:-1]) if asked and self.server.ranges else 0
        content = self.server.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: self.server.breaks.pop(0)] if self.server.breaks else content)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def server(monkeypatch) -> Iterator[Server]:
    monkeypatch.setattr(hubblefork.data.download, "_PAUSE", 0.0)
    server = Server()
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def get(server, tmp_path) -> Callable[[], Path]:
    path = tmp_path / "downloads" / "sky.h5"
    return lambda: fetch(server.url, SHA256, path, "the sky", "sky:FILE")


def refusal(get: Callable[[], Path], folder: Path) -> str:
    with pytest.raises(RequestError) as caught:
        get()
    assert not list(folder.rglob("*.h5"))
    assert not list(folder.rglob(".*"))
    message = str(caught.value)
    assert "\n" not in message
    assert f"put the file at {folder / 'downloads' / 'sky.h5'} by hand" in message
    assert "sky:FILE" in message
    return message


def test_a_file_is_downloaded_once(server, get, capsys):
    assert get().read_bytes() == CONTENT
    assert get().read_bytes() == CONTENT
    assert len(server.requests) == 1
    assert server.url in capsys.readouterr().err


def test_a_connection_that_breaks_off_is_taken_up(server, get):
    server.breaks = [1_000_000, 500_000, 10]
    assert get().read_bytes() == CONTENT
    # Whole blocks are kept.
    assert server.requests == [None, "bytes=983040-", "bytes=1441792-", "bytes=1441792-"]


def test_a_server_that_cannot_begin_in_the_middle_begins_anew(server, get):
    server.breaks, server.ranges = [1_000_000], False
    assert get().read_bytes() == CONTENT


def test_a_connection_that_always_breaks_off_is_given_up(server, get, tmp_path):
    server.breaks = [100_000] * 1000
    assert "was interrupted again and again" in refusal(get, tmp_path)
    assert len(server.requests) == 6


def test_another_file_is_not_kept_and_not_asked_for_again(server, get, tmp_path):
    server.content = CONTENT[:-1] + b"?"
    assert "SHA-256 differs" in refusal(get, tmp_path)
    assert len(server.requests) == 1


def test_a_file_that_is_damaged_is_downloaded_again_and_kept_beside(server, get, tmp_path, capsys):
    path = tmp_path / "downloads" / "sky.h5"
    get()
    for damaged in (b"", CONTENT[:-1], CONTENT[:-1] + b"?"):
        path.write_bytes(damaged)
        assert get().read_bytes() == CONTENT
        assert (tmp_path / "downloads" / "sky.h5.other").read_bytes() == damaged
        assert "is damaged or another file, and is downloaded again" in capsys.readouterr().err


def test_a_wrong_file_stays_where_nothing_can_be_downloaded(server, get, tmp_path):
    path = tmp_path / "downloads" / "sky.h5"
    path.parent.mkdir()
    path.write_bytes(b"mine")
    server.status = 404
    with pytest.raises(RequestError, match="404"):
        get()
    assert path.read_bytes() == b"mine"
    assert len(list(path.parent.iterdir())) == 1


@pytest.mark.parametrize(("status", "words"), [(404, "404 Not Found"), (503, "503")])
def test_a_dead_link_is_told(server, get, tmp_path, status, words):
    server.status = status
    assert words in refusal(get, tmp_path)


def test_no_network_is_told(server, get, tmp_path):
    server.shutdown()
    server.server_close()
    assert "is there a network" in refusal(get, tmp_path)


def test_a_server_that_never_answers_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(hubblefork.data.download, "_TIMEOUT", (0.1, 0.1))
    silent = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)  # takes, never answers
    url = f"http://127.0.0.1:{silent.server_address[1]}/sky.h5"
    path = tmp_path / "downloads" / "sky.h5"
    assert "no answer within" in refusal(
        lambda: fetch(url, SHA256, path, "the sky", "sky:FILE"), tmp_path
    )
    silent.server_close()


def test_a_full_disk_is_told_before_the_download(get, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9, 8, 1000))
    assert "3,000,000 bytes are needed, 1,000 are free" in refusal(get, tmp_path)


def test_several_at_once_do_not_harm_each_other(get, server):
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda _: get(), range(4)))
    assert all(path.read_bytes() == CONTENT for path in paths)
    assert [each.name for each in paths[0].parent.iterdir()] == ["sky.h5"]
