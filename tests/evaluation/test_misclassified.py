"""Tables of mistakes: complete, and in the order in which they should be looked at."""

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
def test_errors_are_all_wrong_answers_and_the_surest_come_first(probabilities, true):
    table = confident_errors([str(each) for each in range(20)], true, probabilities, NAMES)
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != true)
    assert sorted(table["row"]) == wrong.tolist()
    assert (np.diff(table["probability"]) <= 0).all()
    assert (table["predicted"] != table["true"]).all()
    assert (table["probability"] >= table["p_true"]).all()


@given(answers)
def test_doubts_are_all_images_and_the_closest_decision_comes_first(probabilities):
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
