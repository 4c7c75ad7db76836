"""Agreement of raters: the worked examples of the papers, and what must hold for any answers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubblefork.evaluation.agreement import (
    cohen_kappa,
    fleiss_kappa,
    gwet_ac1,
    krippendorff_alpha,
    observed_agreement,
)

OF_COUNTS = (observed_agreement, fleiss_kappa, krippendorff_alpha, gwet_ac1)


def counted(ratings: np.ndarray, answers: int) -> np.ndarray:
    """(N, K) from (raters, N), where -1 is no answer."""
    return np.stack([(ratings == k).sum(axis=0) for k in range(answers)], axis=1)


def test_by_hand():
    # Three raters, four images, answers a and b:  aaa  aab  bbb  ab-
    counts = np.array([[3, 0], [2, 1], [0, 3], [1, 1]])
    # Pairs that agree: 3 of 3, 1 of 3, 3 of 3, 0 of 1.
    observed = (1 + 1 / 3 + 1 + 0) / 4
    assert observed_agreement(counts) == pytest.approx(observed)
    # Frequency of a: mean of 1, 2/3, 0, 1/2.
    a = (1 + 2 / 3 + 0 + 1 / 2) / 4
    chance = a**2 + (1 - a) ** 2
    assert fleiss_kappa(counts) == pytest.approx((observed - chance) / (1 - chance))
    chance = 2 * a * (1 - a)
    assert gwet_ac1(counts) == pytest.approx((observed - chance) / (1 - chance))
    # Krippendorff: 11 answers, 6 a and 5 b. Of the coincidences, a-b are: of aab 2 pairs of 2
    # orders / (3 - 1), of ab 1 pair of 2 orders / (2 - 1); expected 2 x 6 x 5 / (11 - 1).
    assert krippendorff_alpha(counts) == pytest.approx(1 - (2 * 2 / 2 + 2) / (2 * 6 * 5 / 10))
    # Cohen, of the first two of the raters: aa aa bb ab, so 3 of 4 agree; by chance
    # 3/4 x 2/4 + 1/4 x 2/4 = 1/2.
    assert cohen_kappa(np.array([0, 0, 1, 0]), np.array([0, 0, 1, 1])) == pytest.approx(0.5)


def test_the_example_of_krippendorff_with_gaps():
    # Krippendorff (2011), section C: four observers, twelve units, five answers, gaps; 0.743.
    rows = ("123321412...", "1233224125.3", ".3332342251.", "12332441251.")
    ratings = np.array([[-1 if each == "." else int(each) - 1 for each in row] for row in rows])
    counts = counted(ratings, 5)
    assert krippendorff_alpha(counts) == pytest.approx(0.743, abs=5e-4)
    # Of the same answers, as R's irrCAC 1.0 prints them.
    assert observed_agreement(counts) == pytest.approx(0.81818, abs=1e-5)
    assert fleiss_kappa(counts) == pytest.approx(0.76117, abs=1e-5)
    assert gwet_ac1(counts) == pytest.approx(0.77544, abs=1e-5)


def test_the_diagnoses_of_fleiss():
    # Ten subjects, fourteen raters, five answers: 0.210.
    counts = np.array(
        [[0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
         [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7]]
    )  # fmt: skip
    assert fleiss_kappa(counts) == pytest.approx(0.210, abs=5e-4)


def test_where_nothing_can_be_said_it_is_nan():
    for measure in OF_COUNTS:
        assert np.isnan(measure(np.array([[1, 0], [0, 1]])))  # one answer each
        assert np.isnan(measure(np.zeros((0, 2))))
    always = np.array([[2, 0], [2, 0]])
    assert np.isnan(fleiss_kappa(always))
    assert np.isnan(krippendorff_alpha(always))
    assert gwet_ac1(always) == 1
    assert np.isnan(cohen_kappa(np.zeros(3), np.zeros(3)))
    assert np.isnan(cohen_kappa(np.zeros(0), np.zeros(0)))


@st.composite
def rated(draw, gaps: bool = True):
    """(raters, N) with at least two answers among them, of which each image of some has two."""
    number, raters = draw(st.integers(2, 8)), draw(st.integers(2, 5))
    lowest = -1 if gaps else 0
    cells = draw(st.lists(st.integers(lowest, 3), min_size=number * raters,
                          max_size=number * raters))  # fmt: skip
    ratings = np.array(cells).reshape(raters, number)
    ratings[:2, 0], ratings[:2, 1] = 0, 1
    return ratings


@given(rated(), st.permutations(range(4)), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_names_of_answers_raters_and_images_do_not_matter(ratings, renamed, random):
    counts = counted(ratings, 4)
    others = counted(np.where(ratings < 0, -1, np.array(renamed)[ratings]), 4)
    shuffled = ratings[random.sample(range(len(ratings)), len(ratings))]
    shuffled = shuffled[:, random.sample(range(ratings.shape[1]), ratings.shape[1])]
    for measure in OF_COUNTS:
        assert measure(others) == pytest.approx(measure(counts))
        assert measure(counted(shuffled, 4)) == pytest.approx(measure(counts))
        assert measure(counts) <= 1 + 1e-12
    both = (ratings[:2] >= 0).all(axis=0)
    one, two = ratings[:2, both]
    names = np.array(renamed)
    assert cohen_kappa(two, one) == pytest.approx(cohen_kappa(one, two))
    assert cohen_kappa(names[one], names[two]) == pytest.approx(cohen_kappa(one, two))


@given(rated(gaps=False))
@settings(max_examples=40, deadline=None)
def test_who_all_agree_have_1(ratings):
    counts = counted(np.repeat(ratings[:1], 3, axis=0), 4)
    for measure in OF_COUNTS:
        assert measure(counts) == pytest.approx(1)
    assert cohen_kappa(ratings[0], ratings[0]) == pytest.approx(1)


@given(rated(gaps=False))
@settings(max_examples=40, deadline=None)
def test_without_gaps_alpha_is_kappa_corrected_for_the_number_of_answers(ratings):
    counts = counted(ratings, 4)
    kappa = fleiss_kappa(counts)
    assert krippendorff_alpha(counts) == pytest.approx(kappa + (1 - kappa) / ratings.size)
