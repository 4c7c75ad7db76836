"""A worker that does nothing for half an hour ends itself: nobody else can tell that it hangs."""

import faulthandler
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Far longer than 256 images take that come one by one from a slow server.
SECONDS = 30 * 60.0

_STDERR = 2


@contextmanager
def watched() -> Iterator[Callable[[], None]]:
    """End this process with status 1 where the given function is not called for so long.

    What each thread was doing is printed on stderr. The watch is a thread of C, so that it works
    where Python itself waits.
    """

    def alive() -> None:
        faulthandler.dump_traceback_later(SECONDS, exit=True, file=_STDERR)

    alive()
    try:
        yield alive
    finally:
        faulthandler.cancel_dump_traceback_later()
