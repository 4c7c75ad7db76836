import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hubblefork.data.splits
from hubblefork.core.errors import RequestError
from hubblefork.data.groups import TieRules, find_groups
from hubblefork.data.images.framing import Framing
from hubblefork.data.packing import pack
from hubblefork.data.sources import open_source
from hubblefork.data.splits import Split, make_split, saved_split
from hubblefork.tasks.classes import Classes
from hubblefork.tasks.votes import Votes

THREE = Classes(("a", "b", "c"))
SUBSETS = ("train", "val", "test")
ARCSEC = 1 / 3600


def rows(*numbers: int, **columns) -> pd.DataFrame:
    """A table with these numbers of images of class 0, 1, ..."""
    label = np.repeat(np.arange(len(numbers)), numbers)
    ids = [f"p{index:04d}" for index in range(len(label))]
    return pd.DataFrame({"id": ids, "label": label} | columns)


def counts(split: Split, table: pd.DataFrame, label: int) -> list[int]:
    part = split.subset[table["id"][table["label"] == label]]
    return [int((part == name).sum()) for name in SUBSETS]


def refusal(*arguments, **options) -> str:
    with pytest.raises(RequestError) as caught:
        make_split(*arguments, **options)
    return str(caught.value)


# Properties


tables = st.lists(st.integers(3, 40), min_size=3, max_size=3).map(lambda sizes: rows(*sizes))
fractions = st.sampled_from([(0.8, 0.1, 0.1), (0.64, 0.16, 0.2), (0.5, 0.25, 0.25), (1 / 3,) * 3])


@settings(max_examples=40)
@given(tables, fractions, st.integers(0, 10))
def test_every_image_is_in_one_part_and_every_class_in_each(table, fractions, seed):
    split = make_split(table, THREE, fractions, seed)
    assert set(split.subset.index) == set(table["id"])
    assert len(split.subset) == len(table)
    for label in range(3):
        found = counts(split, table, label)
        assert min(found) >= 1
        exact = np.array(fractions) * sum(found)
        if exact.min() >= 1:
            assert np.abs(found - exact).max() < 1


@settings(max_examples=40)
@given(tables, st.integers(0, 10), st.randoms(use_true_random=False))
def test_the_split_does_not_depend_on_the_order_of_rows(table, seed, random):
    order = list(range(len(table)))
    random.shuffle(order)
    split = make_split(table, THREE, seed=seed)
    again = make_split(table.iloc[order].reset_index(drop=True), THREE, seed=seed)
    assert again.subset.equals(split.subset)
    assert again.sha256 == split.sha256


@settings(max_examples=40)
@given(st.data())
def test_no_group_is_on_two_sides(data):
    table = rows(30, 30, 30)
    for column in ("group", "digest"):
        names = st.sampled_from([*(f"{column}{index}" for index in range(60)), None])
        table[column] = data.draw(st.lists(names, min_size=90, max_size=90))
    try:
        split = make_split(table, THREE, seed=data.draw(st.integers(0, 5)))
    except RequestError:  # too few groups are left of a class
        return
    table["part"] = split.subset[table["id"]].to_numpy()
    for column in ("group", "digest"):
        assert (table.groupby(column)["part"].nunique() == 1).all()
    assert set(table["part"]) == set(SUBSETS)


def test_another_seed_gives_another_split_of_the_same_sizes():
    table = rows(50, 30, 20)
    first, second = make_split(table, THREE, seed=1), make_split(table, THREE, seed=2)
    assert first.counts() == second.counts() == {"train": 80, "val": 10, "test": 10}
    assert not first.subset.equals(second.subset)
    assert first.sha256 != second.sha256


def test_a_part_may_be_left_out():
    table = rows(10, 10, 10)
    assert make_split(table, THREE, (0.8, 0, 0.2)).counts() == {"train": 24, "val": 0, "test": 6}
    assert make_split(table, THREE, (1, 0, 0)).counts() == {"train": 30, "val": 0, "test": 0}


def test_the_split_of_known_ids_stays_the_same_for_ever():
    split = make_split(rows(6, 6), Classes(("a", "b")), (0.5, 0.25, 0.25), seed=3)
    letters = "".join(part[1] for part in split.subset)  # r, a or e
    assert letters == "aarrerrraere"


# Groups


def test_identical_images_stay_together():
    table = rows(40, 40, 40)
    table["digest"] = [str(index // 2) for index in range(120)]
    split = make_split(table, THREE)
    part = split.subset.to_numpy().reshape(60, 2)
    assert (part[:, 0] == part[:, 1]).all()
    assert split.counts() == {"train": 96, "val": 12, "test": 12}
    assert "grouped by identical images" in split.rule


def test_the_same_position_stays_together_across_the_meridian_and_at_the_pole():
    table = rows(30, 30, 30)
    table["ra"] = np.linspace(10, 350, 90)
    table["dec"] = np.linspace(-60, 60, 90)
    table.loc[0, ["ra", "dec"]] = 0.0, 0.0
    table.loc[89, ["ra", "dec"]] = 360 - 30 * ARCSEC, 0.0
    table.loc[1, ["ra", "dec"]] = 0.0, 90 - 10 * ARCSEC
    table.loc[88, ["ra", "dec"]] = 180.0, 90 - 10 * ARCSEC
    table.loc[2, ["ra", "dec"]] = np.nan
    for seed in range(10):
        part = make_split(table, THREE, seed=seed).subset
        assert part["p0000"] == part["p0089"]
        assert part["p0001"] == part["p0088"]


def test_positions_farther_apart_are_free():
    table = rows(50, 50, ra=np.arange(100) * 37 * ARCSEC, dec=0.0)
    split = make_split(table, Classes(("a", "b")))
    assert split.counts() == {"train": 80, "val": 10, "test": 10}
    assert "sky positions within 36 arcsec" in split.rule


def test_a_named_column_groups():
    table = rows(40, 40, 40, species=[f"s{index // 4}" for index in range(120)])
    split = make_split(table, THREE, groups=find_groups(table, TieRules("species")))
    assert (split.subset.to_numpy().reshape(30, 4) == split.subset.to_numpy()[::4, None]).all()
    assert "column species" in split.rule
    with pytest.raises(RequestError) as caught:
        find_groups(table, TieRules("specis"))
    assert str(caught.value) == "no column 'specis' to group by; did you mean 'species'?"


def test_large_groups_are_dealt_before_small_ones():
    table = rows(100, group=["large"] * 50 + ["middle"] * 30 + [f"g{i}" for i in range(20)])
    split = make_split(table, Classes(("a",)), (0.5, 0.3, 0.2))
    assert split.counts() == {"train": 50, "val": 30, "test": 20}


def test_a_group_of_several_classes_counts_as_its_commonest():
    table = rows(4, 8)
    table["digest"] = ["x", "y", "z", "w", "x", "x", *map(str, range(6))]
    split = make_split(table, Classes(("a", "b")), (0.5, 0.25, 0.25))
    part = split.subset
    assert part["p0000"] == part["p0004"] == part["p0005"]
    assert set(part[["p0001", "p0002", "p0003"]]) == set(SUBSETS)


# Splits that the source gives


def given_split(train: int, val: int, test: int) -> list[str]:
    return ["train"] * train + ["val"] * val + ["test"] * test


def test_a_whole_split_is_kept():
    table = rows(10, split=given_split(5, 3, 2))
    table["label"] = [0, 1] * 5
    split = make_split(table, Classes(("a", "b")))
    assert split.subset.tolist() == table["split"].tolist()
    assert split.rule.startswith("as the source gives it; ")


def test_missing_parts_are_cut_from_train():
    classes = Classes(("a", "b"))

    def made(split: list[str], fractions=(0.8, 0.1, 0.1)) -> Split:
        table = rows(100, split=split)
        table["label"] = [0, 1] * 50
        return make_split(table, classes, fractions)

    split = made(given_split(90, 0, 10))
    assert split.counts() == {"train": 80, "val": 10, "test": 10}
    assert "val cut from train" in split.rule
    assert split.subset.to_numpy()[90:].tolist() == ["test"] * 10
    assert made(given_split(90, 10, 0)).counts() == {"train": 80, "val": 10, "test": 10}
    assert made(given_split(90, 10, 0), (0.9, 0.1, 0)).counts()["test"] == 0
    assert made(given_split(100, 0, 0)).counts() == {"train": 80, "val": 10, "test": 10}
    assert made(given_split(90, 0, 10), (0.9, 0, 0.1)).counts()["val"] == 0
    # What is given stays, even if no fraction asks for it.
    assert made(given_split(80, 10, 10), (1, 0, 0)).counts()["test"] == 10


def test_duplicates_across_given_parts_move_to_the_more_protected_one():
    table = rows(12, split=given_split(6, 3, 3), digest=[str(index) for index in range(12)])
    table["label"] = [0, 1] * 6
    table.loc[[0, 6], "digest"] = "train and val"
    table.loc[[1, 7, 9], "digest"] = "in all three"
    split = make_split(table, Classes(("a", "b")))
    assert split.subset[["p0000", "p0006"]].tolist() == ["val"] * 2
    assert split.subset[["p0001", "p0007", "p0009"]].tolist() == ["test"] * 3
    assert "3 moved to stay with their group" in split.rule


def test_a_class_that_is_only_in_the_given_test_part_is_refused():
    table = rows(6, 2, split=given_split(4, 1, 3))
    said = refusal(table, Classes(("a", "b")))
    assert said.startswith("class 'b' has 0 images left for train")


# Votes


def votes(number: int) -> pd.DataFrame:
    random = np.random.default_rng(0)
    table = pd.DataFrame(random.random((number, 37)), columns=list(Votes().names))
    table.insert(0, "id", [f"p{index:04d}" for index in range(number)])
    return table


def test_votes_are_stratified_by_the_first_question():
    table = votes(300)
    first = table[["Class1.1", "Class1.2", "Class1.3"]].to_numpy().argmax(axis=1)
    split = make_split(table, Votes())
    for answer in range(3):
        number = (first == answer).sum()
        assert abs((split.subset.to_numpy()[first == answer] == "test").sum() - number / 10) < 1


def test_a_rare_answer_is_no_obstacle():
    table = votes(50)
    table["Class1.3"] = 0.0
    table.loc[0, "Class1.3"] = 2.0
    assert sum(make_split(table, Votes()).counts().values()) == 50


# Requests that cannot be met


def test_too_few_images_of_a_class_are_named():
    assert refusal(rows(10, 2, 10), THREE) == (
        "class 'b' has 2 images, but a split into train, val and test needs 3; "
        "add images or leave the class out"
    )
    assert refusal(rows(10, 10), THREE).startswith("class 'c' has 0 images, but")
    table = rows(9, 3, 9, digest=[*map(str, range(9)), "x", "x", "y", *map(str, range(20, 29))])
    assert refusal(table, THREE).startswith("class 'b' has 3 images in 2 groups, but")
    assert make_split(table, THREE, (0.8, 0, 0.2)).counts()["val"] == 0


@pytest.mark.parametrize(
    "fractions", [(0.8, 0.1), (0.8, 0.1, 0.2), (0, 0.5, 0.5), (1.2, -0.1, -0.1), (np.nan, 0, 1)]
)
def test_fractions_that_do_not_sum_to_one_are_refused(fractions):
    assert "expected three for train, val and test that sum to 1" in refusal(
        rows(9, 9, 9), THREE, fractions
    )


def test_a_negative_seed_is_refused():
    assert refusal(rows(9, 9, 9), THREE, seed=-1).startswith("seed is -1; expected")


# Files


def test_a_split_is_saved_with_rule_seed_and_hash(tmp_path):
    table = rows(10, 10, 10)
    table.loc[0, "id"] = 'a, "b"\nц'
    table.loc[1, "id"] = "007"
    table.loc[2, "id"] = "NA"
    split = make_split(table, THREE, seed=5)
    split.save(tmp_path / "split.csv")
    lines = (tmp_path / "split.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == f"# rule: {split.rule}; seed: 5; sha256: {split.sha256}"
    assert lines[1] == "id,subset"
    again = Split.load(tmp_path / "split.csv")
    assert again.subset.equals(split.subset)
    assert (again.rule, again.seed, again.sha256) == (split.rule, split.seed, split.sha256)


def test_a_file_that_was_changed_or_is_something_else_is_refused(tmp_path):
    path = tmp_path / "split.csv"
    make_split(rows(10, 10, 10), THREE).save(path)
    path.write_text(
        path.read_text().replace("p0003,train", "p0003,test").replace("seed: 0", "seed: 1")
    )
    with pytest.raises(RequestError, match="was changed after it was written"):
        Split.load(path)
    path.write_text("id,subset\np0,train\n")
    with pytest.raises(RequestError, match="is not a saved split"):
        Split.load(path)


def test_the_rows_of_a_part_are_those_of_the_dataset(two_classes, tmp_path, monkeypatch):
    dataset = pack(open_source(two_classes), Framing(size=8), tmp_path / "cache", workers=1)
    split = saved_split(dataset, (0.6, 0.2, 0.2), seed=4)
    found = [split.rows(dataset, part) for part in SUBSETS]
    assert sorted(np.concatenate(found)) == list(range(22))
    for part, each in zip(SUBSETS, found, strict=True):
        assert (split.subset[dataset.table["id"].iloc[each]] == part).all()
        assert each.dtype == np.int64

    with pytest.raises(RequestError, match="no subset is called 'training'; did you mean 'train'"):
        split.rows(dataset, "training")
    other = make_split(rows(10, 10, 10), THREE)
    with pytest.raises(RequestError, match="does not know 22 of the 22 images"):
        other.rows(dataset, "test")

    # The same request is answered from the file, another is not.
    monkeypatch.setattr(hubblefork.data.splits, "make_split", None)
    assert saved_split(dataset, (0.6, 0.2, 0.2), seed=4).sha256 == split.sha256
    with pytest.raises(TypeError):
        saved_split(dataset, (0.6, 0.2, 0.2), seed=5)


def test_the_real_catalogue_is_split_in_well_under_a_second(real_data):
    table = pd.read_csv(real_data / "gz2_five_class" / "catalog.csv", dtype={"id": str})
    table["label"] = pd.factorize(table["label"], sort=True)[0]
    names = Classes(("a", "b", "c", "d", "e"))
    assert make_split(table, names).counts() == {"train": 20_732, "val": 2_591, "test": 2_590}
