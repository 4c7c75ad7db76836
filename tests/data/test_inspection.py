import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hubblefork.core.errors import RequestError
from hubblefork.data.groups import TieRules
from hubblefork.data.images.framing import Framing
from hubblefork.data.inspection import (
    describe_columns,
    inspect_dataset,
    measure_light,
)
from hubblefork.data.packing import pack
from hubblefork.data.sources import open_source
from hubblefork.evaluation.vote_metrics import summarise_votes
from hubblefork.sky.class_rules import FIVE_CLASSES, five_class
from hubblefork.sky.decision_tree import GALAXY_ZOO_2
from hubblefork.sky.simulation.simulate import simulate


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    """A catalogue of 60 simulated galaxies, and after them one for each fault, packed."""
    tmp_path = tmp_path_factory.mktemp("faulty")
    sky = list(simulate(61, seed=2).render(range(61), 64))
    images = {f"g{k}": sky[k] for k in range(60)}
    images |= {
        "copy": sky[3],
        "turned": np.rot90(sky[4]),
        "near": sky[60],
        "blank": np.full_like(sky[0], 7),
        "text": None,
    }
    rows = []
    for place, (name, pixels) in enumerate(images.items()):
        file = tmp_path / f"{name}.png"
        if pixels is None:
            file.write_text("no image")
        else:
            Image.fromarray(np.ascontiguousarray(pixels)).save(file)
        rows.append([name, file.name, "ab"[place % 2], 3.0 * place, 1.0, f"plate {place // 3}"])
    table = pd.DataFrame(rows, columns=["id", "image", "label", "ra", "dec", "plate"])
    table.loc[table["id"] == "near", ["ra", "dec"]] = [3.0 * 5 + 0.001, 1.0]
    table.to_csv(tmp_path / "catalogue.csv", index=False)
    return pack(open_source(tmp_path / "catalogue.csv"), Framing(size=64))


def ids(dataset, groups) -> list[list[str]]:
    return [dataset.table["id"].iloc[group.rows].tolist() for group in groups]


def test_every_planted_fault_is_found(faulty):
    found = inspect_dataset(faulty)
    assert ids(faulty, found.identical) == [["g3", "copy"]]
    assert ids(faulty, found.near) == [["g4", "turned"]]
    assert ids(faulty, found.same_place) == [["g5", "near"]]
    assert faulty.table["id"].iloc[found.blank].tolist() == ["blank"]
    assert [each["id"] for each in faulty.info["left_out"]] == ["text"]


def test_different_labels_of_the_same_thing_are_told(faulty):
    found = inspect_dataset(faulty)
    table = faulty.table.set_index("id")["label"]
    for group, pair in ((found.identical[0], ["g3", "copy"]), (found.near[0], ["g4", "turned"])):
        assert group.differ == (table[pair[0]] != table[pair[1]])


def test_the_split_is_the_one_that_training_makes_and_tells_which_groups_it_divides(faulty):
    found = inspect_dataset(faulty)
    part = faulty.table["id"].map(found.split.subset)
    for group in [*found.identical, *found.near, *found.same_place]:
        assert group.divided == (part.iloc[group.rows].nunique() > 1)
    assert not any(group.divided for group in [*found.identical, *found.near, *found.same_place])
    assert sum(counts.sum() for counts in found.parts.values()) == len(faulty)


def test_a_group_column_keeps_its_values_together_and_is_proposed_no_more(faulty):
    assert [(c.name, c.groups, c.pure) for c in inspect_dataset(faulty).columns] == [
        ("plate", True, False)
    ]
    found = inspect_dataset(faulty, rules=TieRules("plate"))
    assert found.columns == []
    assert found.grouped
    part = faulty.table["id"].map(found.split.subset)
    assert (part.groupby(faulty.table["plate"]).nunique() == 1).all()


def test_a_wrong_group_column_names_the_nearest(faulty):
    with pytest.raises(RequestError, match="did you mean 'plate'"):
        inspect_dataset(faulty, rules=TieRules("plates"))


def test_a_split_that_training_would_refuse_is_told_and_the_rest_is_measured(tmp_path, shapes):
    for name, number in (("bar", 12), ("disc", 1)):
        (tmp_path / name).mkdir()
        for file in sorted(shapes.glob(f"{name}/*.png"))[:number]:
            (tmp_path / name / file.name).write_bytes(file.read_bytes())
    found = inspect_dataset(pack(open_source(tmp_path), Framing(size=16)))
    assert found.split is None
    assert "'disc' has 1 image" in found.refused
    assert found.parts == {}
    assert found.counts.tolist() == [12, 1]


def test_votes_are_measured_down_the_tree():
    dataset = pack(open_source("simulated:votes:80"), Framing(size=24), workers=1)
    found = inspect_dataset(dataset)
    votes = found.votes
    assert found.names == ("smooth", "features or disk", "star or artefact")
    assert votes.first.shape == (80, 3)
    assert votes.reached[0] == (1.0, 80)
    assert len(votes.reached) == 11
    five = five_class(dataset.labels)
    expected = {name: int((five == code).sum()) for code, name in enumerate(FIVE_CLASSES)}
    assert votes.rules["five"] == expected


def test_the_error_of_the_mean_is_that_of_always_answering_it():
    fractions = np.random.default_rng(0).random((50, 37)).astype(np.float32)
    of_mean = np.sqrt(np.mean((fractions - fractions.mean(axis=0)) ** 2))
    assert summarise_votes(fractions, GALAXY_ZOO_2).rmse_of_mean == pytest.approx(of_mean, rel=1e-5)


@settings(max_examples=30)
@given(number=st.integers(1, 9), channels=st.integers(1, 5), seed=st.integers(0, 9))
def test_light_is_measured_alike_in_any_blocks(number, channels, seed):
    random = np.random.default_rng(seed)
    images = random.choice([0, 1, 90, 255], size=(number, 6, 6, channels)).astype(np.uint8)
    light = measure_light(images)
    flat = images.reshape(number, 36, channels).astype(float)
    np.testing.assert_allclose(light["brightness"], flat.mean(axis=(1, 2)), rtol=1e-5)
    np.testing.assert_allclose(light["std"], flat.mean(axis=2).std(axis=1), rtol=1e-4)
    np.testing.assert_allclose(light["black"], (flat == 0).all(axis=2).mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(light["saturated"], (flat == 255).any(axis=2).mean(axis=1))
    np.testing.assert_allclose(light["0"], flat[:, :, 0].mean(axis=1), rtol=1e-5)


def test_only_columns_with_shared_values_can_group():
    table = pd.DataFrame(
        {
            "id": [str(n) for n in range(60)],
            "species": [f"s{n // 4}" for n in range(60)],
            "mixed": [f"m{n % 15}" for n in range(60)],
            "note": [f"only {n}" for n in range(60)],
            "flag": [n % 2 for n in range(60)],
            "redshift": np.linspace(0, 1, 60) // 0.05,
            "empty": [None] * 60,
        }
    )
    columns = {c.name: c for c in describe_columns(table, np.repeat([0, 1, 2], 20))}
    assert "id" not in columns
    assert {name for name, column in columns.items() if column.groups} == {"species", "mixed"}
    assert columns["species"].pure
    assert not columns["mixed"].pure
    assert columns["empty"].known == 0
    assert columns["species"].examples == ("s0", "s1", "s2")
