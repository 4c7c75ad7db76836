import numpy as np
import pytest

from hubblefork.report.summary import baseline, cautions, network_name, sentences


def plain(lines: list[str]) -> str:
    return "\n".join(lines).replace("\u00a0", " ")


def test_the_summary_says_what_was_learnt_from_what(material):
    text = plain(sentences(material()))
    assert "‘lenet5’ with 390,326 parameters learnt from 180 images of ‘simulated’" in text
    assert "in 3 classes, for 5 epochs (10.0 s)" in text
    assert "tested on 60 images that took no part" in text


def test_the_summary_holds_the_accuracy_its_interval_and_the_baseline(material):
    run = material(true=np.repeat([0, 1, 2], [10, 20, 30]), strength=2)
    low, high = run.metrics["intervals"]["accuracy"]
    text = plain(sentences(run))
    assert f"{100 * run.metrics['accuracy']:.1f} %" in text
    assert f"{100 * low:.1f} to {100 * high:.1f} %" in text
    assert baseline(run) == ("spiral", 0.5)
    assert "Always answering ‘spiral’, their commonest class, would be right for 50.0 %" in text


def test_the_summary_names_the_commonest_confusion(material):
    run = material(strength=1)
    matrix = np.array(run.metrics["confusion_matrix"])
    wrong = matrix - np.diag(matrix.diagonal())
    true, taken = np.unravel_index(wrong.argmax(), wrong.shape)
    expected = f"‘{run.names[true]}’ taken for ‘{run.names[taken]}’: {wrong.max()} of"
    assert expected in plain(sentences(run))


def test_the_summary_says_what_the_surest_answers_and_the_sets_are_worth(trusted):
    run = trusted(number=300, strength=1)
    text = plain(sentences(run))
    answers = run.answers().sort_values("probability", ascending=False).head(240)
    right = 100 * (answers["true"] == answers["predicted"]).mean()
    assert (
        f"Leave the 20 % of the images of which it is least sure to a person, and {right:.1f}"
        in text
    )
    values = run.metrics["prediction_sets"]["0.99"]
    assert f"{values['mean_size']:.1f} classes on average" in text
    assert "before calibration on the validation set they differed by 10.0 %" in text


def test_confidence_that_is_off_and_classes_that_sets_miss_are_told(trusted):
    run = trusted(number=600, strength=1)
    run.metrics["intervals"]["expected_calibration_error"] = [0.2, 0.3]
    held = run.metrics["prediction_sets"]["0.9"]["per_class"]
    held["round"] = {"coverage": 0.5, "interval": [0.4, 0.6]}
    text = plain(cautions(run))
    assert "Its confidence is off even after calibration" in text
    assert "over all images, but less often for ‘round’ (50 %)" in text


def test_no_mistake_is_not_called_certainty(material):
    text = plain(sentences(material(strength=50)))
    assert "no mistake, which a network that errs once in 20 images could also do" in text
    assert "best" not in text  # all classes are equal


def test_a_model_measured_on_another_source_was_trained_before(material):
    split = {"rule": "all", "seed": None, "sha256": None, "sizes": {"test": 60}}
    assert "trained before, was tested on 60 images of" in plain(sentences(material(split=split)))


def test_a_network_may_be_named_plainly_or_in_a_table(material):
    assert network_name(material()) == "lenet5"
    assert network_name(material(recipe={"network": "mlp"})) == "mlp"


def test_a_good_run_needs_no_caution(material):
    assert cautions(material(number=600, strength=4)) == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"true": np.repeat([0, 1, 2], [40, 40, 12])}, "Fewer than 30 test images"),
        ({"true": np.repeat([0, 1], [40, 40])}, "not measured: ‘spiral’"),
        ({"strength": -50}, "Never found in the test set: ‘round’, ‘edge-on’, ‘spiral’"),
        ({"strength": 0}, "not clearly above that of always answering"),
        ({"true": np.repeat([0, 1, 2], [300, 30, 30])}, "commonest has 10 times"),
    ],
)
def test_cautions_of_classes(material, options, expected):
    assert expected in plain(cautions(material(**options)))


def test_over_fitting_is_told(material):
    history = material().history
    apart = history.assign(accuracy=0.99, val_accuracy=0.80)
    rising = history.assign(val_loss=[1.0, 0.5, 0.6, 0.7, 0.9])
    assert "19.0 points above that in validation" in plain(cautions(material(history=apart)))
    assert "rose from 0.500 in epoch 2 to 0.900" in plain(cautions(material(history=rising)))


def test_a_missing_validation_part_is_told_unless_nothing_is_known(material, unwatched):
    assert "no validation set" in plain(cautions(material(history=unwatched)))
    unknown = unwatched.head(0)
    assert "no validation set" not in plain(cautions(material(history=unknown)))


def test_images_left_out_are_counted(material):
    run = material()
    left_out = [{"id": "1", "origin": "1.jpg", "reason": "truncated"}]
    told = cautions(material(dataset={**run.dataset, "left_out": left_out}))
    assert "1 image of the source was left out" in plain(told)
