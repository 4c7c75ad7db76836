"""The benchmark of planted wrong labels, at a size that a test has time for."""

import runpy
from pathlib import Path

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "planted_mislabels.py"


def test_planted_labels_are_counted(shapes, tmp_path, capsys):
    main = runpy.run_path(str(BENCHMARK))["main"]
    table = tmp_path / "table.md"
    words = ["--source", str(shapes), "--classes", "none", "--recipe", "lenet5",
             "--set", "epochs=8", "--set", "data.size=24", "--fraction", "0.05",
             "--folds", "2", "--table", str(table)]  # fmt: skip
    main([*words, "--device", "cpu"])
    row = table.read_text().splitlines()[2].split(" | ")
    assert row[4] == "80"
    planted, found = int(row[6]), int(row[7])
    assert planted == 4
    assert found >= 3
    assert table.read_text() in capsys.readouterr().out
