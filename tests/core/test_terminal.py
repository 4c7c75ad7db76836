"""Nothing in names of files, columns or classes is obeyed by a terminal, or ends a command."""

import io
import os
import subprocess
import sys

import pytest
from rich.table import Table
from rich.text import Text

from hubblefork.core.terminal import guarded, print_path, print_screen
from hubblefork.core.text import printable

HOSTILE = "a\x1b]0;title\x07\x1b[2J\x9b31m\u202egpj.exe\u2028[red]b[/red] :boom:"


@pytest.fixture
def printed(monkeypatch):
    """What `function` prints on stdout and stderr in an encoding."""

    def run(function, encoding: str = "utf-8") -> str:
        streams = [io.BytesIO(), io.BytesIO()]
        for name, buffer in zip(("stdout", "stderr"), streams, strict=True):
            monkeypatch.setattr(sys, name, io.TextIOWrapper(buffer, encoding=encoding))
        with guarded():
            function()
        assert type(sys.stdout) is io.TextIOWrapper  # as it was, and still open
        assert not sys.stdout.closed
        return "".join(each.getvalue().decode(encoding) for each in streams)

    return run


def _screen() -> Table:
    table = Table("name", box=None)
    table.add_row(Text(HOSTILE))
    return table


@pytest.mark.parametrize(
    "function",
    [
        lambda: print(HOSTILE),
        lambda: print(HOSTILE, file=sys.stderr),
        lambda: sys.stderr.writelines([HOSTILE]),
        lambda: print_screen(_screen()),
        lambda: print_screen(HOSTILE),
    ],
)
def test_escape_sequences_are_shown_and_not_obeyed(printed, function):
    shown = printed(function)
    assert printable(shown) == shown
    assert r"\x1b[2J\x9b31m\u202egpj.exe" in shown
    assert "[red]b[/red] :boom:" in shown


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8", "été 猫 95\u00a0% – █"),
        ("cp1252", "été \\u732b 95\u00a0% – #"),
        ("ascii", "\\xe9t\\xe9 \\u732b 95 % - #"),
    ],
)
def test_what_the_encoding_lacks_is_escaped_and_typography_is_plain(printed, encoding, shown):
    for function in (print, print_screen):
        assert printed(lambda: function("été 猫 95\u00a0% – █"), encoding) == shown + "\n"  # noqa: B023


def test_colours_are_kept_on_a_terminal(printed, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    shown = printed(lambda: print_screen(Text(HOSTILE, style="bold")))
    assert shown.startswith("\x1b[1ma\\x1b]0;title")


def test_a_path_is_told_to_a_program_byte_for_byte(printed):
    path = "caf\udce9\x1b/ζώο.csv"
    shown = printed(lambda: print_path(path), "latin-1")
    assert shown.encode("latin-1") == os.fsencode(path) + b"\n"


_PRINT = """
import sys
from hubblefork.core.terminal import guarded, print_path, print_screen
from hubblefork.core.progress import say
with guarded():
    for place in range(20_000):
        print("a line of some length", place)
        say("another")
    print_screen("screen")
    print_path("path")
open(sys.argv[1], "w").write("done")
"""


@pytest.mark.skipif(os.name != "posix", reason="uses the shell of this system")
def test_a_closed_pipe_ends_quietly_and_the_work_is_done(tmp_path):
    command = f'set -o pipefail; "{sys.executable}" -c "$1" "$2" | head -1'
    end = subprocess.run(
        ["bash", "-c", command, "bash", _PRINT, str(tmp_path / "done")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert end.returncode == 0
    assert end.stdout == "a line of some length 0\n"
    assert set(end.stderr.splitlines()) == {"another"}
    assert (tmp_path / "done").exists()
