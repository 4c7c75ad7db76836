import numpy as np
import pytest
from matplotlib.text import Text

from hubblefork.evaluation.calibration import Calibration
from hubblefork.evaluation.class_metrics import measure_classes
from hubblefork.report.figures import chart_png
from hubblefork.report.reliability_charts import (
    reliability_diagram,
    selective_accuracy,
    set_coverage,
)
from hubblefork.report.run_page import draw_charts


def texts(figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(Text)).replace("\u00a0", " ")


def test_reliability_is_drawn_before_and_after_calibration_with_both_errors(trusted):
    run = trusted(number=300)
    shown = texts(reliability_diagram(run))
    true, probabilities = run.classified()
    for given in (probabilities, Calibration(1.5, 1.2).inverse.applied(probabilities)):
        measured = measure_classes(true, given, run.task.names, resamples=1)
        assert f"error {100 * measured['expected_calibration_error']:.1f} %" in shown
        assert f"score {measured['brier']:.4f}" in shown


def test_without_calibration_there_is_one_diagram(run_data):
    figure = reliability_diagram(run_data())
    assert len(figure.axes) == 2
    assert "Without calibration" in texts(figure)


def test_the_counts_below_the_diagram_are_of_all_images(run_data):
    _, lower = reliability_diagram(run_data(number=70)).axes
    assert sum(bar.get_height() for bar in lower.patches) == 70


def test_the_curve_of_the_highest_confidence_ends_at_the_accuracy(run_data):
    run = run_data(number=200, strength=2)
    (axes,) = selective_accuracy(run).axes
    curve = axes.lines[1].get_ydata()
    assert curve[-1] == pytest.approx(run.metrics["accuracy"])
    assert curve[0] > curve[-1]


def test_classes_that_sets_hold_too_seldom_are_crossed(trusted):
    run = trusted(number=600)
    held = run.metrics["prediction_sets"]["0.9"]["per_class"]
    held["round"] = {"coverage": 0.5, "interval": [0.4, 0.6]}
    marks = [line.get_marker() for line in set_coverage(run).axes[0].lines]
    assert marks[0] == "X"
    assert "90 % requested" in texts(set_coverage(run))


def test_coverage_is_drawn_where_it_was_measured(trusted):
    assert "coverage" in draw_charts(trusted(number=9))


@pytest.mark.parametrize("number", [1, 30])
def test_few_images_and_absent_classes_can_be_drawn(trusted, number):
    run = trusted(true=np.zeros(number, int))
    for draw in (reliability_diagram, selective_accuracy, set_coverage):
        chart_png(draw(run))
