"""The hub, stood for by a real HTTP server on this machine that speaks its protocol."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

from hubblefork.core.errors import RequestError
from hubblefork.data.sources import open_source

_COMMIT = "0123456789abcdef0123456789abcdef01234567"

# huggingface_hub reads HF_ENDPOINT when it is first imported: a process of its own is needed.
_OPEN = """
import sys
from hubblefork.data.sources import open_source
from hubblefork.core.errors import RequestError
for text in sys.argv[1:]:
    try:
        source = open_source(text)
        images = source.read(range(len(source.table)), source.framing())
        print(len(images), *sorted(set(source.table.get("split", []))))
    except RequestError as error:
        print(error)
"""


class _Hub(BaseHTTPRequestHandler):
    """Serves the data set owner/sky from a folder; owner/gated is not for everyone.

    Asked for owner/down, it hangs up.
    """

    folder: Path
    asked: list[str]

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        self.asked.append(f"{self.command} {path}")
        files = {each.relative_to(self.folder).as_posix(): each.read_bytes()
                 for each in sorted(self.folder.rglob("*")) if each.is_file()}  # fmt: skip
        start = "/api/datasets/owner/sky"
        if path.startswith(f"{start}/tree/"):
            self._answer([{"type": "file", "path": name, "size": len(content), "oid": "0" * 40}
                          for name, content in files.items()])  # fmt: skip
        elif path == start or path.startswith(f"{start}/revision/"):
            siblings = [{"rfilename": name} for name in files]
            self._answer({"id": "owner/sky", "sha": _COMMIT, "siblings": siblings})
        elif path.startswith(f"/datasets/owner/sky/resolve/{_COMMIT}/"):
            self._send(200, files[path.split(_COMMIT)[1][1:]])
        elif "gated" in path:
            self._send(403, b"", **{"X-Error-Code": "GatedRepo"})
        elif "down" in path:
            self.close_connection = True  # without a word
        else:
            self._send(404, b"", **{"X-Error-Code": "RepoNotFound"})

    def _answer(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), **{"Content-Type": "application/json"})

    def _send(self, status: int, content: bytes, **headers: str) -> None:
        self.send_response(status)
        about = {"ETag": f'"{hashlib.sha1(content).hexdigest()}"', "X-Repo-Commit": _COMMIT}
        for key, value in (about | headers | {"Content-Length": str(len(content))}).items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing on stderr."""


def _ask(endpoint: str, home: Path, *texts: str, **environment: str) -> list[str]:
    environment = os.environ | {"HF_ENDPOINT": endpoint, "HF_HOME": str(home)} | environment
    result = subprocess.run(
        [sys.executable, "-c", _OPEN, *texts], env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    return result.stdout.splitlines()


@contextmanager
def _serving(files: SimpleNamespace, sky: Path) -> Iterator[tuple[str, type[_Hub]]]:
    """Fill the folder `sky` and serve it; give the address, and the handler with what was asked."""
    pytest.importorskip("huggingface_hub")
    files.write_parquet(files.galaxies(0, 12), sky / "data" / "train-00000-of-00001.parquet")
    files.write_parquet(files.galaxies(12, 18), sky / "data" / "test-00000-of-00001.parquet")
    files.write_parquet(files.galaxies(0, 3), sky / "tiny" / "train-00000-of-00001.parquet")
    (sky / "README.md").write_text("# Sky")
    hub = type("Hub", (_Hub,), {"folder": sky, "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", hub
    finally:
        server.shutdown()
        server.server_close()


def test_what_is_asked_for_is_downloaded_and_the_rest_is_told(files, tmp_path):
    with _serving(files, tmp_path / "sky") as (endpoint, hub):
        names = ("sky:split=test", "none", "gated", "down", "sky")
        said = _ask(endpoint, tmp_path / "home", *(f"hub:owner/{name}" for name in names))
    assert said[0] == "6"
    assert "the hub has no data set owner/none" in said[1]
    assert "is restricted by its owner" in said[2]
    assert "hub:owner/down cannot be downloaded: " in said[3]
    assert "or give a directory of its Parquet files" in said[3]
    assert said[4] == "18 test train"
    fetched = [each for each in hub.asked if each.startswith("GET /datasets")]
    assert sorted(Path(each).name for each in fetched) == [
        "test-00000-of-00001.parquet", "train-00000-of-00001.parquet",
    ]  # fmt: skip
    assert all("/data/" in each for each in fetched)


def test_what_was_downloaded_is_used_without_the_hub(files, tmp_path):
    texts = [f"hub:owner/{name}" for name in ("sky:split=test", "sky", "none")]
    with _serving(files, tmp_path / "sky") as (endpoint, _):
        assert _ask(endpoint, tmp_path / "home", texts[0]) == ["6"]
    # The server has gone; then the user says that there is no network.
    for environment in ({}, {"HF_HUB_OFFLINE": "1"}):
        said = _ask(endpoint, tmp_path / "home", *texts, **environment)
        assert said[0] == "6"
        # A part is not taken for the whole.
        assert said[1].startswith("hub:owner/sky cannot be downloaded: ")
        assert said[2].startswith("hub:owner/none cannot be downloaded: ")


def test_without_the_package_it_is_told_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(RequestError, match=r"pip install 'hubblefork\[hub\]'"):
        open_source("hub:owner/sky")


@pytest.mark.parametrize("text", ["hub:", "hub:sky", "hub:/sky", "hub:a/b/c"])
def test_a_name_without_owner_is_refused(text):
    with pytest.raises(RequestError, match="expected hub:OWNER/NAME"):
        open_source(text)
