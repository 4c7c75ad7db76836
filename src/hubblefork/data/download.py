"""Download a published file once: to a temporary file, its hash checked, then renamed.

An interrupted download is resumed. Every failure is one line that says where to put the file by
hand. Two processes that need the same file each download it, and neither sees the other's
incomplete one.
"""

import errno
import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import requests

from hubblefork.core.errors import RequestError
from hubblefork.core.file_cache import file_sha256
from hubblefork.core.files import replacing
from hubblefork.core.progress import progress, say

# Seconds to wait for a connection, and for the next bytes on it.
_TIMEOUT = (10.0, 60.0)

# An interrupted download is resumed this many times, after a pause of so many seconds.
_RETRIES = 5
_PAUSE = 2.0

# An interrupted block is requested again, so it is small.
_BLOCK = 1 << 16


def fetch(url: str, sha256: str, path: Path, what: str, otherwise: str) -> Path:
    """Return `path`, after downloading `url` to it unless the published file is there.

    sha256: of the published file, in lower case; a file that differs is never used. One that is at
        `path` is kept beside it.
    what: what the file is, for messages.
    otherwise: how to give a file that the user has, such as `galaxy10-sdss:FILE.h5`.

    Raises RequestError without a network or room on the disk, for an unknown address, and where the
    file is not the published one.
    """
    if path.exists():
        if file_sha256(path) == sha256:
            return path
        say(f"{path} is damaged or another file, and is downloaded again")
    say(f"downloading {what} from {url} to {path}")
    with _failures_explained(url, path, what, otherwise), replacing(path, binary=True) as file:
        _download(url, file, path.parent)
        file.flush()
        if _sha256(file) != sha256:
            raise _OtherFile
        # Perhaps it was put there by hand; what another process has downloaded meanwhile is right.
        if path.exists() and file_sha256(path) != sha256:
            aside = path.with_name(f"{path.name}.other")
            os.replace(path, aside)
            say(f"what was at {path} is at {aside} now; remove it where it is of no use")
    return path


@contextmanager
def _failures_explained(url: str, path: Path, what: str, otherwise: str) -> Iterator[None]:
    """Turn a failed download into one line that says what to do."""
    cause: Exception | None = None
    try:
        yield
    except requests.HTTPError as error:
        assert error.response is not None  # noqa: PT017 - only responses raise it
        reason = f"the server answered {error.response.status_code} {error.response.reason}"
    except requests.Timeout:
        reason = f"no answer within {_TIMEOUT[1]:g} seconds"
    except requests.exceptions.ChunkedEncodingError:
        reason = "the connection was interrupted again and again"
    except requests.RequestException:
        reason = "no connection; is there a network, and is the address still right?"
    except _OtherFile:
        reason = "the download is not the published file (its SHA-256 differs), and was removed"
    except OSError as error:
        cause, reason = error, f"it cannot be written to {path.parent} ({error.strerror or error})"
    else:
        return
    raise RequestError(
        f"{what} could not be downloaded from {url}: {reason}; "
        f"put the file at {path} by hand, or give it as {otherwise}"
    ) from cause


class _OtherFile(Exception):
    """What was downloaded is not what was published."""


def _sha256(file: IO[bytes]) -> str:
    with open(file.name, "rb") as written:
        return hashlib.file_digest(written, "sha256").hexdigest()


def _download(url: str, file: IO[bytes], folder: Path) -> None:
    """Download `url` to `file`, which is in `folder`."""
    for _attempt in range(_RETRIES):
        with suppress(requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
            _resume(url, file, folder)
            return
        if not file.tell():  # there was no connection at all
            break
        say(f"the connection was interrupted after {file.tell():,} bytes; resuming")
        time.sleep(_PAUSE)
    _resume(url, file, folder)


def _resume(url: str, file: IO[bytes], folder: Path) -> None:
    """Append the bytes of `url` that `file` does not have yet."""
    # A server that compresses the transfer would count other bytes than ours.
    headers = {"Accept-Encoding": "identity"}
    if file.tell():
        headers["Range"] = f"bytes={file.tell()}-"
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
        response.raise_for_status()
        if response.status_code != requests.codes.partial_content:  # all of it, from the start
            file.seek(0)
            file.truncate()
        coming = int(response.headers.get("Content-Length", 0))
        _check_room(folder, coming)
        with progress("downloading", coming, "bytes") as done:
            for block in response.iter_content(_BLOCK):
                file.write(block)
                done(len(block))


def _check_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        needs = f"{needed:,} bytes are needed, {free:,} are free; make room there"
        raise OSError(errno.ENOSPC, needs)
