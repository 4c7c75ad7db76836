"""Bind an address, print the link, and answer until the process is ended."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from hubblefork.core.errors import RequestError
from hubblefork.workbench.app import create_app
from hubblefork.workbench.data import Collection
from hubblefork.workbench.security import Access, Guard
from hubblefork.workbench.store import LabelStore

# Seconds that a client has for the lines of its request, before it is hung up on.
REQUEST_SECONDS = 10.0
# Connections that wait to be accepted: a flood is answered in its turn.
_BACKLOG = 1024


@contextmanager
def bound(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that listens; port 0 is any free one. RequestError where it cannot be had."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError) as error:
        raise RequestError(
            f"cannot listen at {host}:{port}: {getattr(error, 'strerror', None) or error}; give "
            "another --port or --host"
        ) from error
    with listening:
        yield listening


def make_server(
    listening: socket.socket, collection: Collection, store: LabelStore, title: str, rater: str,
    announce: Callable[[str], None],
) -> uvicorn.Server:  # fmt: skip
    """A server for a socket; `run(sockets=[listening])` runs it.

    announce: called with the link for a browser: at once, and each time one has been used.
    """
    host, port = listening.getsockname()[:2]
    named = f"[{host}]" if ":" in host else host
    access = Access(lambda token: announce(f"http://{named}:{port}/?token={token}"))
    app = Guard(create_app(collection, store, title, rater), access, host, port)
    server = uvicorn.Server(
        uvicorn.Config(
            app, http=_Impatient, ws="none", lifespan="off", proxy_headers=False,
            access_log=False, log_level="warning", server_header=False,
            timeout_graceful_shutdown=2, backlog=_BACKLOG,
        )
    )  # fmt: skip
    announce(f"http://{named}:{port}/?token={access.token}")
    return server


@contextmanager
def serving(
    collection: Collection, labels: Path, title: str = "Galaxies", rater: str = "ann"
) -> Iterator[list[str]]:
    """The links of a server that runs in a thread, at a free port, while the block does."""
    links: list[str] = []
    with (
        bound("127.0.0.1", 0) as listening,
        LabelStore.open(labels, collection.questions.task) as store,
    ):
        server = make_server(listening, collection, store, title, rater, links.append)
        thread = Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield links
        finally:
            server.should_exit = True
            thread.join()


class _Impatient(H11Protocol):
    """Hangs up on clients that begin to ask and do not come to an end, also after a first request.

    uvicorn itself waits for the rest of a request as long as some of it arrives now and then.
    """

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._hang_up_later()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_idle():
            self._hang_up_later()

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _hang_up_later(self) -> None:
        self.loop.call_later(REQUEST_SECONDS, self._hang_up_unless_asked, self.cycle)

    def _hang_up_unless_asked(self, before: Any) -> None:
        if self.cycle is before and self._is_idle() and not self.transport.is_closing():
            self.transport.close()
