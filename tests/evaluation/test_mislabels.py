import numpy as np
import pytest

from hubblefork.core.errors import RequestError
from hubblefork.evaluation.mislabels import likely_mislabels

NAMES = ("disc", "arm", "bar")


def planted(fraction_wrong, confidence, number=1500, seed=0):
    """Labels of which some are wrong, and probabilities of a classifier that is mostly right.

    confidence: (3,) its mean confidence for each class.
    """
    random = np.random.default_rng(seed)
    true = random.integers(3, size=number)
    wrong = random.random(number) < fraction_wrong
    labels = np.where(wrong, (true + random.integers(1, 3, number)) % 3, true)
    top = np.clip(random.normal(np.array(confidence)[true], 0.07), 0.4, 0.99)
    probabilities = np.repeat((1 - top)[:, None] / 2, 3, axis=1)
    probabilities[np.arange(number), true] = top
    return labels, probabilities, wrong


@pytest.mark.parametrize("confidence", [(0.9, 0.9, 0.9), (0.95, 0.6, 0.75)])
def test_planted_errors_come_first(confidence):
    labels, probabilities, wrong = planted(0.02, confidence)
    ids = np.arange(len(labels)).astype(str)
    table = likely_mislabels(ids, labels, probabilities, NAMES)
    first = table["id"].head(wrong.sum()).astype(int)
    assert wrong[first].mean() > 0.9
    # A threshold is a mean, so about half of all images reach that of their class.
    assert table["likely"].head(wrong.sum()).mean() > 0.6
    assert table["likely"].mean() < 0.03
    assert sorted(table["id"]) == sorted(ids)


def test_the_less_probable_a_label_the_higher_it_ranks():
    probabilities = np.array([[0.03, 0.97, 0.0], [0.0003, 0.6, 0.3997], [0.9, 0.05, 0.05]])
    table = likely_mislabels("abc", np.zeros(3, int), probabilities, NAMES)
    assert list(table["id"]) == ["b", "a", "c"]
    assert list(table["suggested"]) == ["arm", "arm", "arm"]


def test_a_class_that_is_hard_to_recognise_does_not_fill_the_list():
    # The confidence is low for 'bar', whose labels are all correct; two discs are labelled as arms.
    probabilities = np.array(
        [[0.95, 0.03, 0.02]] * 50 + [[0.3, 0.3, 0.4]] * 50 + [[0.02, 0.96, 0.02]] * 50
    )
    labels = np.repeat([0, 2, 1], 50)
    labels[[3, 7]] = 1
    table = likely_mislabels(range(150), labels, probabilities, NAMES)
    assert set(table["id"].head(2)) == {3, 7}
    assert set(table["suggested"].head(2)) == {"disc"}


def test_a_class_without_labels_is_never_likely():
    probabilities = np.array([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8], [0.3, 0.7, 0.0]])
    table = likely_mislabels("abc", np.array([0, 0, 1]), probabilities, NAMES)
    assert not table.set_index("id").loc["b", "likely"]


def test_logits_are_refused():
    with pytest.raises(RequestError, match="give the softmax"):
        likely_mislabels("ab", np.array([0, 1]), np.array([[2.0, -1.0], [0.5, 3.0]]), NAMES[:2])
