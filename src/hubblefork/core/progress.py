"""Progress of long computations, on stderr: a bar on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Seconds between plain lines: often enough to show that work goes on, rarely enough for a log file.
_LINE_INTERVAL = 10.0

_silent = False


def be_silent() -> None:
    """Print nothing from now on: for all but one of several processes that do the same."""
    global _silent
    _silent = True


def is_silent() -> bool:
    """Whether `be_silent` was called in this process."""
    return _silent


def on_terminal() -> bool:
    """Whether stderr is a terminal that can draw a bar."""
    return sys.stderr.isatty() and not _silent


@contextmanager
def progress(what: str, total: int, unit: str = "images") -> Iterator[Callable[[int], None]]:
    """Show the progress of `what`; the block calls the given function with each amount done.

    >>> with progress("packing", total=2) as done:
    ...     done(2)
    """
    if on_terminal():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

        columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), unit)
        with Progress(
            *columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True
        ) as bar:
            task = bar.add_task(what, total=total)
            yield lambda amount: bar.advance(task, amount)
        return

    start = last = time.monotonic()
    count = 0

    def advance(amount: int) -> None:
        nonlocal count, last
        count += amount
        now = time.monotonic()
        if now - last >= _LINE_INTERVAL:
            last = now
            rate = count / (now - start)
            say(f"{what}: {count:,} of {total:,} {unit}, {rate:,.0f}/s")

    yield advance


def say(line: str) -> None:
    """Print one line on stderr; stdout is kept for results."""
    if not _silent:
        print(line, file=sys.stderr, flush=True)
