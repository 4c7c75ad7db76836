"""What recipes reach, seed by seed: of classes the accuracy, of votes the error."""

import runpy
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("without_reports")

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "seeds.py"
QUICK = ["--recipes", "mlp", "--set", "data.size=16", "--set", "epochs=1"]


def rows(source, seeds, tmp_path) -> list[list[str]]:
    table = tmp_path / "table.md"
    main = runpy.run_path(str(BENCHMARK))["main"]
    words = [str(source), *QUICK, "--seeds", *seeds, "--runs", str(tmp_path / "runs")]
    main([*words, "--table", str(table)])
    lines = table.read_text().splitlines()
    assert len({line.count(" | ") for line in lines}) == 1
    return [line.strip("| \n").split(" | ") for line in lines]


def test_votes_are_measured_by_their_rmse(tmp_path):
    columns, _, first, second, both = rows("simulated:votes:60", "01", tmp_path)
    assert columns[3] == "test RMSE"
    for line in (first, second):
        low, high = map(float, line[4].split(" to "))
        assert 0 < low <= float(line[3]) <= high
    mean = float(both[columns.index("test RMSE")].split(" ± ")[0])
    assert abs(mean - (float(first[3]) + float(second[3])) / 2) < 1e-4


def test_classes_are_measured_by_their_accuracy(shapes, tmp_path):
    columns, _, first, both = rows(shapes, "0", tmp_path)
    assert columns[4] == "test accuracy"
    assert first[2] == "16"
    assert "±" in both[columns.index("test accuracy")]
