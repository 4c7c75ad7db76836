"""The benchmarks of the workbench, at a size that a test has time for."""

import runpy
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


def test_each_store_has_a_line_and_has_lost_nothing(capsys, tmp_path):
    main = runpy.run_path(str(FOLDER / "label_store.py"))["main"]
    main(["--kills", "2", "--rows", "5", "--folder", str(tmp_path)])
    lines = [line.strip("| \n").split(" | ") for line in capsys.readouterr().out.splitlines()[2:]]
    assert [line[1] for line in lines] == ["2", "2"]
    assert [line[3] for line in lines] == ["0", "0"]
    assert all(int(line[2].replace(",", "")) > 0 for line in lines)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def learning():
    return runpy.run_path(str(FOLDER / "active_learning.py"))


def test_a_line_for_each_number_of_random_labels(learning):
    random = np.random.default_rng(0)
    labels = np.arange(600) % 3
    features = random.normal(size=(600, 6)).astype(np.float32)
    features[:, 0] += 3 * labels
    ways = {
        way: np.array([learning["follow"](features, labels, 3, way, 200, 150, seed)
                       for seed in (0, 1)])
        for way in ("loop", "random")
    }  # fmt: skip
    assert ways["loop"].shape == (2, 8, 2)
    assert ways["loop"][:, -1].min() > 0.85
    lines = learning["compare"]("made up", ways)
    assert [line[1:3] for line in lines] == [
        (score, number) for score in ("accuracy", "balanced accuracy") for number in ("100", "200")
    ]


def test_one_lucky_batch_is_not_enough(learning):
    needed = learning["needed_for"]
    scores = np.array([0.1, 0.9, 0.1, 0.6, 0.8, 0.9, 0.9, 0.9])
    assert needed(scores, 0.7) == 25 * 5
    assert needed(scores, 0.95) == np.inf
