"""What a terminal is sent: names from files are shown on it and never obeyed by it.

File, column and class names may hold escape sequences. Every character of stdout and stderr goes
through `guarded`, which writes control characters as escapes, and so does what the encoding lacks:
printing never fails. Colours are written by `print_screen` and by the progress bar alone.
"""

import codecs
import io
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from hubblefork.core.text import one_line, printable

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

# Typographic characters of our own texts, for terminals that have only ASCII.
_PLAIN = {"\u00a0": " ", "–": "-", "’": "'", "‘": "'", "“": '"', "”": '"', "…": "...", "×": "x",
          "█": "#", "→": "->", "≤": "<=", "≥": ">=", "±": "+-", "·": "*"}  # fmt: skip


def _plain(error: UnicodeError) -> tuple[str, int]:
    """Write what an encoding lacks in ASCII; by `str.encode`, as an error handler."""
    assert isinstance(error, UnicodeEncodeError)
    missing = error.object[error.start : error.end]
    escaped = (
        _PLAIN.get(each) or each.encode("ascii", "backslashreplace").decode() for each in missing
    )
    return "".join(escaped), error.end


codecs.register_error("hubblefork.plain", _plain)


class _Guarded(io.TextIOWrapper):
    """A stream that escapes control characters, and is silent once its reader has gone."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        stream.flush()
        self.original = stream
        super().__init__(
            stream.buffer,
            encoding=stream.encoding,
            errors="hubblefork.plain",
            line_buffering=stream.line_buffering,
            write_through=stream.write_through,
        )

    def write(self, text: str) -> int:
        self.write_styled(printable(text))
        return len(text)

    def write_styled(self, text: str) -> None:
        """Write text whose escape sequences are our own."""
        with self._open_end():
            super().write(text)

    def flush(self) -> None:
        with self._open_end():
            super().flush()

    @contextmanager
    def _open_end(self) -> Iterator[None]:
        """Where `| head` has closed the pipe, what is still printed goes nowhere."""
        try:
            yield
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)


@contextmanager
def guarded() -> Iterator[None]:
    """Guard stdout and stderr while the block runs."""
    with ExitStack() as stack:
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if isinstance(stream, io.TextIOWrapper):
                stack.enter_context(_replaced(name, _Guarded(stream)))
        yield


@contextmanager
def _replaced(name: str, guard: _Guarded) -> Iterator[None]:
    setattr(sys, name, guard)
    try:
        yield
    finally:
        setattr(sys, name, guard.original)
        guard.flush()
        guard.detach()  # or it would close the stream that it shares


def print_screen(screen: "RenderableType") -> None:
    """Print a screen of text and tables on stdout, in colour on a terminal."""
    from rich.console import Console

    stream: Any = sys.stdout
    console = Console(file=stream, highlight=False, markup=False, emoji=False)
    with console.capture() as captured:
        console.print(_Shown(screen))
    getattr(stream, "write_styled", stream.write)(captured.get())


def print_path(path: object) -> None:
    """Print the path of what was written, the last line on stdout.

    To a terminal it is escaped as everything else; to a file or a pipe it is the very bytes of the
    path, so that scripts find it whatever its name and the encoding are.
    """
    buffer = getattr(sys.stdout, "buffer", None)
    if os.name != "posix" or buffer is None or sys.stdout.isatty():
        print(one_line(str(path)))
        return
    sys.stdout.flush()
    try:
        buffer.write(os.fsencode(str(path)) + b"\n")
    finally:
        sys.stdout.flush()


class _Shown:
    """What rich shows, with the control characters in its texts escaped."""

    def __init__(self, screen: "RenderableType") -> None:
        self._screen = screen

    def __rich_console__(
        self, console: "Console", options: "ConsoleOptions"
    ) -> "Iterator[Segment]":
        from rich.segment import Segment

        for segment in console.render(self._screen, options):
            yield segment if segment.control else Segment(printable(segment.text), segment.style)
