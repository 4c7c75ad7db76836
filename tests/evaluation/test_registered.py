"""Metrics of one's own: by a decorator, or announced by an installed package."""

import json
import sys
from importlib import invalidate_caches

import numpy as np
import pytest

import hubblefork
from hubblefork.core.errors import RequestError
from hubblefork.core.registry import Registry
from hubblefork.evaluation import registered
from hubblefork.evaluation.class_metrics import measure_classes
from hubblefork.evaluation.comparison import compare_classes
from hubblefork.evaluation.metrics_format import METRICS
from hubblefork.sky.decision_tree import GALAXY_ZOO_2
from hubblefork.tasks.classes import Classes
from hubblefork.tasks.votes import Votes
from hubblefork.workflow.compare import compare
from hubblefork.workflow.train import train

NAMES = ("disc", "bar")
TRUE = np.array([0, 0, 1, 1, 1])
GOOD = np.array([[0.9, 0.1], [0.8, 0.2], [0.2, 0.8], [0.1, 0.9], [0.4, 0.6]])
BAD = GOOD[:, ::-1]

PACKAGE = """
import hubblefork

@hubblefork.register_metric("mean_doubt", lower_is_better=True)
def mean_doubt(true, probabilities):
    "One minus the confidence."
    return 1 - probabilities.max(axis=1).mean()

def bare(true, probabilities):
    return 0.0
"""


@pytest.fixture(autouse=True)
def _none_registered(monkeypatch):
    monkeypatch.setattr(registered, "_registry", Registry("metric"))
    monkeypatch.setattr(registered, "_metrics", {})


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Installs a package that announces these metrics."""

    def install(**announced):
        (tmp_path / "galaxymetrics.py").write_text(PACKAGE)
        info = tmp_path / "galaxymetrics-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: galaxymetrics\nVersion: 1.0\n")
        lines = [f"{name} = {value}" for name, value in announced.items()]
        (info / "entry_points.txt").write_text("\n".join(["[hubblefork.metrics]", *lines]))
        monkeypatch.syspath_prepend(tmp_path)
        invalidate_caches()

    yield install
    sys.modules.pop("galaxymetrics", None)


def test_a_decorated_function_is_measured_with_an_interval_for_its_task():
    @hubblefork.register_metric("hits", lower_is_better=False)
    def hits(true, probabilities):
        """Correctly classified images."""
        assert (true.ndim, probabilities.ndim) == (1, 2)
        return (probabilities.argmax(axis=1) == true).mean()

    hubblefork.register_metric("worst_vote", task="votes", lower_is_better=True)(
        lambda true, fractions: np.abs(true - fractions).max()
    )
    metrics = measure_classes(TRUE, BAD, NAMES)
    assert metrics["hits"] == metrics["accuracy"] == 0
    further = 4 / (len(TRUE) + 4)  # four more images, all of them hits
    assert metrics["intervals"]["hits"] == pytest.approx([0, further])
    last = Classes(NAMES).metrics[-1]
    assert (last.name, last.title, last.about) == ("hits", "Hits", "Correctly classified images.")
    assert compare_classes(TRUE, BAD, GOOD, NAMES)["hits"].value == 1
    votes = np.zeros((2, len(GALAXY_ZOO_2.columns)))
    assert Votes().measure(votes, votes + 0.25)["worst_vote"] == 0.25
    assert [each.name for each in Votes().metrics] == ["rmse", "mae", "worst_vote"]
    assert Votes().metrics[-1].lower_is_better


def test_a_package_announces_a_metric(package):
    package(mean_doubt="galaxymetrics:mean_doubt")
    assert Classes(NAMES).metrics[-1].lower_is_better
    assert measure_classes(TRUE, GOOD, NAMES)["mean_doubt"] == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("galaxymetrics:bare", "not decorated with @hubblefork.register_metric"),
        ("galaxymetrics:none", "cannot be imported"),
        ("galaxymetrics_that_is_not_there:bare", "cannot be imported"),
    ],
)
def test_a_package_that_cannot_be_used_is_refused_in_one_line(package, value, message):
    package(bare=value)
    with pytest.raises(RequestError, match=message) as caught:
        measure_classes(TRUE, GOOD, NAMES)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda true: 1.0, "'wrong' failed .TypeError"),
        (lambda true, values: values, "'wrong' failed .TypeError"),
        (lambda true, values: "good", "'wrong' failed .ValueError"),
        (lambda true, values: np.nan, "'wrong' returned nan; expected a finite number"),
        (lambda true, values: 1 / (true == 1).all(), "'wrong' returned inf"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_a_wrong_function_is_refused_in_one_line(function, message):
    hubblefork.register_metric("wrong")(function)
    with pytest.raises(RequestError, match=message) as caught:
        measure_classes(TRUE, GOOD, NAMES)
    assert "\n" not in str(caught.value)


def test_names_that_are_taken_or_cannot_be_one_are_refused():
    for name, message in (
        ("accuracy", "has a key 'accuracy' already"),
        ("my metric", "cannot be the name of a metric"),
        (["mine"], "cannot be the name of a metric"),
    ):
        with pytest.raises(RequestError, match=message):
            hubblefork.register_metric(name)
    with pytest.raises(RequestError, match="did you mean 'votes'"):
        hubblefork.register_metric("mine", task="vote")
    with pytest.raises(RequestError, match="expected a function"):
        hubblefork.register_metric("mine")(3)
    hubblefork.register_metric("mine")(lambda true, values: 1.0)
    with pytest.raises(RequestError, match="exists already"):
        hubblefork.register_metric("mine")(np.mean)


def test_runs_reports_and_comparisons_show_it(shapes, tmp_path, empty_reports):
    settings = {"epochs": 1, "data.size": 16}
    with empty_reports():
        before = train(shapes, "mlp", settings=settings, out=tmp_path / "before")

    @hubblefork.register_metric("mean_confidence", percent=True)
    def mean_confidence(true, probabilities):
        """Mean of the highest probability."""
        return probabilities.max(axis=1).mean()

    run = train(shapes, "mlp", settings=settings, seed=1, out=tmp_path / "run")
    metrics = json.loads((run.path / "metrics.json").read_text())
    METRICS.validate_python(metrics)
    low, high = metrics["intervals"]["mean_confidence"]
    assert 0.5 <= low <= metrics["mean_confidence"] <= high <= 1
    page = (run.path / "report.html").read_text()
    assert "Mean confidence" in page
    assert "Mean of the highest probability." in page
    assert "Mean confidence" in run._repr_html_()
    assert "Mean confidence" not in before._repr_html_()
    found = compare([before, run], out=tmp_path / "page.html")
    assert found.table["mean_confidence"].between(0.5, 1).all()
    assert "Mean confidence" in found.page.read_text()
    assert "Mean confidence" in found._repr_html_()
