"""The challenge as Kaggle ships it and as people unzip it: real JPEGs and CSVs, small."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from hubblefork.core.errors import RequestError
from hubblefork.data.sources import open_source
from hubblefork.data.sources.kaggle import is_kaggle
from hubblefork.sky.decision_tree import GALAXY_ZOO_2
from hubblefork.tasks.task import Unlabelled
from hubblefork.tasks.votes import Votes

COLUMNS = list(GALAXY_ZOO_2.columns)
IDS = ["100143", "100008", "100023", "100053"]


def _images(folder: Path, ids: list[str]) -> None:
    folder.mkdir(parents=True)
    for number, each in enumerate(ids):
        pixels = np.full((24, 24, 3), 40 * number, np.uint8)
        Image.fromarray(pixels).save(folder / f"{each}.jpg")


def _solutions(ids: list[str] = IDS) -> pd.DataFrame:
    even = [np.full(len(q.answers), 1 / len(q.answers)) for q in GALAXY_ZOO_2.questions]
    fractions = GALAXY_ZOO_2.weighted(np.tile(np.concatenate(even), (len(ids), 1)))
    return pd.DataFrame(fractions.round(6), columns=COLUMNS).assign(GalaxyID=ids)


@pytest.fixture
def challenge(tmp_path) -> Path:
    folder = tmp_path / "kaggle"
    _images(folder / "images_training_rev1", IDS)
    _images(folder / "images_test_rev1", ["100018", "100037", "100042"])
    _solutions().to_csv(folder / "training_solutions_rev1.csv", index=False)
    benchmark = pd.DataFrame(0.0, index=range(3), columns=COLUMNS)
    benchmark.insert(0, "GalaxyID", ["100042", "100018", "100037"])
    benchmark.to_csv(folder / "all_zeros_benchmark.csv", index=False)
    return folder


def refusal(text) -> str:
    with pytest.raises(RequestError) as caught:
        open_source(text)
    return str(caught.value)


@pytest.mark.parametrize("form", ["kaggle:{}", "kaggle:{}:train", "{}"])
def test_the_training_images_have_votes_whatever_the_order_of_the_columns(challenge, form):
    source = open_source(form.format(challenge))
    assert source.task == Votes()
    assert list(source.table["id"]) == IDS
    assert list(source.table) == ["id", "origin", *COLUMNS]
    assert source.table["origin"][1] == "images_training_rev1/100008.jpg"
    assert source.notes == []
    pixels = source.read([2], source.framing())[0].pixels
    assert pixels.shape == (24, 24, 3)
    assert abs(int(pixels.mean()) - 80) <= 1


def test_the_test_images_stand_in_the_order_of_the_benchmark(challenge):
    source = open_source(f"kaggle:{challenge}:test")
    assert source.task == Unlabelled()
    assert list(source.table["id"]) == ["100042", "100018", "100037"]
    (challenge / "all_zeros_benchmark.csv").unlink()
    source = open_source(f"kaggle:{challenge}:test")
    assert list(source.table["id"]) == ["100018", "100037", "100042"]
    assert source.notes == [
        "There is no all_zeros_benchmark.csv, which would show whether images are missing."
    ]


@pytest.mark.parametrize("part", ["images_training_rev1", "images_test_rev1"])
def test_folders_that_unzipping_makes_are_looked_into(challenge, part):
    inner = challenge / "moved"
    (challenge / part).rename(inner)
    (challenge / part).mkdir()
    inner.rename(challenge / part / part)
    (challenge / part / "__MACOSX").mkdir()
    for table in ("training_solutions_rev1", "all_zeros_benchmark"):
        (challenge / table).mkdir()
        (challenge / f"{table}.csv").rename(challenge / table / f"{table}.csv")
    assert is_kaggle(challenge)
    assert len(open_source(f"kaggle:{challenge}:train").table) == 4
    assert len(open_source(f"kaggle:{challenge}:test").table) == 3


def test_what_is_left_over_on_either_side_is_counted(challenge):
    (challenge / "images_training_rev1" / "100008.jpg").unlink()
    Image.new("RGB", (24, 24)).save(challenge / "images_training_rev1" / "999.jpg")
    source = open_source(f"kaggle:{challenge}")
    assert list(source.table["id"]) == ["100143", "100023", "100053"]
    assert source.notes == [
        "1 of 4 rows of training_solutions_rev1.csv have no image in images_training_rev1 and "
        "were left out: 100008.",
        "1 of 4 images in images_training_rev1 have no row in training_solutions_rev1.csv and "
        "were left out: 999.",
    ]


def test_every_row_of_the_benchmark_stays_whether_its_image_is_there_or_not(challenge):
    (challenge / "images_test_rev1" / "100018.jpg").unlink()
    Image.new("RGB", (24, 24)).save(challenge / "images_test_rev1" / "999.jpg")
    source = open_source(f"kaggle:{challenge}:test")
    assert list(source.table["id"]) == ["100042", "100018", "100037"]
    assert source.read([1], source.framing())[0].reason == "the file is not there"
    assert source.notes == [
        "1 of 3 rows of all_zeros_benchmark.csv have no image in images_test_rev1: 100018.",
        "1 of 3 images in images_test_rev1 have no row in all_zeros_benchmark.csv and were left "
        "out: 999.",
    ]
    for each in (challenge / "images_test_rev1").iterdir():
        each.unlink()
    assert "none of the 3 ids" in refusal(f"kaggle:{challenge}:test")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: t.assign(**{"Class1.1": 1.4}),
            "4 of 4 rows have fractions that are not numbers",
        ),
        (lambda t: t.assign(**{"Class7.1": 0.4}), "Class7.1 to Class7.3 sum to"),
        (lambda t: t.drop(columns="Class9.2"), "has no column Class9.2; expected GalaxyID and the"),
        (lambda t: t.rename(columns={"GalaxyID": "id"}), "has no column GalaxyID; found"),
        (lambda t: t.assign(GalaxyID=["1", "1", "2", "3"]), "1 ids stand in more than one row"),
        (lambda t: t.assign(GalaxyID=["1", None, "2", "3"]), "1 of 4 rows have no GalaxyID"),
        (lambda t: t.assign(GalaxyID=["1", "2", "3", "4"]), "none of the 4 ids"),
        (lambda t: t.iloc[:0], "none of the 0 ids"),
    ],
)
def test_a_wrong_table_of_votes_is_one_line(challenge, change, message):
    change(_solutions()).to_csv(challenge / "training_solutions_rev1.csv", index=False)
    assert message in refusal(f"kaggle:{challenge}")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00\x01", b'"a\n'])
def test_a_table_that_is_none_is_one_line(challenge, content):
    (challenge / "training_solutions_rev1.csv").write_bytes(content)
    assert "training_solutions_rev1.csv" in refusal(f"kaggle:{challenge}")


def test_what_is_missing_of_the_challenge_is_named(challenge, tmp_path):
    assert "no such directory" in refusal("kaggle:nowhere")
    assert "expected kaggle:DIR" in refusal("kaggle:")
    (challenge / "training_solutions_rev1.csv").unlink()
    said = refusal(challenge)
    assert "no training_solutions_rev1.csv" in said
    assert "it is in Kaggle's training_solutions_rev1.zip; kaggle:DIR:test reads" in said
    (tmp_path / "zips").mkdir()
    for name in ("training_solutions_rev1.zip", "images_training_rev1.zip"):
        (tmp_path / "zips" / name).write_bytes(b"PK")
    assert "unzip training_solutions_rev1.zip" in refusal(tmp_path / "zips")
    assert "no images_test_rev1" in refusal(f"kaggle:{tmp_path / 'zips'}:test")


def test_an_ordinary_directory_is_not_the_challenge(two_classes):
    assert not is_kaggle(two_classes)


def test_the_real_challenge_is_read(real_data):
    source = open_source(f"kaggle:{real_data / 'kaggle_mini'}")
    assert (len(source.table), source.notes) == (100, [])
    assert source.read([0], source.framing(size=32))[0].size == (424, 424)
    assert len(open_source(f"kaggle:{real_data / 'kaggle_mini'}:test").table) == 300
