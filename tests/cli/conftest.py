"""The command line in this process, and one finished run to use it on."""

import sys
from pathlib import Path

import pytest

from hubblefork.cli import main

QUICK = ["--recipe", "lenet5", "--size", "24", "--set", "epochs=2"]


@pytest.fixture
def hubblefork(monkeypatch, capfd):
    """Run the command line in this process; gives (exit status, stdout, stderr)."""

    def run(*words: object) -> tuple[int, str, str]:
        status = call(monkeypatch, words)
        out, err = capfd.readouterr()
        return status, out, err

    return run


def call(monkeypatch: pytest.MonkeyPatch, words: tuple[object, ...]) -> int:
    """The exit status of `hubblefork` with these words."""
    monkeypatch.setattr(sys, "argv", ["hubblefork", *map(str, words)])
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code or 0


@pytest.fixture(scope="session")
def trained(shapes, tmp_path_factory) -> Path:
    """A finished run on the shapes. To be read only."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert call(monkeypatch, ("train", shapes, *QUICK, "--out", folder)) == 0
    return folder


@pytest.fixture(scope="module")
def without_reports(trained, without_reports):
    """As everywhere, after the run that tests of other modules use too has its whole report."""
    return without_reports
