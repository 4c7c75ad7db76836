"""Progress is plain lines where there is no terminal, and nothing in a silent process."""

import os
import pty
import re
import subprocess
import sys
import termios

import pytest

CODE = """
from hubblefork.core import progress
from hubblefork.core.progress import display_mode, say

progress._LINE_INTERVAL = 0
say(display_mode())
with progress.progress("packing", 2_000) as done:
    done(1_500)
with progress.progress("classifying", 400, "rows", before=100) as done:
    done(200, "2 unreadable")
    done(-250)  # of a shard that failed
progress.be_silent()
say("this is not said")
print(display_mode())
"""


def test_without_a_terminal_progress_is_plain_lines_on_stderr():
    result = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True)
    mode, line, more, less = result.stderr.splitlines()
    assert mode == result.stdout.strip() == "plain"
    assert line.startswith("packing: 1,500 of 2,000 images, ")
    told = r"classifying: 300 of 400 rows, [\d,]+\xa0rows/s, .+ left, 2 unreadable"
    assert re.fullmatch(told, more)
    assert less == "classifying: 50 of 400 rows, 0\xa0rows/s"


def test_on_a_terminal_progress_is_a_bar(terminal):
    out, said = terminal(CODE)
    assert out.strip() == "plain"
    assert said.splitlines()[0] == "terminal"
    assert "packing" in said
    assert re.search(r"1,500/2,000 images, [\d,]+\xa0images/s", said)
    assert "not said" not in said


AROUND = """
import time
from hubblefork.core.progress import progress, say
from hubblefork.core.terminal import guarded

with guarded(), progress("computing the features of all images", 123_456) as done:
    print('{"id": "' + "x" * 100 + '"}')
    say("told " + "y" * 100 + " \x1b[31m")
    done(60_000, "2 unreadable")
    with progress("within", 10) as inner:
        inner(5)
    time.sleep(0.15)
    print("half", end="")
print(" a line")
"""


@pytest.mark.parametrize("width", [80, 40])
@pytest.mark.parametrize("to_terminal", [False, True])
def test_a_bar_leaves_what_is_printed_beside_it_whole(terminal, width, to_terminal):
    out, said = terminal(AROUND, width, to_terminal)
    lines = ['{"id": "' + "x" * 100 + '"}', "half a line"]
    told = "told " + "y" * 100 + r" \x1b[31m"
    assert out.splitlines() == ([] if to_terminal else lines)
    frames = re.sub(
        r"\x1b\[[0-9;?]*[A-Zhl]", "\n", re.sub(r"\x1b\[[0-9;]*m", "", said)
    ).splitlines()
    for line in [*(lines if to_terminal else []), told]:
        assert line in frames
    drawn = [each for each in frames if "━" in each]
    assert drawn
    assert max(map(len, drawn)) <= width
    assert "within" not in said
    assert ("60,000/123,456 images" in said) == (width == 80)


@pytest.fixture
def terminal():
    """Run code on a terminal; gives what is in the file of stdout, and what the terminal got."""

    def run(code: str, width: int = 80, to_terminal: bool = False) -> tuple[str, str]:
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (24, width))
        out = theirs if to_terminal else subprocess.PIPE
        environment = {name: each for name, each in os.environ.items() if name != "COLUMNS"}
        result = subprocess.run(
            [sys.executable, "-c", code], stdin=theirs, stdout=out, stderr=theirs, check=True,
            env=environment | {"TERM": "xterm"},
        )  # fmt: skip
        os.close(theirs)
        said = os.read(ours, 100_000).decode()
        os.close(ours)
        return (result.stdout or b"").decode(), said

    return run
