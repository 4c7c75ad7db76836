"""What answers mean: which get maps, how they are measured, what they are called."""

import numpy as np
import pytest

from hubblefork.evaluation.vote_metrics import measure_votes
from hubblefork.sky.decision_tree import GALAXY_ZOO_2
from hubblefork.tasks.classes import Classes
from hubblefork.tasks.votes import Votes

CLASSES = Classes(("arm", "bar", "disc"))
VOTES = Votes()


def fractions(**answers):
    """Fractions in which only these answers have any; Class4_1 stands for Class4.1."""
    values = np.zeros(37)
    for name, value in answers.items():
        values[GALAXY_ZOO_2.index(name.replace("_", "."))] = value
    return values


SPIRAL = fractions(
    Class1_1=0.1, Class1_2=0.9, Class2_2=0.8, Class3_1=0.6, Class4_1=0.7, Class5_3=0.5,
    Class6_2=1.0, Class10_1=0.6, Class11_2=0.5,
)  # fmt: skip
SMOOTH = fractions(Class1_1=0.9, Class1_2=0.1, Class6_1=0.6, Class7_1=0.8, Class8_1=0.5)


def test_of_classes_the_two_most_probable_get_maps():
    assert CLASSES.targets(np.array([0.1, 0.3, 0.6])) == [2, 1]
    assert CLASSES.words.summary(np.array([0.1, 0.3, 0.6])) == "disc, 60\xa0%"


def test_of_votes_the_answers_on_the_path_get_maps_without_a_bare_no():
    names = [VOTES.words.names[place] for place in VOTES.targets(SPIRAL)]
    # The questions that most volunteers come to, in the order of the tree; edge-on and odd are no.
    assert names == ["features or disk", "bar: yes", "spiral: yes", "bulge: obvious"]
    names = [VOTES.words.names[place] for place in VOTES.targets(SMOOTH)]
    assert names == ["smooth", "completely round", "odd: yes", "ring"]
    assert VOTES.targets(fractions(Class1_3=1.0)) == [2]


def test_the_path_is_a_table_with_a_row_for_each_question():
    table = VOTES.words.table(SPIRAL)
    assert table["Question"].tolist()[:2] == ["Smooth, or a disk?", "Edge-on?"]
    assert table.loc[0, "Next answer"] == "smooth"
    assert len(table) == len(VOTES.row(SPIRAL)["path"].split("|")) == 8
    assert (
        VOTES.row(SPIRAL)["looks"] == VOTES.words.summary(SPIRAL) == "disk, barred, spiral, 2 arms"
    )


def test_classes_are_measured_by_accuracy():
    true = np.array([0, 2, 2, 1])
    values = np.eye(3)[[0, 2, 1, 0]] * 0.6 + 0.1
    values[3] *= 1.1
    assert CLASSES.score(CLASSES.tally(true, values)).value == 0.5
    assert CLASSES.worst(true, values).tolist() == [3, 2]
    assert CLASSES.baseline(true) == 0.5
    near = np.array([[0, 0, 1], [2, 1, 2], [2, 2, 2], [0, 0, 0]])
    assert CLASSES.score(CLASSES.tally(true, CLASSES.pooled(near))).value == 0.75


def test_votes_are_measured_by_the_root_of_the_mean_squared_error():
    true, values = np.random.default_rng(0).random((2, 20, 37))
    score = VOTES.score(VOTES.tally(true, values))
    assert score.value == pytest.approx(measure_votes(true, values, GALAXY_ZOO_2)["rmse"])
    mean = np.broadcast_to(true.mean(axis=0), true.shape)
    assert VOTES.baseline(true) == pytest.approx(measure_votes(true, mean, GALAXY_ZOO_2)["rmse"])
    errors = np.sqrt(((true - values) ** 2).mean(axis=1))
    assert VOTES.worst(true, values)[0] == errors.argmax()
    assert VOTES.leading(values).tolist() == values[:, :3].argmax(axis=1).tolist()
    pooled = VOTES.pooled(np.stack([true, values], axis=1))
    np.testing.assert_allclose(pooled, (true + values) / 2)
