"""Every tree can be walked down, vote fractions hold together down it, and its source is named."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hubblefork.core.errors import RequestError
from hubblefork.sky.decision_tree import GALAXY_ZOO_2, DecisionTree, load_tree, tree_names


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


@pytest.mark.parametrize("name", tree_names())
def test_every_path_ends_and_passes_each_question_at_most_once(name: str):
    tree = load_tree(name)

    def walk(number: int | None, before: tuple[int, ...]) -> set[int]:
        if number is None:
            return set(before)
        assert number not in before
        answers = tree.question(number).answers
        return set().union(*(walk(answer.next, (*before, number)) for answer in answers))

    assert walk(1, ()) == {question.number for question in tree.questions}
    assert all(word in tree.source for word in ("MNRAS", "20"))


def test_real_votes_are_consistent_and_weighting_reverses_unweighting(real_data: Path):
    table = pd.read_csv(real_data / "kaggle_mini" / "training_solutions_rev1.csv")
    votes = table[list(GALAXY_ZOO_2.columns)].to_numpy()
    assert len(votes) == 100
    assert not GALAXY_ZOO_2.check(votes).any()
    again = GALAXY_ZOO_2.weighted(np.nan_to_num(GALAXY_ZOO_2.conditional(votes)))
    np.testing.assert_allclose(again, votes, atol=1e-4)


def own_answers(tree: DecisionTree, weights: np.ndarray) -> np.ndarray:
    """Divide positive weights so that each question's answers sum to 1."""
    own = weights.copy()
    for question in tree.questions:
        own[:, question.columns] /= own[:, question.columns].sum(axis=1, keepdims=True)
    return own


@st.composite
def trees_with_answers(draw: st.DrawFn) -> tuple[DecisionTree, np.ndarray]:
    """Any tree, and for some galaxies the probabilities of each question's own answers."""
    tree = load_tree(draw(st.sampled_from(tree_names())))
    shape = (draw(st.integers(1, 4)), len(tree.columns))
    weights = draw(hnp.arrays(np.float64, shape, elements=st.floats(0.01, 1.0)))
    return tree, own_answers(tree, weights)


@given(trees_with_answers())
def test_any_answers_become_consistent_fractions(given_answers):
    tree, own = given_answers
    fractions = tree.weighted(own)
    assert not tree.check(fractions, tolerance=1e-9).any()
    assert ((fractions >= 0) & (fractions <= 1)).all()


@given(trees_with_answers())
def test_unweighting_restores_the_answers(given_answers):
    tree, own = given_answers
    np.testing.assert_allclose(tree.conditional(tree.weighted(own)), own, rtol=1e-9)


@given(trees_with_answers(), st.integers(0, 1000), st.sampled_from([0.01, -0.01, np.nan]))
def test_a_changed_fraction_is_found(given_answers, column: int, change: float):
    tree, own = given_answers
    column %= len(tree.columns)
    fractions = tree.weighted(own)
    fractions[0, column] += change
    broken = tree.check(fractions)
    assert broken[0, tree.question_of[column].number - 1]
    assert not broken[1:].any()


@given(trees_with_answers())
def test_the_commonest_answers_lead_to_an_end_and_can_be_described(given_answers):
    tree, own = given_answers
    fractions = tree.weighted(own)
    for galaxy in fractions:
        steps = tree.follow(galaxy)
        assert steps[0][0] is tree.question(1)
        assert tree.answers[tree.columns[steps[-1][1]]].next is None
    assert len(tree.describe(fractions)) == len(tree.kind_of(fractions)) == len(fractions)
    names = [tree.answer_name(column) for column in tree.columns]
    assert not {"yes", "no"} & set(names)


TURNS = [{"column": each, "text": each, "next": 1} for each in "ab"]


def of(**changes: object) -> dict:
    """A small tree, with changes to its data."""
    answers = [{"column": "round", "text": "round"}, {"column": "flat", "text": "flat", "next": 2}]
    second = {
        "text": "Arms?",
        "parent": "flat",
        "answers": [{"column": "arms", "text": "yes"}, {"column": "none", "text": "no"}],
    }
    return {
        "name": "small", "title": "Small", "source": "nowhere", "fractions_of": "everybody",
        "questions": [{"text": "What?", "answers": answers}, second],
        "kinds": [{"name": "round", "answer": "round"}, {"name": "other"}],
    } | changes  # fmt: skip


def test_a_tree_of_ones_own_is_read_and_equals_itself_only():
    tree = DecisionTree.from_content(of())
    assert tree.columns == ("round", "flat", "arms", "none")
    assert tree == DecisionTree.from_content(of()) != GALAXY_ZOO_2
    assert tree.depth(tree.question(2)) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"questions": [of()["questions"][1]]}, "question 1 names 'flat', no answer before it"),
        ({"questions": [of()["questions"][0]]}, "'flat' leads to question 2, and there is none"),
        ({"questions": [of()["questions"][0]] * 2}, "the column 'round' stands in it twice"),
        ({"fractions_of": "some"}, "fractions_of: expected 'everybody' or 'asked', not 'some'"),
        ({"kinds": [{"name": "round", "answer": "round"}]}, "the last, which takes all others"),
        ({"kinds": []}, "kinds: list should have at least 1 item"),
        ({"questions": [of()["questions"][0]] * 101}, "questions: list should have at most 100"),
        ({"title": "x" * 501}, "title: string should have at most 500 characters"),
        ({"title": 3}, "title: expected text, not 3"),
        ({"checkpoint": "a"}, "checkpoint: not known"),
        ({"questions": [{"text": "What?"}]}, "cannot be understood"),
        ({"questions": 3}, "cannot be understood"),
        (
            {"questions": [{"text": "?", "answers": TURNS}],
             "kinds": [{"name": "any"}]},
            "its answers lead from question 1 back to it",
        ),
    ],
)  # fmt: skip
def test_an_invalid_tree_is_refused_in_one_line(changes, message):
    with pytest.raises(RequestError, match="decision tree 'small'") as caught:
        DecisionTree.from_content(of(**changes))
    assert message in str(caught.value)


def test_a_tree_is_found_by_name_or_file(tmp_path):
    with pytest.raises(RequestError, match="did you mean 'galaxy-zoo-2'"):
        load_tree("galaxy-zoo-1")
    with pytest.raises(RequestError, match="no decision tree at"):
        load_tree(str(tmp_path / "mine.toml"))
    (tmp_path / "mine.toml").write_text("= 3")
    with pytest.raises(RequestError, match="not valid TOML"):
        load_tree(str(tmp_path / "mine.toml"))


def test_weighting_does_not_change_its_input():
    own = own_answers(GALAXY_ZOO_2, np.ones((2, 37)))
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
