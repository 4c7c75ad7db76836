"""Read the file behind a URL by fsspec: http, https, s3, and all that it has a package for.

Nothing is kept on the disk. fsspec is imported with the first URL.
"""

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from hubblefork.core.errors import RequestError, first_line
from hubblefork.core.tries import TransientFailure, is_transient
from hubblefork.core.urls import protocol_of

_WEB = ("http", "https")

# Seconds for a connection, for the next bytes on it, and for a whole file.
_CONNECT, _NEXT, _WHOLE = 30.0, 60.0, 600.0

# Read at once: what is too large is noticed after so many bytes more.
_BLOCK = 1 << 20

# Errors of aiohttp and botocore that are no OSError with a number, by the names of their classes,
# since neither package need be there: connections that break, and bodies that end early.
_BROKEN = {
    "ClientConnectionError", "ClientPayloadError",
    "ConnectionError", "HTTPClientError", "IncompleteReadError",
}  # fmt: skip
# And those that another try would not change: wrong certificates and encodings.
_LASTING = {"ClientSSLError", "SSLError", "ContentEncodingError"}


def check_protocol(protocol: str) -> None:
    """RequestError where a package is missing that reads URLs of this protocol."""
    try:
        _filesystem_class(protocol)
    except OSError:  # not known: the reason why the images of such URLs are left out
        return


def read_url(url: str, most: int) -> bytes:
    """Return what is behind a URL, up to one byte more than `most`.

    Raises TransientFailure (see `core.tries`); OSError with a reason for what is not there, or that
    another try would not change; RequestError where a package is missing.
    """
    filesystem_class = _filesystem_class(protocol := protocol_of(url))
    try:
        if protocol in _WEB:
            return _read_web(filesystem_class, url, most)
        # fsspec keeps one file system of each kind for all threads, or one a thread where its
        # connection cannot be shared.
        filesystem = filesystem_class(**filesystem_class._get_kwargs_from_urls(url))
        found: bytes = filesystem.cat_file(filesystem_class._strip_protocol(url), end=most + 1)
        return found
    # Each protocol has its own package, with errors of its own.
    except Exception as error:
        raise _explained(error) from None


def _filesystem_class(protocol: str) -> Any:
    if protocol in ("file", "local"):
        raise OSError("it is on another machine")
    try:
        from fsspec import get_filesystem_class

        return get_filesystem_class(protocol)
    except ImportError as error:
        raise RequestError(
            f"{protocol}:// cannot be read without another package: {first_line(error)} "
            "(pip install 'hubblefork[survey]' brings those for http and s3)"
        ) from None
    except ValueError:
        raise OSError(f"{protocol}:// is not a protocol that fsspec knows") from None


def _read_web(filesystem_class: Any, url: str, most: int) -> bytes:
    """Read by the session of fsspec, and not its files, which ask for the size before they read."""
    from aiohttp import ClientTimeout
    from fsspec.asyn import sync

    timeout = ClientTimeout(total=_WHOLE, sock_connect=_CONNECT, sock_read=_NEXT)
    filesystem = filesystem_class(client_kwargs={"trust_env": True, "timeout": timeout})

    async def read() -> bytes:
        session = await filesystem.set_session()
        async with session.get(filesystem.encode_url(url), **filesystem.kwargs) as response:
            response.raise_for_status()
            content = bytearray()
            async for block in response.content.iter_chunked(_BLOCK):
                content += block
                if len(content) > most:
                    break
            return bytes(content[: most + 1])

    found: bytes = sync(filesystem.loop, read)
    return found


def _explained(error: Exception) -> OSError:
    """Return the error to raise in place of one of fsspec, aiohttp or botocore."""
    kinds = {each.__name__ for each in type(error).__mro__}
    kinds |= {each.__name__ for each in type(error.__cause__).__mro__}
    status, headers = getattr(error, "status", None), getattr(error, "headers", None)
    if isinstance(status, int) and status >= 300:
        reason = f"the server answers {status} {getattr(error, 'message', '')}".rstrip()
        if status in (408, 429) or status >= 500:
            return TransientFailure(reason, _retry_after(headers or {}))
        return OSError(reason)
    if isinstance(error, OSError) and is_transient(error):
        return error
    if kinds & _BROKEN and not kinds & _LASTING:
        early = "ClientPayloadError" in kinds
        return TransientFailure("the connection ended early" if early else first_line(error))
    if isinstance(error, FileNotFoundError):
        return OSError("the file is not there")
    return OSError(getattr(error, "strerror", None) or first_line(error))


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that a server asks to wait, as a number or as a date; None where it does not."""
    asked = headers.get("Retry-After", "")
    try:
        return (
            float(asked)
            if asked.isdecimal()
            else parsedate_to_datetime(asked).timestamp() - time.time()
        )
    except ValueError:
        return None
