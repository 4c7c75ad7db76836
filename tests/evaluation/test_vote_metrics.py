import json

import numpy as np
import pytest

from hubblefork.core.errors import RequestError
from hubblefork.evaluation.vote_metrics import largest_errors, measure_votes
from hubblefork.sky.decision_tree import GALAXY_ZOO_2


def test_rmse_is_over_all_galaxies_and_answers():
    true, predicted = np.random.default_rng(0).random((2, 20, 37))
    result = measure_votes(true, predicted, GALAXY_ZOO_2, resamples=50)
    assert result["rmse"] == pytest.approx(np.sqrt(((true - predicted) ** 2).mean()))
    assert result["mae"] == pytest.approx(np.abs(true - predicted).mean())
    for name in ("rmse", "mae"):
        low, high = result["intervals"][name]
        assert low < result[name] < high
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_an_error_shows_in_its_own_answer_and_question_only():
    true, predicted = np.zeros((2, 4, 37))
    place = GALAXY_ZOO_2.columns.index("Class7.2")
    predicted[:, place] = 0.3
    result = measure_votes(true, predicted, GALAXY_ZOO_2, resamples=2)
    assert result["per_answer"]["Class7.2"]["bias"] == pytest.approx(0.3)
    assert result["per_question"]["7"]["rmse"] == pytest.approx(np.sqrt(0.3**2 / 3))
    silent = {number for number, scores in result["per_question"].items() if scores["rmse"] == 0}
    assert silent == {str(question.number) for question in GALAXY_ZOO_2.questions} - {"7"}


def test_the_interval_of_a_question_is_the_bootstrap_of_its_rmse():
    true, predicted = np.random.default_rng(0).random((2, 30, 37))
    found = measure_votes(true, predicted, GALAXY_ZOO_2, resamples=200)["per_question"]
    random, spread = np.random.default_rng(0), {number: [] for number in found}
    for _ in range(200):
        picks = random.integers(30, size=30)
        for question in GALAXY_ZOO_2.questions:
            error = (predicted - true)[picks][:, question.columns]
            spread[str(question.number)].append(np.sqrt((error**2).mean()))
    for number, drawn in spread.items():
        np.testing.assert_allclose(found[number]["interval"], np.quantile(drawn, (0.025, 0.975)))


def test_few_galaxies_or_none_with_an_error_leave_an_interval_with_a_width():
    true = np.random.default_rng(0).random((1, 37))
    for predicted in (true, 1 - true):
        for scores in measure_votes(true, predicted, GALAXY_ZOO_2)["per_question"].values():
            low, high = scores["interval"]
            assert 0 <= low <= scores["rmse"] <= high <= 1
            assert high - low > 0.1


def test_every_answer_and_question_is_there():
    result = measure_votes(np.zeros((1, 37)), np.zeros((1, 37)), GALAXY_ZOO_2, resamples=2)
    assert tuple(result["per_answer"]) == GALAXY_ZOO_2.columns
    assert len(result["per_question"]) == 11


@pytest.mark.parametrize(
    ("true", "predicted", "message"),
    [
        (np.zeros((2, 36)), np.zeros((2, 37)), "true votes of shape"),
        (np.zeros((2, 37)), np.zeros((3, 37)), "2 true and 3 predicted"),
        (np.zeros((0, 37)), np.zeros((0, 37)), "at least one"),
        (np.zeros((2, 37)), np.full((2, 37), np.nan), "predicted votes that are not a number"),
    ],
)
def test_unfit_votes_are_refused_in_one_line(true, predicted, message):
    with pytest.raises(RequestError, match=message):
        measure_votes(true, predicted, GALAXY_ZOO_2)


def test_galaxies_are_ranked_by_their_error_and_the_worst_answer_is_named():
    true, predicted = np.random.default_rng(0).random((2, 20, 37))
    table = largest_errors([str(place) for place in range(20)], true, predicted, GALAXY_ZOO_2)
    measured = measure_votes(true, predicted, GALAXY_ZOO_2, resamples=2)
    assert table["rmse"].is_monotonic_decreasing
    assert np.sqrt((table["rmse"] ** 2).mean()) == pytest.approx(measured["rmse"])
    for number, scores in measured["per_question"].items():
        assert np.sqrt((table[f"question_{number}"] ** 2).mean()) == pytest.approx(scores["rmse"])
    for row in table.itertuples():
        assert row.id == str(row.row)
        error = np.abs(predicted - true)[row.row]
        assert GALAXY_ZOO_2.columns[error.argmax()] == row.answer
        assert abs(row.predicted - row.true) == pytest.approx(error.max())
