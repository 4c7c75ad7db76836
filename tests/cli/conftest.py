"""The command line in this process, and one finished run to use it on."""

import subprocess
import sys
from pathlib import Path

import pytest

from hubblefork.cli import main

QUICK = ["--recipe", "lenet5", "--size", "24", "--set", "epochs=2"]


@pytest.fixture
def hubblefork(monkeypatch, capfd):
    """Run the command line in this process; gives (exit status, stdout, stderr)."""

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["hubblefork", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capfd.readouterr()
        return end.value.code or 0, out, err

    return run


@pytest.fixture(scope="module")
def trained(shapes, tmp_path_factory) -> Path:
    """A finished run on the shapes."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    command = [sys.executable, "-m", "hubblefork", "train", shapes, *QUICK, "--out", folder]
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == str(folder)
    return folder
