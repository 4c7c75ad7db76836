"""A web server of a test, which gives files and can be told to misbehave."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class Server(ThreadingHTTPServer):
    """A server on this machine.

    files: what it gives, by path. statuses: of each path, those of the next answers, before it
    gives the file. shorter: by how many bytes its answers are shorter than they say. endless:
    whether they never end, nor say how long they are. headers: of every answer. requests: the path
    of each, with its query. before: called with the path of each before it is answered.
    """

    daemon_threads = True
    request_queue_size = 64  # or clients that come at once try again after a second

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.statuses: dict[str, list[int]] = {}
        self.shorter = 0
        self.endless = False
        self.headers: dict[str, str] = {}
        self.requests: list[str] = []
        self.before: Callable[[str], None] = lambda path: None

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is no fault."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        path = self.path.partition("?")[0]
        self.server.before(path)
        waiting = self.server.statuses.get(path, [])
        status = waiting.pop(0) if waiting else 200 if path in self.server.files else 404
        self.send_response(status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        content = self.server.files.get(path, b"") if status == 200 else b""
        if not self.server.endless:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) - self.server.shorter])
        while self.server.endless:
            self.wfile.write(bytes(1 << 16))

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@contextmanager
def serving() -> Iterator[Server]:
    """A server that runs while the block does."""
    server = Server()
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
