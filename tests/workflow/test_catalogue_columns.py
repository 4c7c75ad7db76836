"""What a catalogue knows beside the labels: results against its columns, links to its objects."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hubblefork.core.errors import RequestError
from hubblefork.runs.run import Run
from hubblefork.workflow.evaluate import evaluate
from hubblefork.workflow.inspect import inspect
from hubblefork.workflow.train import train


@pytest.fixture(scope="module")
def sky(shapes, tmp_path_factory) -> Path:
    """The shapes as a catalogue with positions and measurements; one redshift is not known."""
    random = np.random.default_rng(0)
    files = sorted(shapes.glob("*/*.png"))
    table = pd.DataFrame(
        {
            "id": [path.stem for path in files],
            "image": files,
            "label": [path.parent.name for path in files],
            "ra": random.uniform(0, 360, len(files)).round(4),
            "dec": random.uniform(-80, 80, len(files)).round(4),
            "redshift": random.uniform(0.01, 0.2, len(files)),
            "band_count": random.integers(1, 9, len(files)),
            "survey": "SDSS",
            "width": 0.5,  # what packing has a column of its own for
        }
    )
    table.loc[3, "redshift"] = np.nan
    path = tmp_path_factory.mktemp("sky") / "sky.csv"
    table.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def run(sky, tmp_path_factory) -> Run:
    out = tmp_path_factory.mktemp("runs") / "run"
    return train(sky, "lenet5", out=out, settings={"epochs": 1, "data.size": 24})


def test_a_report_shows_the_accuracy_against_measurements(run):
    [found] = json.loads((run.path / "metrics.json").read_text())["against"]
    assert found["column"] == "redshift"  # whole numbers may be anything
    assert sum(each["n"] for each in found["bins"]) + found["unknown"] == 16
    page = run.report.read_text()
    assert "Accuracy against redshift" in page
    assert (run.path / "figures" / "against-1.png").is_file()


def test_every_column_of_a_catalogue_stands_beside_the_predictions(run, sky):
    given = pd.read_csv(sky).rename(columns={"width": "width_input"})
    found = pd.read_csv(run.path / "predictions.csv").set_index("id")
    given = given.set_index("id").loc[found.index]
    assert (found["true"] == given.pop("label")).all()
    pd.testing.assert_frame_equal(found[list(given)], given)


def test_objects_are_linked_by_their_positions(run, sky, tmp_path):
    table = pd.read_csv(sky, index_col="id")
    place = table.loc[run.predictions.ids[0]]
    link = f"legacysurvey.org/viewer?ra={place.ra:.5f}&amp;dec={place.dec:.5f}&amp;"
    assert link in run.report.read_text()
    page = inspect(sky, out=tmp_path / "page.html", size=24).page.read_text()
    assert page.count("skyserver.sdss.org") >= 10


def test_evaluation_holds_the_accuracy_against_any_column(run, sky, tmp_path, without_reports):
    found = evaluate(run, sky, against="band_count", out=tmp_path / "all").metrics["against"]
    assert [each["column"] for each in found] == ["band_count"]
    assert sum(each["n"] for each in found[0]["bins"]) == 80
    for wrong, message in {
        "redshft": "did you mean 'redshift'",
        "survey": "holds no numbers .such as 'SDSS'",
        "label": "no column 'label'",
    }.items():
        with pytest.raises(RequestError, match=message):
            evaluate(run, sky, against=wrong, out=tmp_path / "wrong")
    assert not (tmp_path / "wrong").exists()


def test_images_without_a_catalogue_have_no_columns(example_run, tmp_path):
    assert json.loads((example_run.path / "metrics.json").read_text())["against"] == []
    with pytest.raises(RequestError, match="no column of numbers"):
        evaluate(example_run, against="z", out=tmp_path / "z")
