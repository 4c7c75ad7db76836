"""What takes long is done by few at once; of those who come meanwhile, few are kept waiting."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hubblefork.core.errors import RequestError


class Busy(RequestError):
    """More at once than are kept waiting."""

    status = 503


class Turns:
    """Turns of `at_once` at a time, for which `waiting` others may wait."""

    def __init__(self, at_once: int = 1, waiting: int = 16) -> None:
        self._free, self._left = asyncio.Semaphore(at_once), at_once + waiting

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """The block runs when its turn has come; Busy where too many are waiting already."""
        if not self._left:
            raise Busy("too many requests at once: try again in a moment")
        self._left -= 1
        try:
            async with self._free:
                yield
        finally:
            self._left += 1
