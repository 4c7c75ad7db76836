"""Progress of long computations: a bar on a terminal or in a notebook, plain lines elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, Protocol

from hubblefork.core.text import duration, one_line, per_second

# Seconds between plain lines: often enough to show that work goes on, rarely enough for a log file.
_LINE_INTERVAL = 10.0

# Seconds between updates of a bar in a notebook: each is a message to the browser.
_UPDATE_INTERVAL = 0.2

_silent = False


def be_silent() -> None:
    """Print nothing from now on: for all but one of several processes that do the same."""
    global _silent
    _silent = True


def is_silent() -> bool:
    """Whether `be_silent` was called in this process."""
    return _silent


def display_mode() -> Literal["terminal", "notebook", "plain"]:
    """Where progress is shown: on a terminal, in a Jupyter kernel, or as plain lines.

    >>> display_mode()
    'plain'
    """
    if _silent:
        return "plain"
    if sys.stderr.isatty():
        return "terminal"
    # A kernel has imported IPython; nobody else needs it.
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return "notebook" if hasattr(shell, "kernel") else "plain"


class Bar:
    """A progress bar on the terminal or in a notebook, gone when it stops.

    title: before the bar. total: the number at which it is full. before: where it begins.
    """

    def __init__(self, title: str, total: int, before: int = 0) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            TimeRemainingColumn(),
            # Its escape sequences go around the guard of `core/terminal.py`.
            console=Console(file=getattr(sys.stderr, "original", sys.stderr)),
            transient=True,
        )
        self._task = self._progress.add_task(
            one_line(title), total=total, completed=before, note=""
        )
        self._cell: Any = None
        if display_mode() == "notebook":
            from IPython.display import display

            # rich's own live display in a notebook needs ipywidgets, which may not be there.
            self._cell = display(self._progress, display_id=True)
            self._updated = time.monotonic()
        else:
            self._progress.start()

    def update(self, completed: int, note: str) -> None:
        """Move the bar to `completed`, with a note beside it."""
        self._progress.update(self._task, completed=completed, note=note)
        if self._cell and time.monotonic() - self._updated > _UPDATE_INTERVAL:
            self._cell.update(self._progress)
            self._updated = time.monotonic()

    def restart(self, title: str) -> None:
        """Empty the bar and give it another title."""
        self._progress.reset(self._task, description=one_line(title), note="")
        if self._cell:
            self._cell.update(self._progress)

    def stop(self) -> None:
        """Remove the bar."""
        if self._cell:
            self._cell.update({"text/plain": "", "text/html": ""}, raw=True)
        else:
            self._progress.stop()


class Advance(Protocol):
    """Tell that some more is done, with a note that stands beside the numbers from then on."""

    def __call__(self, amount: int, note: str = "") -> None: ...


@contextmanager
def progress(what: str, total: int, unit: str = "images", before: int = 0) -> Iterator[Advance]:
    """Show the progress of `what`; the block calls the given function with each amount done.

    before: how much of the total was done earlier.

    >>> with progress("packing", total=2) as done:
    ...     done(2)
    """
    bar = None if display_mode() == "plain" else Bar(what, total, before)
    start = last = time.monotonic()
    count = before

    def advance(amount: int, note: str = "") -> None:
        nonlocal count, last
        count += amount
        now = time.monotonic()
        note = f", {note}" if note else ""
        # Of what failed, some was taken back.
        rate = max(0, count - before) / max(now - start, 1e-9)
        if bar:
            bar.update(count, f"{count:,}/{total:,} {unit}, {per_second(rate, unit)}{note}")
        elif now - last >= _LINE_INTERVAL:
            last = now
            left = f", {duration((total - count) / rate)} left" if rate > 0 else ""
            say(f"{what}: {count:,} of {total:,} {unit}, {per_second(rate, unit)}{left}{note}")

    try:
        yield advance
    finally:
        if bar:
            bar.stop()


def say(line: str) -> None:
    """Print one line on stderr, where stdout is for results; in a notebook, below its cell.

    What is no printable character in it, as in names of files, is escaped.
    """
    if not _silent:
        # A notebook shows stderr on red.
        stream = sys.stdout if display_mode() == "notebook" else sys.stderr
        print(one_line(line), file=stream, flush=True)
