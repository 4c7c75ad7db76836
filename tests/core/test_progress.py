"""Progress is plain lines where there is no terminal, and nothing in a silent process."""

import os
import pty
import subprocess
import sys

CODE = """
from hubblefork.core import progress
from hubblefork.core.progress import display_mode, say

progress._LINE_INTERVAL = 0
say(display_mode())
with progress.progress("packing", 2_000) as done:
    done(1_500)
progress.be_silent()
say("this is not said")
print(display_mode())
"""


def test_without_a_terminal_progress_is_plain_lines_on_stderr():
    result = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True)
    mode, line = result.stderr.splitlines()
    assert mode == result.stdout.strip() == "plain"
    assert line.startswith("packing: 1,500 of 2,000 images, ")


def test_on_a_terminal_progress_is_a_bar():
    ours, theirs = pty.openpty()
    result = subprocess.run([sys.executable, "-c", CODE], stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    said = os.read(ours, 100_000).decode()
    os.close(ours)
    assert result.stdout.strip() == b"plain"
    assert said.splitlines()[0] == "terminal"
    assert "packing" in said
    assert "1,500/2,000 images" in said
    assert "not said" not in said
