"""The measurements that are made for a GPU run on a machine without one, too."""

import re
import runpy
from pathlib import Path

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_training_and_prediction_are_timed_in_each_way_asked_for(shapes, capsys):
    words = [str(shapes), "--recipe", "mlp", "--device", "cpu", "--epochs", "2"]
    main = runpy.run_path(str(BENCHMARKS / "gpu_training.py"))["main"]
    main([*words, "--precisions", "fp32", "bf16", "--compile", "off", "--batch-sizes", "32"])
    printed = capsys.readouterr().out
    for precision in ("fp32", "bf16"):
        assert re.search(rf"\| {precision} \| off \| in memory \| 32 \| [\d,]+ \|", printed)
    assert re.search(r"predictions: [\d,]+ images/s", printed)


def test_the_share_of_the_view_is_printed(shapes, capsys):
    main = runpy.run_path(str(BENCHMARKS / "view_cost.py"))["main"]
    main([str(shapes), "--recipe", "lenet5", "--device", "cpu", "--steps", "3"])
    assert re.search(r"of which the view \d+\.\d% \(3 steps", capsys.readouterr().out)
