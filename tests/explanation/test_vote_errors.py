"""The errors of votes on any decision tree, and their sections."""

from types import SimpleNamespace

import numpy as np
import pytest

from hubblefork.explanation import predicted_test_set as explained
from hubblefork.explanation.attribution import Attribution
from hubblefork.explanation.vote_errors import find_vote_errors, worst_questions
from hubblefork.report.explain_vote_sections import vote_sections, vote_sentence
from hubblefork.sky.decision_tree import DecisionTree
from hubblefork.tasks.predictions import Predictions
from hubblefork.tasks.votes import Votes

TREE = DecisionTree.from_content(
    {
        "name": "rings",
        "title": "Rings",
        "source": "this test",
        "fractions_of": "everybody",
        "questions": [
            {
                "text": "Is there a ring?",
                "short": "Ring?",
                "topic": "ring",
                "answers": [
                    {"column": "ring", "text": "yes", "next": 2, "looks": "ring"},
                    {"column": "none", "text": "no", "looks": "no ring"},
                ],
            },
            {
                "text": "How many rings?",
                "short": "How many?",
                "parent": "ring",
                "answers": [
                    {"column": "one", "text": "one", "looks": "one"},
                    {"column": "more", "text": "more", "looks": "several"},
                ],
            },
        ],
        "kinds": [{"name": "ringed", "answer": "ring"}, {"name": "other"}],
    }
)

TRUE = np.array([[0.9, 0.1, 0.8, 0.1], [0.1, 0.9, 0.05, 0.05], [1, 0, 0.2, 0.8]], np.float32)
PREDICTED = np.array([[0.9, 0.1, 0.1, 0.8], [0.1, 0.9, 0.0, 0.1], [0.2, 0.8, 0.1, 0.1]], np.float32)


@pytest.fixture
def test_set(monkeypatch):
    image, map_ = np.zeros((8, 8, 3), np.uint8), np.ones((8, 8), np.float32)
    monkeypatch.setattr(
        explained,
        "attribution",
        lambda _, __, method, target, layer: Attribution(method, "", target, map_, image),
    )
    task = Votes(TREE)
    return explained.TestSet(
        predictor=SimpleNamespace(task=task),
        images=np.zeros((3, 8, 8, 3), np.uint8),
        rows=np.arange(3),
        predictions=Predictions(task, np.array(["a", "b", "c"], object), PREDICTED, true=TRUE),
        features=np.zeros((3, 2)),
        reference=None,
        neighbours=None,
        method="occlusion",
    )


def test_galaxies_are_ranked_and_the_worst_question_is_explained(test_set):
    found = find_vote_errors(test_set)
    assert found.errors["id"].tolist() == ["c", "a", "b"]
    assert [each.target for each in found.largest[0].attributions] == ["none", "ring"]
    assert [each.target for each in found.largest[1].attributions] == ["more", "one"]
    assert worst_questions(TREE, TRUE[0], PREDICTED[0])[0].short == "How many?"
    assert found.questions.set_index("text")["galaxies"].to_dict() == {"How many?": 2, "Ring?": 1}
    assert found.tables()["errors"]["true_description"].tolist() == [
        "ring, several", "ring, one", "no ring"
    ]  # fmt: skip


def test_every_kind_has_its_smallest_errors(test_set):
    found = find_vote_errors(test_set)
    indices = [(kind, each.index) for kind, each in found.smallest]
    assert indices == [("ringed", 0), ("ringed", 2), ("other", 1)]


def test_sections_are_of_the_tree(test_set):
    found = SimpleNamespace(test_set=test_set, errors=find_vote_errors(test_set))
    largest, smallest = vote_sections(found)
    note, cards, *_, table = largest.blocks
    assert [row[0] for row in table.rows] == ["How many?", "Ring?"]
    assert "whose 4 fractions" in note
    assert "‘ring: yes’ 20\xa0%, volunteers 100\xa0%" in cards.groups[0].text
    assert smallest.blocks[1].groups[-1].title == "other: RMSE 0.0354"
    assert vote_sentence(found).endswith("on the question ‘How many?’.")
