"""What may succeed on another try, such as a read over a network: three tries, then one line.

It is never the fault of the file that is read, so that no image is left out for it.
"""

import errno
import os
import socket
import time
from collections.abc import Callable
from typing import TypeVar

# EBUSY and EREMOTEIO: as s3fs reports the answers 503 and 500 of a server. Not every system has
# all of them.
TRANSIENT = frozenset(
    getattr(errno, name)
    for name in (
        "ESTALE", "ETIMEDOUT", "ECONNRESET", "ECONNREFUSED", "ECONNABORTED", "ENETDOWN",
        "ENETUNREACH", "EHOSTUNREACH", "EAGAIN", "EMFILE", "ENFILE", "ENOMEM", "EBUSY", "EREMOTEIO",
    )
    if hasattr(errno, name)
)  # fmt: skip

# Seconds before the second and the third try.
WAITS = (0.5, 1.0)

# A server may ask for a longer pause, and is then given at most this many seconds.
_LONGEST_WAIT = 30.0

T = TypeVar("T")


class TransientFailure(OSError):
    """What failed and may succeed later; the message is one line.

    wait: seconds after which the server asks to be tried again, if it does.
    """

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


def is_transient(error: BaseException) -> bool:
    """Whether what failed so may succeed on another try.

    >>> is_transient(ConnectionResetError(errno.ECONNRESET, "")), is_transient(FileNotFoundError())
    (True, False)
    """
    return isinstance(error, TransientFailure | TimeoutError | socket.gaierror) or (
        isinstance(error, OSError) and error.errno in TRANSIENT
    )


def reason_of(error: OSError) -> str:
    """What went wrong, without the name of the file.

    >>> reason_of(socket.gaierror(-2, "Name or service not known"))
    'Name or service not known'
    >>> reason_of(TimeoutError())
    'no answer in time'
    """
    if isinstance(error, socket.gaierror):
        return error.strerror or "the name of the server is not known"
    if error.errno and error.errno in TRANSIENT:
        return os.strerror(error.errno)
    return str(error) or "no answer in time"


def trying_again(read: Callable[[], T], what: object) -> T:
    """Return what `read` returns on its first, second or third try.

    what: is read, for the message. Raises TransientFailure after the third, and at once whatever
    another try would not change.

    >>> trying_again(lambda: open(folder / "nothing"), "nothing")
    Traceback (most recent call last):
    FileNotFoundError: ...
    """
    for wait in WAITS:
        try:
            return read()
        except OSError as error:
            if not is_transient(error):
                raise
            time.sleep(min(getattr(error, "wait", None) or wait, _LONGEST_WAIT))
    try:
        return read()
    except OSError as error:
        if not is_transient(error):
            raise
        raise failed(error, what) from None


def failed(error: OSError, what: object) -> TransientFailure:
    """The failure to tell a user about, where reading this ended with a transient error."""
    return TransientFailure(f"cannot read {what}: {reason_of(error)}; try again")
