import numpy as np
import pytest

from hubblefork.report.run_page import report_page
from hubblefork.report.summary import network_name

# The sentences need no figures.
DRAWN = dict.fromkeys(
    ("curves", "confusion", "reliability", "selective", "coverage", "classes", "fractions"), b""
)


def sentences(run):
    return report_page(run, DRAWN).sentences


def cautions(run):
    return report_page(run, DRAWN).cautions


def plain(lines: list[str]) -> str:
    return "\n".join(lines).replace("\u00a0", " ")


def test_the_summary_says_what_was_learnt_from_what(run_data):
    text = plain(sentences(run_data()))
    assert "‘lenet5’ with 390,326 parameters was trained on 180 images of ‘simulated’" in text
    assert "in 3 classes, for 5 epochs (10.0 s)" in text
    assert "tested on 60 images that were not used in training" in text


def test_the_summary_holds_the_accuracy_its_interval_and_the_baseline(run_data):
    run = run_data(true=np.repeat([0, 1, 2], [10, 20, 30]), strength=2)
    low, high = run.metrics["intervals"]["accuracy"]
    text = plain(sentences(run))
    assert f"{100 * run.metrics['accuracy']:.1f} %" in text
    assert f"{100 * low:.1f} to {100 * high:.1f} %" in text
    assert "Always predicting ‘Spiral’, the most common class, would reach 50.0 %" in text


def test_the_summary_names_the_most_frequent_confusion(run_data):
    run = run_data(strength=1)
    matrix = np.array(run.metrics["confusion_matrix"])
    wrong = matrix - np.diag(matrix.diagonal())
    true, given = np.unravel_index(wrong.argmax(), wrong.shape)
    names = run.task.words.names
    expected = f"‘{names[true]}’ misclassified as ‘{names[given]}’: {wrong.max()} of"
    assert expected in plain(sentences(run))


def test_the_summary_says_what_the_highest_confidence_and_the_sets_are_worth(trusted):
    run = trusted(number=300, strength=1)
    text = plain(sentences(run))
    first = np.argsort(-run.predictions.confidence, kind="stable")[:240]
    right = 100 * run.predictions.correct[first].mean()
    assert f"80 % of the images with the highest confidence, {right:.1f} % are correctly" in text
    values = run.metrics["prediction_sets"]["0.99"]
    assert f"{values['mean_size']:.2f} classes on average" in text
    assert "before calibration on the validation set it was 10.0 %" in text


def test_confidence_that_is_off_and_classes_that_sets_miss_are_told(trusted):
    run = trusted(number=600, strength=1)
    run.metrics["intervals"]["expected_calibration_error"] = [0.2, 0.3]
    sets = run.metrics["prediction_sets"]["0.9"]
    sets |= {"coverage": 0.91, "interval": [0.89, 0.93]}
    sets["per_class"]["round"] = {"coverage": 0.5, "interval": [0.4, 0.6]}
    text = plain(cautions(run))
    assert "Confidence is off even after calibration" in text
    assert "over all images, but not for ‘round’ (50 %)" in text
    sets |= {"coverage": 0.6, "interval": [0.5, 0.7]}
    text = plain(cautions(run))
    assert "the true class of only 60.0 % of these images (95 % interval 50.0 to 70.0 %)" in text
    assert "over all images" not in text


def test_no_mistake_is_not_called_certainty(run_data):
    text = plain(sentences(run_data(strength=50)))
    # Wilson's interval of 60 of 60 begins at 94.0 %.
    assert "No test image is misclassified; the interval allows an error rate of up to 6.0" in text
    assert "Recall" not in text  # all classes are equal


def test_a_model_measured_on_another_source_was_trained_before(run_data):
    split = {"rule": "all", "seed": None, "sha256": None, "sizes": {"test": 60}}
    assert "trained earlier, was tested on 60 images of" in plain(sentences(run_data(split=split)))


def test_a_network_may_be_named_plainly_or_in_a_table(run_data):
    assert network_name(run_data()) == "lenet5"
    assert network_name(run_data(recipe={"network": "mlp"})) == "mlp"


def test_a_good_run_needs_no_caution(run_data):
    assert cautions(run_data(number=600, strength=4)) == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"true": np.repeat([0, 1, 2], [40, 40, 12])}, "Fewer than 30 test images"),
        ({"true": np.repeat([0, 1], [40, 40])}, "not measured: ‘Spiral’"),
        (
            {"strength": -50},
            "Never predicted correctly in the test set: ‘round’, ‘edge-on’, ‘Spiral’",
        ),
        ({"strength": 0}, "of always predicting ‘"),
        ({"true": np.repeat([0, 1, 2], [300, 30, 30])}, "most common has 10 times"),
    ],
)
def test_cautions_of_classes(run_data, options, expected):
    assert expected in plain(cautions(run_data(**options)))


def test_over_fitting_is_told(run_data):
    history = run_data().history
    apart = history.assign(accuracy=0.99, val_accuracy=0.80)
    rising = history.assign(val_loss=[1.0, 0.5, 0.6, 0.7, 0.9])
    assert "was 99.0 % on the training set and 80.0 % on the validation set" in plain(
        cautions(run_data(history=apart))
    )
    assert "rose from 0.5000 in epoch 2 to 0.9000" in plain(cautions(run_data(history=rising)))


def test_a_missing_validation_set_is_told_unless_nothing_is_known(run_data, unwatched):
    assert "no validation set" in plain(cautions(run_data(history=unwatched)))
    unknown = unwatched.head(0)
    assert "no validation set" not in plain(cautions(run_data(history=unknown)))


def test_images_left_out_are_counted(run_data):
    run = run_data()
    left_out = [{"id": "1", "origin": "1.jpg", "reason": "truncated"}]
    told = cautions(run_data(dataset={**run.dataset, "left_out": left_out}))
    assert "1 image of the source was left out" in plain(told)


def test_what_few_validation_images_allow_by_chance_is_not_called_over_fitting(run_data):
    history = run_data().history.assign(accuracy=0.96, val_accuracy=0.90)
    sizes = {"train": 180, "val": 20, "test": 60}
    few = run_data(history=history, split={**run_data().split, "sizes": sizes})
    many = run_data(history=history, split={**few.split, "sizes": sizes | {"val": 2000}})
    assert "Over-fitting" not in plain(cautions(few))
    assert "(95 % interval 88.6 to 91.2 %)" in plain(cautions(many))
