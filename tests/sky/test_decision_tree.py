"""The tree is Galaxy Zoo 2's, and vote fractions hold together down it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hubblefork.core.errors import RequestError
from hubblefork.sky.decision_tree import GALAXY_ZOO_2


def test_the_columns_are_kaggles_in_kaggles_order(real_data: Path):
    header = pd.read_csv(real_data / "kaggle_mini" / "all_zeros_benchmark.csv", nrows=0).columns
    assert tuple(header[1:]) == GALAXY_ZOO_2.columns


@pytest.mark.parametrize(
    ("question", "parent"),
    [
        *((1, None), (2, "Class1.2"), (3, "Class2.2"), (4, "Class2.2"), (5, "Class2.2"), (6, None)),
        *((7, "Class1.1"), (8, "Class6.1"), (9, "Class2.1"), (10, "Class4.1"), (11, "Class4.1")),
    ],
)
def test_each_question_sums_to_its_parent(question: int, parent: str | None):
    assert GALAXY_ZOO_2.question(question).parent == parent


def test_the_page_of_votes_lists_every_question_with_its_answers():
    page = (Path(__file__).parents[2] / "docs" / "votes.md").read_text()
    for question in GALAXY_ZOO_2.questions:
        came = f"`{question.parent}`" if question.parent else "all"
        answers = ", ".join(f"`{answer.column}` {answer.text}" for answer in question.answers)
        assert f"| {question.number}. {question.text} | {came} | {answers} |\n" in page


def test_every_path_ends_and_passes_each_question_at_most_once():
    def walk(number: int | None, before: tuple[int, ...]) -> set[int]:
        if number is None:
            return set(before)
        assert number not in before
        answers = GALAXY_ZOO_2.question(number).answers
        return set().union(*(walk(answer.next, (*before, number)) for answer in answers))

    assert walk(1, ()) == set(range(1, 12))


def test_real_votes_hold_together_and_unweighting_is_undone_by_weighting(real_data: Path):
    table = pd.read_csv(real_data / "kaggle_mini" / "training_solutions_rev1.csv")
    votes = table[list(GALAXY_ZOO_2.columns)].to_numpy()
    assert len(votes) == 100
    assert not GALAXY_ZOO_2.check(votes).any()
    again = GALAXY_ZOO_2.weighted(np.nan_to_num(GALAXY_ZOO_2.conditional(votes)))
    np.testing.assert_allclose(again, votes, atol=1e-4)


def own_answers(weights: np.ndarray) -> np.ndarray:
    """Divide positive weights so that each question's answers sum to 1."""
    own = weights.copy()
    for question in GALAXY_ZOO_2.questions:
        own[:, question.columns] /= own[:, question.columns].sum(axis=1, keepdims=True)
    return own


many_weights = hnp.arrays(
    np.float64, st.tuples(st.integers(1, 4), st.just(37)), elements=st.floats(0.01, 1.0)
)


@given(many_weights)
def test_any_answers_become_fractions_that_hold_together(weights: np.ndarray):
    fractions = GALAXY_ZOO_2.weighted(own_answers(weights))
    assert not GALAXY_ZOO_2.check(fractions, tolerance=1e-9).any()
    assert ((fractions >= 0) & (fractions <= 1)).all()


@given(many_weights)
def test_unweighting_gives_the_answers_back(weights: np.ndarray):
    own = own_answers(weights)
    np.testing.assert_allclose(GALAXY_ZOO_2.conditional(GALAXY_ZOO_2.weighted(own)), own, rtol=1e-9)


@given(many_weights, st.integers(0, 36), st.sampled_from([0.01, -0.01, np.nan]))
def test_a_changed_fraction_is_found(weights: np.ndarray, column: int, change: float):
    fractions = GALAXY_ZOO_2.weighted(own_answers(weights))
    fractions[0, column] += change
    broken = GALAXY_ZOO_2.check(fractions)
    own = next(
        place
        for place, question in enumerate(GALAXY_ZOO_2.questions)
        if question.columns.start <= column < question.columns.stop
    )
    assert broken[0, own]
    assert not broken[1:].any()


def test_weighting_leaves_its_input_alone():
    own = own_answers(np.ones((2, 37)))
    before = own.copy()
    GALAXY_ZOO_2.weighted(own)
    np.testing.assert_array_equal(own, before)


def test_a_question_nobody_reached_is_nan():
    votes = np.zeros((1, 37))
    votes[0, [GALAXY_ZOO_2.index(name) for name in ("Class1.1", "Class6.2", "Class7.1")]] = 1
    own = GALAXY_ZOO_2.conditional(votes)
    assert np.isnan(own[0, GALAXY_ZOO_2.question(10).columns]).all()
    assert own[0, GALAXY_ZOO_2.index("Class7.1")] == 1


def test_votes_of_another_shape_are_refused():
    with pytest.raises(RequestError, match="37"):
        GALAXY_ZOO_2.check(np.zeros((3, 36)))
