"""The metrics of runs and evaluations follow the schema of metrics.json."""

import pytest
from pydantic import ValidationError

from hubblefork.evaluation.metrics_format import METRICS, ClassMetrics, VoteMetrics
from hubblefork.workflow.evaluate import evaluate
from hubblefork.workflow.train import train

pytestmark = pytest.mark.usefixtures("without_reports")


def test_metrics_of_runs_and_evaluations_fit_their_schema(shapes, tmp_path):
    run = train(shapes, "mlp", settings={"epochs": 1, "data.size": 16}, out=tmp_path / "classes")
    again = evaluate(run.path, shapes, out=tmp_path / "again").metrics
    for metrics in (run.metrics, again):
        assert isinstance(METRICS.validate_python(metrics), ClassMetrics)
    votes = train(
        "simulated:votes:40", "mlp", out=tmp_path / "votes",
        settings={"epochs": 1, "data.size": 16, "crop": None},
    ).metrics  # fmt: skip
    assert isinstance(METRICS.validate_python(votes), VoteMetrics)
    with pytest.raises(ValidationError):
        METRICS.validate_python(votes | {"rmse": -1})
    with pytest.raises(ValidationError):
        METRICS.validate_python(run.metrics | {"format": 2})
