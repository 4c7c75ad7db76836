"""Progress is plain lines where there is no terminal, and nothing in a silent process."""

import os
import pty
import re
import subprocess
import sys

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


def test_on_a_terminal_progress_is_a_bar():
    ours, theirs = pty.openpty()
    result = subprocess.run([sys.executable, "-c", CODE], stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    said = os.read(ours, 100_000).decode()
    os.close(ours)
    assert result.stdout.strip() == b"plain"
    assert said.splitlines()[0] == "terminal"
    assert "packing" in said
    assert re.search(r"1,500/2,000 images, [\d,]+\xa0images/s", said)
    assert "not said" not in said
