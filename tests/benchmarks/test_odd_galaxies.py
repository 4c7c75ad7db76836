"""The benchmark of odd galaxies, at a size that a test has time for."""

import runpy
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("without_reports")

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "odd_galaxies.py"


@pytest.fixture
def benchmark():
    """The benchmark's functions, which draw fewer samples for an interval."""
    functions = runpy.run_path(str(BENCHMARK))
    functions["separation"].__globals__["_RESAMPLES"] = 100
    return functions


def test_each_score_has_a_line_of_test_galaxies_alone(benchmark, tmp_path, capsys):
    main = benchmark["main"]
    table = tmp_path / "table.md"
    words = ["--source", "simulated:votes:400", "--recipe", "mlp", "--set", "data.size=16", "--set",
             "epochs=1", "--device", "cpu", "--set", "split.train=0.5", "--set", "split.val=0.1",
             "--set", "split.test=0.4"]  # fmt: skip
    main([*words, "--runs", str(tmp_path / "runs"), "--table", str(table)])
    assert table.read_text() in capsys.readouterr().out
    lines = [line.strip("| \n").split(" | ") for line in table.read_text().splitlines()[2:]]
    assert [line[3] for line in lines] == ["isolation forest", "Mahalanobis", "mean of both ranks"]
    tested = (tmp_path / "runs" / "mlp-0" / "predictions.csv").read_text().count("\n") - 1
    for line in lines:
        assert int(line[1]) == tested > int(line[2]) > 0
        low, high = map(float, line[5].split(" to "))
        assert 0 <= low <= float(line[4]) <= high <= 1


def test_the_area_is_one_where_all_odd_ones_come_first_and_a_half_by_chance(benchmark):
    separation = benchmark["separation"]
    odd = np.arange(400) % 8 == 0
    area, (low, high) = separation(odd + 0.0, odd)
    assert area == high == 1
    # 50 odd ones and 350 others: an unseen fraction of 0.0714 of the ones, 0.0109 of the others.
    assert low == pytest.approx(1 - np.hypot(0.0714, 0.0109), abs=2e-4)
    area, (low, high) = separation(np.random.default_rng(1).random(400), odd)
    assert low < 0.5 < high
    assert low < area < high
    assert separation(-1.0 * odd, odd)[0] == pytest.approx(0)
