"""What can be answered: only what is reachable, and its fractions hold the tree's sums."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubblefork.core.errors import RequestError
from hubblefork.sky.decision_tree import load_tree, tree_names
from hubblefork.tasks.classes import Classes
from hubblefork.tasks.task import Unlabelled
from hubblefork.tasks.votes import Votes
from hubblefork.workbench.questions import Questions


def test_classes_are_one_question():
    questions = Questions.of(Classes(("with_bar", "disc")))
    assert [choice.text for choice in questions.asked[0].choices] == ["With bar", "disc"]
    assert questions.label(["disc"]).tolist() == [0, 1]
    for answer in ([], ["spiral"], ["disc", "disc"]):
        with pytest.raises(RequestError):
            questions.path(answer)


def test_without_classes_nothing_can_be_answered():
    with pytest.raises(RequestError, match="nothing can be answered"):
        Questions.of(Unlabelled()).path([])


@settings(max_examples=30)
@given(st.sampled_from(tree_names()), st.data())
def test_fractions_of_any_walk_sum_to_what_leads_to_them(name, data):
    tree = load_tree(name)
    questions = Questions.of(Votes(tree))
    place, answer, asked = 0, [], set()
    while place is not None:
        asked.add(place)
        choice = data.draw(st.sampled_from(questions.asked[place].choices))
        answer.append(choice.name)
        place = choice.next
    fractions = questions.label(answer)
    for number, question in enumerate(tree.questions):
        total = fractions[question.columns].sum()
        assert total == (number in asked)
        if question.parent is not None:
            assert total == fractions[tree.index(question.parent)]
    # Half of a walk is no answer, nor is one that goes on past its end.
    for wrong in (answer[:-1], [*answer, answer[0]]):
        with pytest.raises(RequestError):
            questions.path(wrong)
    assert fractions.dtype == np.float32
