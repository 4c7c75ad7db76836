import matplotlib.pyplot as pyplot
import numpy as np
import pytest
from matplotlib.text import Text

from hubblefork.core.text import percent
from hubblefork.report.charts import curves
from hubblefork.report.class_report import class_counts
from hubblefork.report.confusion_chart import confusion
from hubblefork.report.figures import chart_png

ODD = ('a <b> & "q"', r"$\frac{1}{0}$ cost_$5", "spiral_" * 12, "\u0378", "螺旋", "x\ny")


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text)]


def test_curves_name_both_lines_with_their_last_values(run_data):
    figure = curves(run_data())
    shown = texts(figure)
    assert "training\n0.2000" in shown
    assert "validation\n0.2200" in shown
    assert f"training\n{percent(0.9)}" in shown
    assert "lowest validation loss: epoch 5" in shown


def test_curves_without_validation_show_training_only(run_data, unwatched):
    figure = curves(run_data(history=unwatched))
    assert [len(axes.lines) for axes in figure.axes] == [1, 1]
    assert not any("validation" in text for text in texts(figure))


def test_names_at_the_ends_of_equal_lines_do_not_overlap(run_data):
    history = run_data().history
    history = history.assign(val_loss=history["loss"], val_accuracy=history["accuracy"])
    figure = curves(run_data(history=history))
    figure.draw_without_rendering()
    boxes = [
        text.get_window_extent()
        for text in figure.axes[0].texts
        if text.get_text().startswith(("training", "validation"))
    ]
    assert len(boxes) == 2
    assert not boxes[0].overlaps(boxes[1])


def test_a_loss_over_decades_is_drawn_logarithmically(run_data):
    history = run_data().history
    wide = history.assign(loss=[100.0, 10, 1, 0.5, 0.4])
    assert curves(run_data(history=wide)).axes[0].get_yscale() == "log"
    assert curves(run_data()).axes[0].get_yscale() == "linear"


def test_curves_of_one_epoch_can_be_drawn(run_data):
    run = run_data()
    figure = curves(run_data(history=run.history.head(1)))
    chart_png(figure)
    low, high = figure.axes[1].get_ylim()
    assert -0.05 < low < high < 1.05, "no accuracy is below 0 or above 100 %"


def test_a_diverged_validation_loss_can_be_drawn(run_data):
    history = run_data().history.assign(val_loss=[1.0, np.nan, 2.0, np.inf, 3.0])
    chart_png(curves(run_data(history=history)))


def test_confusion_shows_counts_and_fractions_of_the_row(run_data):
    run = run_data(true=np.repeat([0, 1], [40, 20]))
    matrix = np.array(run.metrics["confusion_matrix"])
    shown = texts(confusion(run))
    assert str(matrix[0, 0]) in shown
    assert f"{100 * matrix[0, 0] / 40:.0f}\u00a0%" in shown
    assert "none in the test set" in shown  # the third class


@pytest.mark.parametrize("classes", [2, 13, 41])
def test_confusion_is_drawn_for_few_and_many_classes(run_data, classes):
    figure = confusion(run_data(names=tuple(f"species {k}" for k in range(classes)), number=300))
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert len([name for name in names if name]) == classes
    numbers = list(figure.axes[0].texts)
    assert bool(numbers) == (classes <= 40)


def test_class_counts_add_the_sets_up(run_data):
    run = run_data(true=np.repeat([0, 1, 2], [6, 3, 1]))
    figure = class_counts(run)
    assert f"30  ·  {percent(0.6)}" in texts(figure)  # 3 + 1 + 1 times the six of the test set
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["training set (30)", "validation set (10)", "test set (10)"]


def test_class_counts_show_only_sets_with_images(run_data):
    figure = class_counts(run_data(counts={"test": {"round": 4, "spiral": 5}}))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["test set (9)"]


@pytest.mark.filterwarnings("error")
def test_odd_names_are_drawn_without_a_warning(run_data):
    run = run_data(names=ODD, number=40)
    for draw in (confusion, class_counts):
        assert chart_png(draw(run)).startswith(b"\x89PNG")


def test_figures_do_not_touch_pyplot(run_data):
    curves(run_data())
    assert pyplot.get_fignums() == []
