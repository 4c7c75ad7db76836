import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubblefork.core.errors import RequestError
from hubblefork.data.sources.vote_fractions import checked_fractions, votes_in
from hubblefork.sky.decision_tree import GALAXY_ZOO_2, load_tree

COLUMNS = list(GALAXY_ZOO_2.columns)
IDS = pd.Series(["100", "200", "300", "400", "500"])


def votes(number: int = 5, seed: int = 0) -> pd.DataFrame:
    """Fractions that the tree allows, with Kaggle's six decimals, in a shuffled order."""
    random = np.random.default_rng(seed)
    shares = [random.dirichlet(np.ones(len(q.answers)), number) for q in GALAXY_ZOO_2.questions]
    fractions = GALAXY_ZOO_2.weighted(np.concatenate(shares, axis=1))
    table = pd.DataFrame(fractions.round(6), columns=COLUMNS)
    return table[list(random.permutation(COLUMNS))]


def refusal(table: pd.DataFrame) -> str:
    with pytest.raises(RequestError) as caught:
        checked_fractions(table, IDS, "sky.csv", GALAXY_ZOO_2)
    return str(caught.value)


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_what_the_tree_allows_passes_in_any_order_of_columns(seed):
    table = votes(seed=seed)
    assert votes_in(table)
    checked = checked_fractions(table.astype("str"), IDS, "sky.csv", GALAXY_ZOO_2)
    assert list(checked) == COLUMNS
    np.testing.assert_array_equal(checked, table[COLUMNS])


@pytest.mark.parametrize(
    ("value", "word"),
    [(1.2, "1.2"), (-0.3, "-0.3"), (np.nan, "missing"), (np.inf, "inf"), ("many", "many")],
)
def test_what_is_no_fraction_is_told_with_its_row(value, word):
    table = votes().astype("object")
    table.loc[1, "Class4.1"] = value
    assert refusal(table) == (
        "sky.csv: 1 of 5 rows have fractions that are not numbers from 0 to 1: 200 (Class4.1 is "
        f"{word}); correct or remove these rows"
    )


def test_answers_that_do_not_sum_to_their_parent_are_told_with_both_numbers():
    table = votes()
    table.loc[[0, 2], ["Class4.1", "Class4.2"]] = 0.1
    table.loc[[0, 2], "Class2.2"] = 0.4
    said = refusal(table)
    assert said.startswith("sky.csv: 2 of 5 rows have answers that do not sum to their parent's")
    assert "100 (Class2.1 to Class2.2 sum to" in said
    table = votes()
    table["Class1.3"] = (1 - table["Class1.1"] - table["Class1.2"]) - 2e-4
    assert "sum to 0.9998, expected 1), 200" in refusal(table)
    assert refusal(table).endswith(" and 2 more; correct or remove these rows")


def test_rounding_is_no_mistake():
    table = votes()
    table["Class6.2"] += 9e-5
    checked_fractions(table, IDS, "sky.csv", GALAXY_ZOO_2)


def test_a_column_too_few_is_no_table_of_votes():
    assert not votes_in(votes().drop(columns="Class11.6"))


DECALS = load_tree("galaxy-zoo-decals-5")


def asked(number: int = 5) -> tuple[pd.DataFrame, np.ndarray]:
    """Fractions of those who were asked, as DECaLS publishes them, and the same of everybody."""
    random = np.random.default_rng(0)
    own = np.concatenate(
        [random.dirichlet(np.ones(len(q.answers)), number) for q in DECALS.questions], axis=1
    )
    # Nobody saw a disk in the first galaxy, so that questions about disks were not asked.
    own[0, :3] = 1.0, 0.0, 0.0
    weighted = DECALS.weighted(own)
    own[0, [DECALS.index(c) for c in DECALS.columns if c.startswith(("disk", "bar"))]] = np.nan
    return pd.DataFrame(own, columns=list(DECALS.columns)), weighted


def test_fractions_of_those_who_were_asked_are_weighted_down_the_tree():
    table, weighted = asked()
    assert votes_in(table).tree is DECALS
    checked = checked_fractions(table, IDS, "decals.csv", DECALS)
    np.testing.assert_allclose(checked, weighted, atol=1e-9)


def test_a_question_that_was_asked_has_to_have_answers():
    table, _ = asked()
    table.loc[1, [column for column in table if column.startswith("how-rounded")]] = np.nan
    with pytest.raises(RequestError, match=r"200 .how-rounded_round_fraction is missing"):
        checked_fractions(table, IDS, "decals.csv", DECALS)
