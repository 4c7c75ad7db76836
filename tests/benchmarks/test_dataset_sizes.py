"""One training a case and recipe, each kept, and a line of the table for each."""

import json
import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

pytestmark = pytest.mark.usefixtures("without_reports")

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "dataset_sizes.py"


@pytest.fixture
def data(tmp_path) -> Path:
    """Photographs of eight species, laid out as `odonata` is; the classes are two colours."""
    folder = tmp_path / "data" / "odonata"
    rows, random = [], np.random.default_rng(0)
    for number in range(40):
        name, shown = f"{number}.png", ("dragonfly", "damselfly")[number % 2]
        pixels = random.integers(0, 99, (80, 80, 3), np.uint8)
        pixels[..., number % 2] += 100
        (folder / shown).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / shown / name)
        rows.append({"class": shown, "file": name, "species": f"s{number % 10}"})
    pd.DataFrame(rows).to_csv(folder / "credits.csv", index=False)
    return folder.parent


def test_a_case_is_learnt_and_kept(data, tmp_path, capsys):
    benchmark = runpy.run_path(str(BENCHMARK))
    benchmark["_RECIPES"]["default"] = ("default", {"data.size": 20, "view.size": 16})
    words = ["--data", str(data), "--cases", "odonata:40", "--recipes", "default", "--epochs", "2"]
    words += ["--results", str(tmp_path / "results.json"), "--table", str(tmp_path / "table.md")]
    benchmark["main"](words)
    (result,) = json.loads((tmp_path / "results.json").read_text()).values()
    assert len(result["losses"]) == 2
    assert result["tested"] == 8
    capsys.readouterr()
    benchmark["main"](words)
    assert "'losses'" not in capsys.readouterr().out
    *_, line = (tmp_path / "table.md").read_text().splitlines()
    assert line.startswith("| 40 odonata | default | 2 | ")


def test_galaxies_to_test_on_are_not_among_those_to_learn_from(tmp_path):
    table = pd.DataFrame({"id": range(1300), "label": "a"}).assign(image="x")
    (tmp_path / "gz2_five_class").mkdir()
    table.to_csv(tmp_path / "gz2_five_class" / "catalog.csv", index=False)
    galaxies = runpy.run_path(str(BENCHMARK))["galaxies"]
    small, large = (galaxies(tmp_path, number, tmp_path) for number in (100, 300))
    assert small["subset"].value_counts().to_dict() == {"test": 1000, "train": 90, "val": 10}
    tested = [set(each.loc[each["subset"] == "test", "id"]) for each in (small, large)]
    assert tested[0] == tested[1]
    assert large["id"].is_unique
