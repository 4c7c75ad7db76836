"""Accuracy against the number of labels: what is learnt from so many, and what is kept."""

import json
import runpy
from pathlib import Path

import pandas as pd
import pytest

from hubblefork import Run, train

pytestmark = pytest.mark.usefixtures("without_reports")

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "few_labels.py"


@pytest.fixture
def catalog(shapes, tmp_path) -> Path:
    images = sorted(shapes.glob("*/*.png"))
    path = tmp_path / "catalog.csv"
    names = [f"{image.parent.name}/{image.name}" for image in images]
    table = pd.DataFrame({"id": names, "image": names, "label": [i.parent.name for i in images]})
    table["image"] = [str(shapes / name) for name in table["image"]]
    table.to_csv(path, index=False)
    return path


@pytest.fixture
def encoder(shapes, tmp_path) -> Run:
    settings = {"epochs": 2, "data.size": 20, "view.size": 16}
    return train(shapes, "default", out=tmp_path / "encoder", settings=settings)


def test_every_number_of_labels_is_learnt_from_once(catalog, encoder, tmp_path, capsys):
    main = runpy.run_path(str(BENCHMARK))["main"]
    words = [str(catalog), "--encoder", str(encoder.path), "--test", "40", "--seeds", "0", "1"]
    words += ["--results", str(tmp_path / "results.json"), "--table", str(tmp_path / "table.md")]
    main([*words, "--methods", "few", "--labels", "12", "20"])
    results = json.loads((tmp_path / "results.json").read_text())
    assert [(row["labels"], row["seed"]) for row in results] == [(12, 0), (12, 1), (20, 0), (20, 1)]
    assert all(0.5 < row["accuracy"] <= 1 for row in results)
    capsys.readouterr()
    words += ["--methods", "few", "random", "--labels", "12", "--epochs", "1"]
    main([*words, "--plot", str(tmp_path / "plot.png")])
    assert capsys.readouterr().out.count("'method'") == 2, "only the two of random are new"
    lines = (tmp_path / "table.md").read_text().splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| 12", "| 12", "| 20"]
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
