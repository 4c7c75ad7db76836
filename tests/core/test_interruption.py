"""A signal ends a command with its own status and one line, whatever the command is doing."""

import os
import signal
import subprocess
import sys
import time

import pytest

WAITING = """
import signal, sys, time
from hubblefork.core.interruption import interruptible
from hubblefork.core.temporary import temporary_file
from pathlib import Path
sys.argv = ["hubblefork", sys.argv[1]]
with interruptible():
    with temporary_file(Path(sys.argv[1])):
        try:
            print("ready", flush=True)
            exec("time.sleep(600)")
        except KeyboardInterrupt:
            raise RuntimeError("a library that hides interrupts")
"""


@pytest.mark.parametrize(
    ("number", "status", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_a_signal_ends_with_its_status_one_line_and_no_temporary_file(
    number, status, word, tmp_path
):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    command = subprocess.Popen(
        [sys.executable, "-c", WAITING, str(tmp_path)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    signal.signal(signal.SIGINT, before)
    assert command.stdout.readline() == "ready\n"
    assert len(list(tmp_path.iterdir())) == 1
    command.send_signal(number)
    _, said = command.communicate(timeout=60)
    assert (command.returncode, said) == (status, f"hubblefork: {word}\n")
    assert not list(tmp_path.iterdir())


def test_terminated_while_packing_leaves_nothing_and_no_reader(tmp_path):
    """A simulated sky is drawn by processes of their own."""
    command = subprocess.Popen(
        [sys.executable, "-m", "hubblefork", "train", "simulated:3000", "--size", "32"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        env=os.environ | {"HUBBLEFORK_CACHE": str(tmp_path), "LOKY_MAX_CPU_COUNT": "2"},
    )  # fmt: skip
    while not any(file.stat().st_size > 1000 for file in tmp_path.glob("datasets/.*/images.npy")):
        assert command.poll() is None, command.stderr.read()
        time.sleep(0.05)
    command.terminate()
    _, said = command.communicate(timeout=60)  # the readers would keep stderr open
    assert command.returncode == 143
    assert said.splitlines()[-1] == "hubblefork: terminated; --resume continues the training"
    assert not list(tmp_path.glob("datasets/.*"))
    assert not list(tmp_path.glob("datasets/*"))
