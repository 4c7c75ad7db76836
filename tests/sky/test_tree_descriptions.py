"""The path down the tree: where it leads, and what it is called."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubblefork.sky.decision_tree import GALAXY_ZOO_2


def votes(*columns):
    fractions = np.zeros(37)
    fractions[[GALAXY_ZOO_2.index(column) for column in columns]] = 1
    return fractions


FACE_ON = ("Class1.2", "Class2.2")


@pytest.mark.parametrize(
    ("columns", "words", "kind"),
    [
        (("Class1.1", "Class7.1", "Class6.2"), "smooth, round", "smooth"),
        (("Class1.3",), "star or artefact", "star or artefact"),
        (("Class1.2", "Class2.1", "Class9.2", "Class6.2"), "disk, edge-on", "edge-on disk"),
        (
            (*FACE_ON, "Class3.1", "Class4.1", "Class10.1", "Class11.2", "Class5.3", "Class6.2"),
            "disk, barred, spiral, 2 arms",
            "spiral",
        ),
        (
            (*FACE_ON, "Class3.2", "Class4.2", "Class5.4", "Class6.1", "Class8.6"),
            "disk, merger",
            "disk without arms",
        ),
    ],
)
def test_a_galaxy_in_a_few_words(columns, words, kind):
    fractions = votes(*columns)
    path = [GALAXY_ZOO_2.columns[place] for _, place in GALAXY_ZOO_2.follow(fractions)]
    assert path == list(columns)
    assert GALAXY_ZOO_2.describe(fractions[None])[0] == words
    assert GALAXY_ZOO_2.kinds[GALAXY_ZOO_2.kind_of(fractions[None])[0]].name == kind


@given(st.integers(0, 2**32 - 1))
def test_a_path_ends_and_each_of_its_questions_follows_from_the_previous(seed):
    fractions = np.random.default_rng(seed).random(37)
    steps = GALAXY_ZOO_2.follow(fractions)
    for (_, place), (following, _) in pairwise(steps):
        assert GALAXY_ZOO_2.answers[GALAXY_ZOO_2.columns[place]].next == following.number
    assert GALAXY_ZOO_2.answers[GALAXY_ZOO_2.columns[steps[-1][1]]].next is None


def test_many_galaxies_are_described_as_each_by_itself():
    fractions = np.random.default_rng(0).random((50, 37))
    alone = [GALAXY_ZOO_2.describe(each[None])[0] for each in fractions]
    assert GALAXY_ZOO_2.describe(fractions).tolist() == alone
    assert GALAXY_ZOO_2.describe(fractions[:0]).shape == (0,)


def test_every_question_and_answer_has_a_short_name():
    assert all(question.short for question in GALAXY_ZOO_2.questions)
    names = [GALAXY_ZOO_2.answer_name(column) for column in GALAXY_ZOO_2.columns]
    assert not {"yes", "no"} & set(names)
    assert GALAXY_ZOO_2.answer_name("Class10.1") == "winding: tight"
