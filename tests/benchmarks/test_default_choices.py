"""Ideas for the default recipe are compared on the validation set, and lines are kept."""

import runpy
from pathlib import Path

import pandas as pd
import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "default_choices.py"


def test_each_idea_has_a_line_and_an_older_one_is_replaced(shapes, tmp_path):
    main = runpy.run_path(str(BENCHMARK))["main"]
    table = tmp_path / "table"
    small = ["--set", "data.size=32", "--set", "view.size=32", "--epochs", "1"]
    small += ["--table", str(table)]
    grown = "images that grow from 32 to 64 pixels"
    main([str(shapes), grown, "no averaged weights", *small])
    main([str(shapes), "no logit adjustment", *small])
    ideas = ["default", "no averaged weights", grown, "no logit adjustment"]
    lines = pd.read_csv(table.with_suffix(".csv"), dtype=str, keep_default_na=False)
    assert lines["idea"].tolist() == ideas
    assert lines["minus default"].ne("").tolist() == [False, True, True, True]
    assert len(table.with_suffix(".md").read_text().splitlines()) == 2 + len(ideas)


IDEAS = [
    "mixup", "cutmix", "stochastic depth", "squeeze and excite",
    "averages before filters that halve the maps",
    "labels softened by two networks that were trained before",
]  # fmt: skip


@pytest.fixture(scope="module")
def losses(shapes, tmp_path_factory) -> pd.Series:
    """The log loss of the default and of each idea, by its name."""
    main = runpy.run_path(str(BENCHMARK))["main"]
    table = tmp_path_factory.mktemp("ideas") / "table"
    small = ["--set", "data.size=32", "--set", "view.size=32", "--epochs", "3"]
    main([str(shapes), *IDEAS, *small, "--table", str(table)])
    lines = pd.read_csv(table.with_suffix(".csv"), dtype=str, keep_default_na=False)
    return lines.set_index("idea")["log loss"]


@pytest.mark.parametrize("idea", IDEAS)
def test_ideas_that_are_no_setting_change_what_is_learnt(losses, idea):
    assert set(losses.index) == {"default", *IDEAS}
    assert losses[idea] != losses["default"]
