"""A score knows whether it is better than another, and whether the intervals overlap."""

import numpy as np
import pytest

from hubblefork.evaluation.intervals import wilson_interval
from hubblefork.evaluation.scores import Score, accuracy, rmse
from hubblefork.evaluation.vote_metrics import measure_votes
from hubblefork.sky.decision_tree import GALAXY_ZOO_2


@pytest.mark.parametrize(("measure", "better"), [("accuracy", 0.9), ("rmse", 0.1)])
def test_higher_accuracy_and_lower_error_are_better(measure, better):
    good, bad = (Score(measure, value, value - 0.1, value + 0.1) for value in (better, 0.5))
    near = Score(measure, (better + 0.5) / 2, 0.0, 1.0)
    assert good.beats(bad)
    assert good.clearly_beats(bad)
    assert not bad.beats(good)
    assert not bad.clearly_beats(good)
    assert near.beats(bad)
    assert not near.clearly_beats(bad)
    assert not good.beats(good)


def test_scores_are_those_of_the_measures():
    right = np.arange(40) % 4 > 0
    found = accuracy(right)
    assert (found.value, (found.low, found.high)) == (0.75, wilson_interval(30, 40))
    true, predicted = np.random.default_rng(0).random((2, 20, 37))
    measured = measure_votes(true, predicted, GALAXY_ZOO_2)
    found = rmse(((true - predicted) ** 2).mean(axis=1))
    assert found.value == pytest.approx(measured["rmse"])
    assert [found.low, found.high] == pytest.approx(measured["intervals"]["rmse"])
