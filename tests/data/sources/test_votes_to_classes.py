import numpy as np
import pytest
from PIL import Image

from hubblefork.core.errors import RequestError
from hubblefork.data.packing import pack
from hubblefork.data.sources import open_source
from hubblefork.data.sources.votes_to_classes import read_rule
from hubblefork.sky.class_rules import FIVE_CLASSES, GALAXY10_SDSS, five_class
from hubblefork.sky.decision_tree import GALAXY_ZOO_2
from hubblefork.tasks.classes import Classes

SKY = "simulated:votes:300"
RULE = """
[smooth]
"Class1.1" = 0.5

["a disk, not odd"]
Class1.2 = 0.4
Class6.1 = [0, 0.3]
"""


def refusal(*given) -> str:
    with pytest.raises(RequestError) as caught:
        open_source(*given)
    return str(caught.value)


def test_56_of_the_100_real_galaxies_have_one_of_the_five_classes(real_data):
    source = open_source(f"kaggle:{real_data / 'kaggle_mini'}", "five")
    assert source.task == Classes(FIVE_CLASSES)
    assert len(source.table) == 56
    assert source.notes == ["44 of 100 galaxies have no class by the rule five and were left out."]


@pytest.mark.parametrize(("rule", "names"), [("five", FIVE_CLASSES), ("galaxy10", GALAXY10_SDSS)])
def test_a_class_is_what_the_rule_says_of_the_fractions(rule, names):
    votes, source = open_source(SKY), open_source(SKY, rule)
    assert source.name == SKY
    assert set(source.task.names) <= set(names)
    assert 20 < len(source.table) <= 300
    assert sorted(set(source.table["label"])) == list(range(source.task.outputs))
    if rule == "five":
        label = five_class(votes.table[list(GALAXY_ZOO_2.columns)].to_numpy())
        expected = [FIVE_CLASSES[each] for each in label if each >= 0]
        assert [source.task.names[each] for each in source.table["label"]] == expected


def test_images_stay_with_their_galaxies():
    votes, source = open_source("simulated:votes:30"), open_source("simulated:votes:30", "five")
    framing = source.framing(size=8)
    for row in (0, len(source.table) - 1):
        inner = int(np.flatnonzero(votes.table["id"] == source.table["id"][row])[0])
        pixels = source.read([row], framing)[0].pixels
        np.testing.assert_array_equal(pixels, votes.read([inner], framing)[0].pixels)
    dataset = pack(source, framing)
    assert list(dataset.table["id"]) == list(source.table["id"])
    assert sum(dataset.info["counts"].values()) == len(source.table)


def test_a_file_of_thresholds_says_what_the_same_mapping_says(tmp_path):
    (tmp_path / "mine.toml").write_text(RULE)
    rule = read_rule(tmp_path / "mine.toml")
    assert rule == {
        "smooth": {"Class1.1": 0.5},
        "a disk, not odd": {"Class1.2": 0.4, "Class6.1": [0.0, 0.3]},
    }
    source = open_source(SKY, str(tmp_path / "mine.toml"))
    assert source.task == Classes(("smooth", "a disk, not odd"))
    assert source.content() == open_source(SKY, rule).content()
    # Where both hold, the first class counts.
    first = source.table["label"] == 0
    assert (source.table["Class1.1"][first] >= 0.5).all()
    assert (source.table["Class1.1"][~first] < 0.5).all()
    assert (source.table["Class6.1"][~first] <= 0.3).all()


def test_another_rule_makes_another_dataset():
    stamps = {open_source(SKY, rule).stamp() for rule in ("five", "galaxy10")}
    assert len(stamps) == 2
    assert open_source(SKY).stamp() not in stamps


def test_a_class_without_galaxies_is_left_out_and_told():
    rule = {"smooth": {"Class1.1": 0.5}, "none": {"Class1.1": 1}, "disk": {"Class1.2": 0.5}}
    source = open_source(SKY, rule)
    assert source.task == Classes(("smooth", "disk"))
    assert source.notes[-1] == "Classes without a galaxy were left out: 'none'."


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("fife", "nor a rule for classes: 'fife'; did you mean 'five'?"),
        ("none.toml", "none.toml: the file is not there"),
        ({}, "has no classes; expected two or more, as in"),
        ({"a": {"Class1.1": 0.5}}, "has 1 class; expected two or more"),
        ({"a": {"Class1.1": 0.5}, "b": {}}, "'b' is {}; expected a class's table"),
        ({"a": {"Class1.1": 0.5}, "b": 0.5}, "'b' is 0.5; expected a class's table"),
        ({"a": {"Class1.1": 0.5}, "b": {"Class1.9": 0.5}}, "'Class1.9', which is not an answer"),
        ({"a": {"Class1.1": 0.5}, "b": {"Class1.2": 5}}, "Class1.2 of class 'b' is 5; expected"),
        ({"a": {"Class1.1": 0.5}, "b": {"Class1.2": [0.5, 0.1]}}, "is [0.5, 0.1]; expected the"),
        ({"a": {"Class1.1": 0.5}, "b": {"Class1.2": [0.5]}}, "or [smallest, largest]"),
        ({"a": {"Class1.1": 0.5}, "b": {"Class1.2": "0.5"}}, "is '0.5'; expected"),
        ({"a": {"Class1.1": 0.5}, "b": {"Class1.2": True}}, "is True; expected"),
        ({"a": {"Class1.1": 0.5}, "b": {"Class1.2": float("nan")}}, "is nan; expected"),
        ({"a": {"Class1.3": 1}, "b": {"Class8.7": 1}}, "by these thresholds none has a class"),
        ({"a": {"Class1.1": 0}, "b": {"Class1.1": 0}}, "the only class is 'a' (300 of 300"),
    ],
)
def test_a_rule_that_cannot_be_used_is_one_line(rule, message):
    assert message in refusal(SKY, rule)


def test_a_file_that_is_no_toml_is_one_line(tmp_path):
    for content in (b"[a", b"\xff\xfe"):
        (tmp_path / "bad.toml").write_bytes(content)
        assert "bad.toml is not valid TOML" in refusal(SKY, tmp_path / "bad.toml")


def test_a_source_without_votes_is_refused(two_classes):
    assert "has classes; --classes makes classes from" in refusal(two_classes, "five")


def test_labels_beside_votes_are_named_as_the_reason(tmp_path):
    sky = open_source("simulated:votes:4")
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    table = sky.table.assign(image="a.png", label=["a", "b", "a", "b"])
    table.to_csv(tmp_path / "both.csv", index=False)
    assert "which it has too: remove its labels" in refusal(tmp_path / "both.csv", "five")


def test_classes_of_a_packed_dataset_with_votes(tmp_path):
    votes = open_source("simulated:votes:60")
    dataset = pack(votes, votes.framing(crop=48, size=24), tmp_path)
    classes = open_source(dataset, "five")
    packed = pack(classes, classes.framing(size=24), tmp_path)
    rows = dataset.table["id"].isin(packed.table["id"]).to_numpy()
    np.testing.assert_array_equal(packed.images, dataset.images[rows])
    assert packed.framing == dataset.framing
