"""Time to an accuracy: what is called reached goes by the validation set alone."""

import runpy
from argparse import Namespace
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("without_reports")

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def benchmark():
    return runpy.run_path(str(BENCHMARKS / "time_to_accuracy.py"))


def test_a_seed_has_its_line_without_keras(benchmark, shapes, tmp_path, capsys):
    words = ["--recipe", "mlp", "--set", "data.size=16", "--set", "epochs=2", "--accuracy", "0.01",
             "--seeds", "3", "--keras-minutes", "0", "--device", "cpu", "--precision", "fp32",
             "--compile", "off", "--table", str(tmp_path / "table.md")]  # fmt: skip
    benchmark["main"]([str(shapes), "--set", "split.val=0.2", "--set", "split.train=0.6", *words])
    table = (tmp_path / "table.md").read_text()
    assert table in capsys.readouterr().out
    columns, _, line = [row.strip("| ").split(" | ") for row in table.splitlines()]
    said = dict(zip(columns, line, strict=True))
    assert (said["seed"], said["epochs"], said["reached on validation"]) == ("3", "2", "yes")


def test_validation_decides_and_a_limit_of_time_makes_a_bound(benchmark):
    line, verdict = benchmark["line"], benchmark["verdict"]
    asked = Namespace(accuracy=0.95, recipe="fast")
    ours = {"seconds": 60, "epochs": 5, "val_accuracy": 0.96, "test_accuracy": 0.9, "tested": 100}
    assert line("fast", 0, ours, 0.95)[4:7] == ("96.00 %", "yes", "90.00 %")
    slow = {"seconds": 600, "val_accuracy": 0.9, "test_accuracy": 0.99}
    assert "more than 10.0 times" in verdict(asked, [ours], slow)
    assert "time is 10.0 times" in verdict(asked, [ours], slow | {"val_accuracy": 0.95})
    short = ours | {"val_accuracy": 0.94, "test_accuracy": 0.99}
    assert verdict(asked, [ours, short], slow).startswith("No ratio: with 1 of 2 seeds")
