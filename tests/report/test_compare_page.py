"""The page that compares runs, for classes and for votes on any tree, without training one."""

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from hubblefork.core.text import percent
from hubblefork.report.compare import comparison_page, sentences
from hubblefork.workflow.compare import compare
from hubblefork.workflow.evaluation_outputs import FORMAT


@pytest.fixture
def class_run(run_data):
    """Makes up a run whose training had no validation set."""

    def make(**changes):
        run = run_data(**changes)
        return replace(run, metrics={**run.metrics, "calibration": None, "prediction_sets": None})

    return make


@pytest.fixture
def compared(tmp_path):
    """Compares made-up runs, each by its name."""

    def compare_runs(**runs):
        for name, run in runs.items():
            (tmp_path / name).mkdir()
            run.predictions.save(tmp_path / name / "predictions.csv")
            metrics = {"format": FORMAT, "source": "a made-up source", **run.metrics}
            (tmp_path / name / "metrics.json").write_text(json.dumps(metrics))
        return compare([tmp_path / name for name in runs], out=tmp_path / "page.html")

    return compare_runs


def test_classes_are_named_as_people_write_them(compared, class_run):
    names = ("completely_round_smooth", "edge_on")
    found = compared(weak=class_run(names=names, strength=0.5), strong=class_run(names=names))
    summary = " ".join(sentences(found))
    assert "‘strong’ has the highest accuracy; the difference from ‘weak’ is significant" in summary
    assert "percentage points (95\u00a0% interval" in summary
    facts = found.disputed[0].facts
    assert facts["true class"] in {"Completely round, smooth", "Edge-on"}
    assert {facts[name][0] for name in ("weak", "strong")} == {"✓", "✗"}
    page = found.page.read_text()
    assert "completely_round" not in page
    assert "p-value" in page
    assert "20 are not shown" in page


def test_the_baseline_stands_beside_the_runs_and_images_are_linked(compared, class_run):
    places = pa.table({"ra": np.arange(60) / 2, "dec": np.full(60, 5.0)})
    runs = [class_run(strength=strength) for strength in (0.5, 3)]
    runs = [replace(run, predictions=replace(run.predictions, columns=places)) for run in runs]
    found = compared(weak=runs[0], strong=runs[1])
    image = np.zeros((8, 8), np.uint8)
    page = comparison_page(replace(found, images=lambda identifier: image))
    baseline = percent(np.bincount(runs[0].predictions.labels).max() / 60)
    assert [card.value for card in page.cards][2:] == [baseline]
    tile = page.sections[-1].blocks[1].tiles[0]
    assert f"ra={int(tile.id[1:]) / 2:.5f}&dec=5.00000" in tile.links["SDSS"]


def test_votes_of_any_tree_are_compared(compared, votes, small_tree):
    close, far = (votes(tree=small_tree, noise=noise) for noise in (0.2, 1.5))
    found = compared(close=close, far=far)
    assert "‘close’ has the lowest RMSE" in " ".join(sentences(found))
    answer = found.disputed[0].facts["largest for"]
    assert any(name in answer for name in ("clouds: yes", "clouds: no", "thin", "thick"))
    assert found.disputed[0].facts["close"].endswith("✓")
    page = found.page.read_text()
    assert "McNemar" not in page
    assert "lower is better" in page
    assert "Mean absolute error" in found._repr_html_()


def test_equal_runs_have_the_same_score(compared, class_run):
    found = compared(one=class_run(), two=class_run())
    assert "have the same accuracy" in " ".join(sentences(found))
    assert found.disputed == []
