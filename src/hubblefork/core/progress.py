"""Progress of long computations: a bar on a terminal or in a notebook, plain lines elsewhere."""

import io
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, Protocol

from hubblefork.core.text import duration, one_line, per_second, printable, shortened

if TYPE_CHECKING:
    from rich.console import Console

# Seconds between plain lines: often enough to show that work goes on, rarely enough for a log file.
_LINE_INTERVAL = 10.0

# Seconds between updates of a bar in a notebook: each is a message to the browser.
_UPDATE_INTERVAL = 0.2

# Columns of the shortest and the longest bar; of the time that is left, and the spaces around.
_SHORTEST, _LONGEST, _TIME = 4, 40, 7 + 3

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


class _AboveBar(io.TextIOBase):
    """A stream to the terminal while a bar is on it: each whole line is written above the bar.

    rich's own takes what is printed to a file away from it, and breaks lines into several.
    """

    def __init__(self, stream: Any, console: "Console") -> None:
        self.stream = stream
        self._console = console
        self._waiting = ""

    def write(self, text: str) -> int:
        lines, end, self._waiting = (self._waiting + text).rpartition("\n")
        if end:
            self._console.print(
                printable(lines), soft_wrap=True, markup=False, highlight=False, emoji=False
            )
        return len(text)

    def give_back(self) -> None:
        """Write the line that has not ended to the stream, below which there is no bar any more."""
        self.stream.write(self._waiting)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class Bar:
    """A progress bar on the terminal or in a notebook, gone when it stops.

    title: before the bar. total: the number at which it is full. before: where it begins.
    shown: whether there is one now; two would write into each other.
    """

    shown = False

    def __init__(self, title: str, total: int, before: int = 0) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        # Its escape sequences go around the guard of `core/terminal.py`.
        console = Console(file=getattr(sys.stderr, "original", sys.stderr))
        self._console = console
        self._column = BarColumn()
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            self._column,
            TextColumn("{task.fields[note]}", markup=False),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._progress.add_task("", total=total, completed=before, note="")
        self._entitle(title)
        Bar.shown = True
        self._cell: Any = None
        self._streams: dict[str, _AboveBar] = {}
        if display_mode() == "notebook":
            from IPython.display import display

            # rich's own live display in a notebook needs ipywidgets, which may not be there.
            self._cell = display(self._progress, display_id=True)
            self._updated = time.monotonic()
        else:
            self._progress.start()
            for name in ("stdout", "stderr"):
                if (stream := getattr(sys, name)).isatty():
                    self._streams[name] = _AboveBar(stream, console)
                    setattr(sys, name, self._streams[name])

    def update(self, completed: int, *notes: str) -> None:
        """Move the bar to `completed`. notes: beside it, as many of the first as have room."""
        told = [each for each in notes if each]
        while self._place_for_bar(note := ", ".join(told)) < _SHORTEST and told:
            told.pop()
        self._progress.update(self._task, completed=completed, note=note)
        if self._cell and time.monotonic() - self._updated > _UPDATE_INTERVAL:
            self._cell.update(self._progress)
            self._updated = time.monotonic()

    def restart(self, title: str) -> None:
        """Empty the bar and give it another title."""
        self._progress.reset(self._task, note="")
        self._entitle(title)
        if self._cell:
            self._cell.update(self._progress)

    def _entitle(self, title: str) -> None:
        """Set the title, on one line that leaves half of the terminal for the rest."""
        self._title = shortened(one_line(title), self._console.width // 2)
        self._progress.update(self._task, description=self._title)
        self._place_for_bar("")

    def _place_for_bar(self, note: str) -> int:
        """Make the bar as long as title and note leave room for; return how long."""
        room = self._console.width - len(self._title) - len(note) - _TIME
        self._column.bar_width = min(max(room, _SHORTEST), _LONGEST)
        return room

    def stop(self) -> None:
        """Remove the bar."""
        Bar.shown = False
        if self._cell:
            self._cell.update({"text/plain": "", "text/html": ""}, raw=True)
        else:
            for name, above in self._streams.items():
                setattr(sys, name, above.stream)
            self._progress.stop()
            for above in self._streams.values():
                above.give_back()
            self._streams = {}


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
    bar = None if display_mode() == "plain" or Bar.shown else Bar(what, total, before)
    start = last = time.monotonic()
    count = before

    def advance(amount: int, note: str = "") -> None:
        nonlocal count, last
        count += amount
        now = time.monotonic()
        # Of what failed, some was taken back.
        rate = max(0, count - before) / max(now - start, 1e-9)
        if bar:
            bar.update(count, f"{count:,}/{total:,} {unit}", note, per_second(rate, unit))
        elif now - last >= _LINE_INTERVAL:
            last = now
            left = f"{duration((total - count) / rate)} left" if rate > 0 else ""
            told = (f"{count:,} of {total:,} {unit}", per_second(rate, unit), left, note)
            say(f"{what}: {', '.join(filter(None, told))}")

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
