import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from hubblefork.core.errors import RequestError
from hubblefork.evaluation.class_metrics import measure_classes
from hubblefork.evaluation.intervals import bootstrap, interval

KEYS = {
    "n", "classes", "accuracy", "balanced_accuracy", "macro_f1", "matthews", "log_loss", "brier",
    "expected_calibration_error", "per_class", "confusion_matrix", "intervals",
}  # fmt: skip


def draw(number: int, classes: int, seed: int = 0, strength: float = 1.5):
    """True classes, and probabilities that know them a little."""
    random = np.random.default_rng(seed)
    true = random.integers(classes, size=number)
    logits = random.normal(size=(number, classes))
    logits[np.arange(number), true] += strength
    probabilities = np.exp(logits)
    return true, probabilities / probabilities.sum(axis=1, keepdims=True)


def measured(number: int, classes: int, drawn: int = 0, **options):
    names = [f"class {k}" for k in range(classes)]
    return measure_classes(*draw(number, classes, drawn), names, **options)


def test_has_all_keys_as_strict_json():
    result = measured(40, 3, resamples=20)
    assert set(result) == KEYS
    assert set(result["intervals"]) == KEYS - {
        "n", "classes", "per_class", "confusion_matrix", "intervals",
    }  # fmt: skip
    assert json.loads(json.dumps(result, allow_nan=False)) == result


@pytest.mark.filterwarnings("ignore:A single label was found")
@settings(max_examples=40)
@given(st.integers(1, 60), st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_agrees_with_scikit_learn(number, classes, seed):
    true, probabilities = draw(number, classes, seed)
    result = measure_classes(true, probabilities, [str(k) for k in range(classes)], resamples=2)
    predicted = probabilities.argmax(axis=1)
    labels = np.arange(classes)
    options = {"labels": np.unique(true), "average": "macro", "zero_division": 0}
    f1 = sklearn_metrics.f1_score(true, predicted, **options)
    recall = sklearn_metrics.recall_score(true, predicted, **options)
    matrix = sklearn_metrics.confusion_matrix(true, predicted, labels=labels)
    expected = {
        "accuracy": sklearn_metrics.accuracy_score(true, predicted),
        "balanced_accuracy": recall,
        "macro_f1": f1,
        "matthews": sklearn_metrics.matthews_corrcoef(true, predicted),
        "log_loss": sklearn_metrics.log_loss(true, probabilities, labels=labels),
        "brier": ((probabilities - np.eye(classes)[true]) ** 2).sum(axis=1).mean(),
    }
    assert {name: result[name] for name in expected} == pytest.approx(expected)
    assert result["confusion_matrix"] == matrix.tolist()


def test_calibration_error_is_the_gap_of_each_bin_weighted_by_its_images():
    # Two images at 0.9 of which one is right, two at 0.6 which are both right.
    probabilities = [[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.6, 0.4]]
    result = measure_classes([0, 1, 0, 0], probabilities, ["a", "b"], resamples=5)
    expected = 0.5 * abs(0.5 - 0.9) + 0.5 * abs(1 - 0.6)
    assert result["expected_calibration_error"] == pytest.approx(expected)


def test_an_undefined_metric_of_a_class_is_none_and_left_out_of_the_means():
    probabilities = np.eye(4)[[0, 0, 1]]
    result = measure_classes([0, 2, 1], probabilities, ["a", "b", "c", "d"], resamples=10)
    c, d = (result["per_class"][name] for name in "cd")
    assert (c["precision"], c["recall"], c["f1"], c["support"]) == (None, 0, 0, 1)
    assert (d["precision"], d["recall"], d["f1"], d["support"]) == (None, None, None, 0)
    assert [name for name, ends in c["intervals"].items() if ends is None] == ["precision"]
    assert set(d["intervals"].values()) == {None}
    assert result["balanced_accuracy"] == pytest.approx(2 / 3)
    assert result["macro_f1"] == pytest.approx((2 / 3 + 1 + 0) / 3)


def test_a_class_that_does_not_occur_costs_precision_and_nothing_else():
    # One of four 'a' is called 'c', of which there is none.
    result = measure_classes([0, 0, 0, 0, 1], np.eye(3)[[0, 0, 0, 2, 1]], ["a", "b", "c"])
    c = result["per_class"]["c"]
    assert (c["precision"], c["recall"], c["f1"], c["support"]) == (0, None, None, 0)
    assert c["intervals"]["f1"] is None
    assert result["macro_f1"] == pytest.approx((6 / 7 + 1) / 2)


def test_the_intervals_of_a_class_contain_its_figures_and_are_those_of_the_bootstrap():
    true, probabilities = draw(400, 3, strength=1.5)
    result = measure_classes(true, probabilities, ["a", "b", "c"], resamples=2)
    predicted = probabilities.argmax(axis=1)
    drawn = bootstrap(
        lambda picks: {"f1": sklearn_metrics.f1_score(true[picks] == 1, predicted[picks] == 1)},
        len(true), 300,
    )  # fmt: skip
    found = result["per_class"]["b"]
    np.testing.assert_allclose(found["intervals"]["f1"], interval(drawn["f1"]), atol=0.02)
    for name, (low, high) in found["intervals"].items():
        assert 0 <= low < found[name] < high <= 1


def test_a_certain_error_has_a_finite_log_loss():
    result = measure_classes([0, 1], [[0, 1], [0, 1]], ["a", "b"], resamples=10)
    assert 7 < result["log_loss"] < 9


def test_one_class_everywhere_gives_numbers():
    result = measure_classes([0, 0], [[0.9, 0.1], [0.8, 0.2]], ["a", "b"], resamples=10)
    assert (result["matthews"], result["balanced_accuracy"]) == (0, 1)
    json.dumps(result, allow_nan=False)


def test_intervals_contain_the_value_and_are_as_wide_as_theory_says():
    result = measured(4000, 3)
    for name, (low, high) in result["intervals"].items():
        assert low < result[name] < high, name
    low, high = result["intervals"]["accuracy"]
    fraction = result["accuracy"]
    width = 2 * 1.96 * np.sqrt(fraction * (1 - fraction) / 4000)
    assert high - low == pytest.approx(width, rel=0.1)


def test_accuracy_of_the_population_lies_in_about_95_of_100_intervals():
    truth = measured(200_000, 3, drawn=999, resamples=1)["accuracy"]
    hits = 0
    for drawn in range(200):
        low, high = measured(150, 3, drawn=drawn, resamples=200)["intervals"]["accuracy"]
        hits += low <= truth <= high
    assert 0.89 <= hits / 200 <= 0.99


def test_a_seed_decides_the_intervals():
    first, again, other = (measured(50, 2, resamples=50, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first["intervals"] != other["intervals"]


@pytest.mark.parametrize(("number", "low"), [(1, 0.2065), (3, 0.4385), (18, 0.8241)])
def test_all_right_has_wilson_s_interval_and_every_metric_a_width(number, low):
    true = np.arange(number) % 3
    result = measure_classes(true, np.eye(3)[true], ["a", "b", "c"], resamples=20)
    assert result["intervals"]["accuracy"] == pytest.approx([low, 1], abs=5e-5)
    for name, (lower, upper) in result["intervals"].items():
        assert lower <= result[name] <= upper, name
        assert upper - lower > 0.1, name


def test_balanced_accuracy_adds_wilson_s_distances_of_the_recalls_as_squares():
    # 6 of 6 in each of three classes: recalls down to 1 - 0.3903 (Wilson); Zou & Donner 2008.
    true = np.repeat([0, 1, 2], 6)
    result = measure_classes(true, np.eye(3)[true], ["a", "b", "c"], resamples=20)
    expected = [1 - 0.3903 / 3**0.5, 1]
    assert result["intervals"]["balanced_accuracy"] == pytest.approx(expected, abs=5e-5)


def test_one_answer_for_every_image_is_not_certain_to_be_balanced():
    true, probabilities = np.repeat([0, 1, 2], 6), np.full((18, 3), [0.8, 0.1, 0.1])
    result = measure_classes(true, probabilities, ["a", "b", "c"], resamples=20)
    low, high = result["intervals"]["balanced_accuracy"]
    assert low < 0.22  # the recalls are 1, 0 and 0, of six images each
    assert high > 0.5
    low, high = result["intervals"]["matthews"]
    assert low < 0 < high


def test_a_class_of_one_image_shows_in_the_interval():
    true = np.array([0] * 100 + [1])
    low, high = measure_classes(true, np.eye(2)[true], ["a", "b"])["intervals"]["balanced_accuracy"]
    # Wilson: one of one is 20.65 % or more, 100 of 100 96.3 % or more.
    assert low == pytest.approx(1 - np.hypot(1 - 0.2065, 1 - 0.9630) / 2, abs=1e-4)
    assert high == 1


@pytest.mark.parametrize(
    ("true", "probabilities", "names", "message"),
    [
        ([], np.zeros((0, 2)), "ab", "at least one image"),
        ([0], [[0.5, 0.5, 0]], "ab", r"\(1, 2\)"),
        ([0, 1], [[0.5, 0.5]], "ab", "2 images"),
        ([2], [[0.5, 0.5]], "ab", "from 0 to 1"),
        ([-1], [[0.5, 0.5]], "ab", "from 0 to 1"),
        ([0.0], [[0.5, 0.5]], "ab", "whole numbers"),
        ([0], [[np.nan, 1]], "ab", "not a number"),
        ([0], [[-1, 2]], "ab", "negative"),
        ([0], [[3, 2]], "ab", "sum to 5"),
        ([0], [[0.5, 0.5]], "aa", "all different"),
        ([0], [[1.0]], "a", "at least two"),
    ],
)
def test_unfit_input_is_refused_in_one_line(true, probabilities, names, message):
    with pytest.raises(RequestError, match=message) as caught:
        measure_classes(true, probabilities, list(names))
    assert "\n" not in str(caught.value)


def test_rounded_probabilities_are_normalised():
    measure_classes([0], [[0.333, 0.333, 0.333]], ["a", "b", "c"], resamples=2)
