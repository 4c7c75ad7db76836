"""The Hugging Face hub, stood for by a real HTTP server on this machine that speaks its protocol.

It keeps repositories of models and data sets with all their revisions, takes uploads as the hub
does (large files apart from the commit), and knows who may see what.
"""

import base64
import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote

import pytest

TOKEN = "hf_token_of_owner"
_LARGE = (".safetensors", ".bin", ".parquet")


@dataclass
class Repository:
    """Files by path of every commit, the commits of branches and tags, and who may see them."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    private: bool = False
    gated: bool = False

    def commit(self, changed: dict[str, bytes | None]) -> str:
        """Add a commit with these files besides those there are; None removes one."""
        files = self.commits.get(self.refs.get("main", ""), {}) | changed
        files = {path: content for path, content in files.items() if content is not None}
        name = hashlib.sha1(repr((len(self.commits), files)).encode()).hexdigest()
        self.commits[name] = files
        self.refs["main"] = name
        return name


class Hub(ThreadingHTTPServer):
    """repositories: by kind and name, such as `models/owner/net`. asked: method and path of each
    request. down: whether it hangs up without a word."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories: dict[str, Repository] = {}
        self.asked: list[str] = []
        self.down = False
        self.uploaded: dict[str, bytes] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def known_to(self, patch: pytest.MonkeyPatch, folder: Path) -> None:
        """Make it the hub of this process, which keeps in `folder` what it downloads.

        huggingface_hub reads HF_ENDPOINT and HF_HOME when it is first imported: it is too late.
        """
        from huggingface_hub import constants

        for key in [key for key in os.environ if key.startswith("HF_")]:
            patch.delenv(key)
        template = f"{self.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        patch.setattr(constants, "ENDPOINT", self.url)
        patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        patch.setattr(constants, "HF_HUB_CACHE", str(folder / "hub"))
        patch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # large files go as git-lfs sends them
        patch.setattr(constants, "HF_TOKEN_PATH", str(folder / "token"))

    def put(self, repository: str, files: dict[str, bytes | None], **who: bool) -> str:
        """Add a commit to a repository, which is made; returns its name."""
        return self.repositories.setdefault(repository, Repository(**who)).commit(files)


@contextmanager
def serving_hub() -> Iterator[Hub]:
    """A hub that runs while the block does."""
    pytest.importorskip("huggingface_hub")
    hub = Hub()
    Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()


def read_files(folder: Path) -> dict[str, bytes]:
    """The files below a folder, as `Hub.put` takes them."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self._answered(self._get)

    def do_POST(self) -> None:
        self._answered(self._post)

    def do_PUT(self) -> None:
        self._answered(self._put)

    def _answered(self, answer) -> None:
        path = unquote(self.path.split("?")[0])
        self.server.asked.append(f"{self.command} {path}")
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.server.down:
            self.close_connection = True
        else:
            answer(path)

    @property
    def _is_owner(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def _get(self, path: str) -> None:
        api = re.fullmatch(r"/api/(models|datasets)/([^/]+/[^/]+)(?:/(revision|tree)/(.+))?", path)
        file = re.fullmatch(r"(/datasets)?/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
        if not api and not file:
            return self._refuse(404, "RepoNotFound")
        if api:
            kind, name, what, revision = api.groups()
        else:
            kind, name, revision = "datasets" if file[1] else "models", file[2], file[3]
        found = self.server.repositories.get(f"{kind}/{name}")
        if found is None or (found.private and not self._is_owner):
            return self._refuse(404 if self._is_owner else 401, "RepoNotFound")
        revision = revision or "main"
        commit = found.refs.get(revision, revision)
        if commit not in found.commits:
            return self._refuse(404, "RevisionNotFound")
        files = found.commits[commit]
        if api and what == "tree":
            return self._answer([_listed(each, content) for each, content in files.items()])
        if api:
            siblings = [{"rfilename": each} for each in files]
            about = {"id": name, "sha": commit, "siblings": siblings, "private": found.private}
            library = re.search(rb"^library_name: (.+)$", files.get("README.md", b""), re.M)
            return self._answer(about | ({"library_name": library[1].decode()} if library else {}))
        if found.gated and not self._is_owner:
            return self._refuse(403, "GatedRepo")
        if file[4] not in files:
            return self._refuse(404, "EntryNotFound", **{"X-Repo-Commit": commit})
        listed, content = _listed(file[4], files[file[4]]), files[file[4]]
        about = {"ETag": f'"{listed["oid"]}"', "X-Repo-Commit": commit}
        if "lfs" in listed:
            size = str(len(content))
            about |= {"X-Linked-Etag": f'"{listed["lfs"]["oid"]}"', "X-Linked-Size": size}
        return self._send(200, content, **about)

    def _post(self, path: str) -> None:
        given = json.loads(self.body) if "/commit/" not in path else None
        if path == "/api/validate-yaml":
            licence = re.search(r"^license: (.*)$", given["content"], re.M)
            if licence and licence[1] not in ("apache-2.0", "mit", "cc-by-4.0", "other"):
                error = {"message": f'"license" must be one of [apache-2.0, ...], not {licence[1]}'}
                return self._send(400, json.dumps({"errors": [error]}).encode())
            return self._answer({})
        if not self._is_owner:
            return self._send(401, b'{"error":"Invalid username or password."}')
        if path == "/api/repos/create":
            if given["organization"] != "owner":
                error = f"You don't have the rights to create a model under {given['organization']}"
                return self._send(403, json.dumps({"error": error}).encode())
            name = f"owner/{given['name']}"
            known = f"models/{name}" in self.server.repositories
            private = given.get("private") or given.get("visibility") == "private"
            made = Repository(private=bool(private))
            if not known:
                self.server.repositories[f"models/{name}"] = made
                made.commit({".gitattributes": b""})
            url = json.dumps({"url": f"{self.server.url}/{name}"}).encode()
            return self._send(409 if known else 200, url)
        if found := re.fullmatch(r"/api/models/.+/preupload/main", path):
            return self._answer({"files": [
                {"path": each["path"], "shouldIgnore": False,
                 "uploadMode": "lfs" if each["path"].endswith(_LARGE) else "regular"}
                for each in given["files"]
            ]})  # fmt: skip
        if path.endswith(".git/info/lfs/objects/batch"):
            return self._answer({"transfer": "basic", "objects": [
                {**each, "actions": {"upload": {"href": f"{self.server.url}/lfs/{each['oid']}"}}}
                for each in given["objects"]
            ]})  # fmt: skip
        if found := re.fullmatch(r"/api/models/(.+)/commit/main", path):
            files: dict[str, bytes | None] = {}
            for line in map(json.loads, self.body.splitlines()):
                value = line["value"]
                if line["key"] == "deletedFile":
                    files[value["path"]] = None
                elif line["key"] == "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                elif line["key"] == "lfsFile":
                    files[value["path"]] = self.server.uploaded[value["oid"]]
            commit = self.server.put(f"models/{found[1]}", files)
            url = f"{self.server.url}/{found[1]}/commit/{commit}"
            return self._answer({"commitUrl": url, "commitOid": commit, "pullRequestUrl": None})
        return self._refuse(404, "RepoNotFound")

    def _put(self, path: str) -> None:
        digest = hashlib.sha256(self.body).hexdigest()
        if path != f"/lfs/{digest}":
            return self._send(400, b"")
        self.server.uploaded[digest] = self.body
        return self._send(200, b"")

    def _refuse(self, status: int, code: str, **headers: str) -> None:
        self._send(status, b"", **{"X-Error-Code": code, **headers})

    def _answer(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), **{"Content-Type": "application/json"})

    def _send(self, status: int, content: bytes, **headers: str) -> None:
        self.send_response(status)
        for key, value in (headers | {"Content-Length": str(len(content))}).items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing on stderr."""


def _listed(path: str, content: bytes) -> dict:
    oid = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    listed = {"type": "file", "path": path, "size": len(content), "oid": oid}
    if path.endswith(_LARGE):
        lfs = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}
        listed["lfs"] = lfs
    return listed
