"""Ideas for the default recipe are compared on the validation set, and lines are kept."""

import runpy
from pathlib import Path

import pandas as pd
import pytest

pytestmark = pytest.mark.usefixtures("without_reports")

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "default_choices.py"


def test_each_idea_has_a_line_and_an_older_one_is_replaced(shapes, tmp_path):
    main = runpy.run_path(str(BENCHMARK))["main"]
    table = tmp_path / "table"
    small = ["--set", "data.size=32", "--set", "view.size=32", "--epochs", "1"]
    small += ["--table", str(table)]
    grown = "images that grow from 32 to 64 pixels"
    main([str(shapes), grown, "no averaged weights", *small])
    main([str(shapes), "rare classes not favoured", *small])
    ideas = ["default", "no averaged weights", grown, "rare classes not favoured"]
    lines = pd.read_csv(table.with_suffix(".csv"), dtype=str, keep_default_na=False)
    assert lines["idea"].tolist() == ideas
    assert lines["less default's"].ne("").tolist() == [False, True, True, True]
    assert len(table.with_suffix(".md").read_text().splitlines()) == 2 + len(ideas)


@pytest.mark.parametrize("idea", [
    "mixup", "cutmix", "stochastic depth", "squeeze and excite",
    "averages before filters that halve the maps",
    "labels softened by two networks that were trained before",
])  # fmt: skip
def test_ideas_that_are_no_setting_change_what_is_learnt(shapes, tmp_path, idea):
    main = runpy.run_path(str(BENCHMARK))["main"]
    small = ["--set", "data.size=32", "--set", "view.size=32", "--epochs", "8"]
    main([str(shapes), idea, *small, "--table", str(tmp_path / "table")])
    lines = pd.read_csv(tmp_path / "table.csv", dtype=str, keep_default_na=False)
    assert lines["idea"].tolist() == ["default", idea]
    assert lines["logarithmic loss"].nunique() == 2
