"""Tables of misclassified and uncertain images: complete, and in the right order."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hubblefork.evaluation.misclassified import confident_errors, confused_pairs, least_certain

NAMES = ["a", "b", "c"]

answers = arrays(float, (20, 3), elements=st.floats(0.01, 1)).map(
    lambda values: values / values.sum(axis=1, keepdims=True)
)
classes = arrays(np.int64, 20, elements=st.integers(0, 2))


@given(answers, classes)
def test_errors_are_complete_and_sorted_by_confidence(probabilities, true):
    table = confident_errors([str(each) for each in range(20)], true, probabilities, NAMES)
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != true)
    assert sorted(table["row"]) == wrong.tolist()
    assert (np.diff(table["probability"]) <= 0).all()
    assert (table["predicted"] != table["true"]).all()
    assert (table["probability"] >= table["p_true"]).all()


@given(answers)
def test_uncertain_predictions_are_all_images_sorted_by_margin(probabilities):
    table = least_certain([str(each) for each in range(20)], probabilities, NAMES)
    assert sorted(table["row"]) == list(range(20))
    assert (np.diff(table["margin"]) >= 0).all()
    assert (table["margin"] >= 0).all()
    assert (table["predicted"] != table["runner_up"]).all()


@given(arrays(np.int64, (3, 3), elements=st.integers(0, 9)))
def test_pairs_hold_all_errors_once(confusion):
    pairs = confused_pairs(confusion, NAMES)
    assert pairs["errors"].sum() == confusion.sum() - confusion.trace()
    assert (np.diff(pairs["errors"]) <= 0).all()
    assert not pairs.duplicated(["first", "second"]).any()
    if len(pairs):
        assert pairs["fraction"].sum().round(9) == 1
