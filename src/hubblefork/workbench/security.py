"""Who may ask the workbench: the browser that was given the link, on this machine's own name.

Every request passes here first. Another web page can make a browser send requests to this server,
so a cookie alone is not enough: the name that was asked for (`Host`) must be ours, which a rebound
DNS name is not, and what changes anything needs our origin and a header that no other page can set.
"""

import hmac
import ipaddress
import secrets
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from html import escape
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

# A page of another origin cannot send it without being asked first (CORS), and is never allowed to.
HEADER = "x-hubblefork"

_HEADERS = {
    "content-security-policy": (
        "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; "
        "object-src 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    # Browsers look up the names of links before they are clicked.
    "x-dns-prefetch-control": "off",
}

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class Access:
    """The link that is printed, and the browsers that came by one.

    A link is good for one browser; `announce` is then called with the token of the next one.
    """

    def __init__(self, announce: Callable[[str], None]) -> None:
        self._announce = announce
        self._sessions: list[str] = []
        self.token = secrets.token_urlsafe(24)

    def exchange(self, token: str) -> str | None:
        """A new session for the token of the current link; None for any other."""
        if not _same(token, self.token):
            return None
        self._sessions.append(secrets.token_urlsafe(24))
        self.token = secrets.token_urlsafe(24)
        self._announce(self.token)
        return self._sessions[-1]

    def knows(self, session: str) -> bool:
        """Whether a browser has this session; it takes as long for a wrong one as for a right."""
        return any([_same(session, each) for each in self._sessions])  # noqa: C419


class Guard:
    """Lets requests of known browsers through to `app`, and puts our headers on every answer.

    The app finds in `request.state.browser` which browser asks.

    host: the address that the server is bound to. port: its port.
    """

    def __init__(self, app: App, access: Access, host: str, port: int) -> None:
        self._app, self._access, self._host, self._port = app, access, host, port
        # Cookies are shared by all ports of a machine.
        self._cookie = f"hubblefork-{port}"

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return

        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        reason = self._refusal(scope)
        answer = _refused(reason, scope) if isinstance(reason, str) else reason or self._app
        await answer(scope, receive, headed)

    def _refusal(self, scope: Message) -> Response | str | None:
        """Why a request is not let through, or where it is sent instead."""
        headers = Headers(scope=scope)
        if len(headers.getlist("host")) != 1 or not self.is_ours(headers["host"]):
            return f"expected the name of this server, {self._host}:{self._port}"
        writes = scope["method"] not in ("GET", "HEAD")
        token = parse_qs(scope["query_string"].decode("latin-1")).get("token")
        if token and scope["path"] == "/" and not writes:
            return self._entrance(token[-1], headers)
        if not self._access.knows(session := self._session(headers)):
            return "open the link that hubblefork serve has printed"
        origins = headers.getlist("origin")
        if writes and (origins != [f"http://{headers['host']}"] or headers.get(HEADER) != "1"):
            return "expected a request of a page of this server"
        scope.setdefault("state", {})["browser"] = session
        return None

    def is_ours(self, name: str) -> bool:
        """Whether a Host header names this server.

        Loopback names always do. Bound elsewhere, so do the address given, and any IP address
        where all are listened to: names can be rebound, addresses cannot.
        """
        host, _, port = name.rpartition(":")
        if port != str(self._port):
            return False
        if host in (*_LOOPBACK, self._host, f"[{self._host}]"):
            return True
        try:
            return ipaddress.ip_address(self._host).is_unspecified and bool(
                ipaddress.ip_address(host.strip("[]"))
            )
        except ValueError:
            return False

    def _entrance(self, token: str, headers: Headers) -> Response | str:
        session = self._access.exchange(token)
        if session is None and not self._access.knows(self._session(headers)):
            return "this link was used or is an old one: open the last one printed"
        answer = RedirectResponse("/", 303)
        if session is not None:
            answer.set_cookie(self._cookie, session, path="/", httponly=True, samesite="strict")
        return answer

    def _session(self, headers: Headers) -> str:
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(self._cookie)
        except CookieError:
            return ""
        return cookie.value if cookie else ""


def wants_page(headers: Mapping[str, str]) -> bool:
    """Whether somebody looks at the answer, and not a script of a page."""
    return "text/html" in headers.get("accept", "")


# It has no style sheet: nothing of ours is given to whom it is for.
_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>Not allowed</title></head>
<body><main><h1>Not allowed</h1><p>{}.</p></main></body>
</html>
"""


def _refused(reason: str, scope: Message) -> Response:
    if wants_page(Headers(scope=scope)):
        return HTMLResponse(_PAGE.format(escape(reason[0].upper() + reason[1:])), 403)
    return PlainTextResponse(f"not allowed: {reason}\n", 403)


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), known.encode())
