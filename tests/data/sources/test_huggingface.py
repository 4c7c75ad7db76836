"""Data sets of Hugging Face, written here in the structure of the `datasets` library."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hubblefork.core.errors import RequestError
from hubblefork.data.packing import pack
from hubblefork.data.sources import open_source
from hubblefork.data.sources.base import ImageFiles
from hubblefork.data.splits import make_split
from hubblefork.sky.decision_tree import GALAXY_ZOO_2
from hubblefork.tasks.classes import Classes
from hubblefork.tasks.task import Unlabelled
from hubblefork.tasks.votes import Votes


def refusal(text, **options) -> str:
    with pytest.raises(RequestError) as caught:
        open_source(text, **options)
    return str(caught.value)


def greys(source) -> list[int]:
    """The grey of each image: the number it was made of."""
    images = source.read(range(len(source.table)), source.framing())
    return [int(image.pixels[0, 0, 0]) for image in images]


@pytest.fixture
def repository(files, tmp_path):
    """Three Parquet files as on the hub."""
    folder = tmp_path / "sky"
    for number in range(2):
        table = files.galaxies(25 * number, 25 * (number + 1))
        files.write_parquet(table, folder / "data" / f"train-{number:05d}-of-00002.parquet")
    files.write_parquet(files.galaxies(50, 60), folder / "data" / "test-00000-of-00001.parquet")
    (folder / "README.md").write_text("# Sky")
    return folder


@pytest.mark.parametrize("kind", ["parquet", "arrow stream", "arrow file", "one row group"])
def test_a_file_of_images_is_a_source(files, tmp_path, kind):
    path = tmp_path / ("sky.parquet" if kind in ("parquet", "one row group") else "sky.arrow")
    if path.suffix == ".parquet":
        files.write_parquet(files.galaxies(0, 25), path, rows=10 if kind == "parquet" else 1 << 20)
    else:
        files.write_arrow(files.galaxies(0, 25), path, stream=kind == "arrow stream")
    source = open_source(path)
    assert source.task == Classes(tuple(files.names))
    assert list(source.table["label"]) == [n % 3 for n in range(25)]
    assert source.table["id"].is_unique
    assert source.table["origin"][24] == f"{path.name}:24"
    assert greys(source) == list(range(25))
    dataset = pack(source)
    assert dataset.images[:, 0, 0, 0].tolist() == list(range(25))


def test_images_are_read_in_any_order(files, tmp_path):
    source = open_source(
        files.write_parquet(files.galaxies(0, 30), tmp_path / "sky.parquet", rows=8)
    )
    for row in (29, 3, 8, 7, 0, 15):
        pixels = source.read([row], source.framing())[0].pixels
        assert pixels[0, 0, 0] == row


def test_a_repository_has_its_splits(repository):
    source = open_source(repository)
    assert source.table["split"].value_counts().to_dict() == {"train": 50, "test": 10}
    assert list(source.table["id"][[0, 10]]) == ["test-000000", "train-000000"]
    assert source.table["id"].is_unique
    assert greys(source) == [*range(50, 60), *range(50)]
    only = open_source(f"{repository}:split=test")
    assert "split" not in only.table
    assert greys(only) == list(range(50, 60))


def test_a_split_without_train_is_no_split_at_random(files, tmp_path):
    for place, part in enumerate(("dev", "test")):
        files.write_parquet(files.galaxies(place * 6, place * 6 + 6), tmp_path / f"{part}.parquet")
    source = open_source(tmp_path)
    assert list(source.table["split"]) == ["val"] * 6 + ["test"] * 6
    with pytest.raises(RequestError, match="no image's split is train"):
        make_split(source.table, source.task)


def test_what_was_saved_to_disk_is_read(files, tmp_path):
    one = files.save_to_disk([files.galaxies(0, 12), files.galaxies(12, 20)], tmp_path / "one")
    assert greys(open_source(one)) == list(range(20))
    both = tmp_path / "both"
    files.save_to_disk([files.galaxies(0, 12)], both / "train")
    files.save_to_disk([files.galaxies(12, 20)], both / "test")
    (both / "dataset_dict.json").write_text(json.dumps({"splits": ["train", "test"]}))
    source = open_source(both)
    assert list(source.table["split"]) == ["train"] * 12 + ["test"] * 8
    assert greys(source) == list(range(20))
    (one / "data-00001-of-00002.arrow").unlink()
    assert (
        "is incomplete: data-00001-of-00002.arrow, which its state.json names, is not there"
        in refusal(one)
    )


def test_ids_positions_groups_and_other_columns_are_kept(files, tmp_path):
    table = files.galaxies(
        0, 12, id_str=[f"J{n}" for n in range(12)], ra=np.arange(12.0), dec=-np.arange(12.0),
        group=np.arange(12) // 2, redshift=np.full(12, 0.1, np.float32), votes=[[1, 2]] * 12,
    )  # fmt: skip
    source = open_source(files.write_parquet(table, tmp_path / "sky.parquet"))
    kept = ["id", "label", "origin", "ra", "dec", "group", "redshift"]
    assert list(source.table) == kept
    assert source.table["id"][3] == "J3"
    assert source.table["group"][3] == "1"
    assert source.notes == [
        "Columns that are neither numbers, text nor dates are ignored: "
        "votes (list<element: int64>)."
    ]
    assert set(kept) < set(pack(source).table)


def test_kaggles_columns_make_votes(files, tmp_path):
    even = np.concatenate([np.full(len(q.answers), 1 / len(q.answers))
                           for q in GALAXY_ZOO_2.questions])  # fmt: skip
    fractions = GALAXY_ZOO_2.weighted(np.tile(even, (9, 1)))
    columns = dict(zip(GALAXY_ZOO_2.columns, fractions.T, strict=True))
    path = files.write_parquet(
        files.galaxies(0, 9, label=None, **columns), tmp_path / "votes.parquet"
    )
    source = open_source(path)
    assert source.task == Votes()
    assert list(source.table) == ["id", *GALAXY_ZOO_2.columns, "origin"]
    columns["Class1.1"] = columns["Class1.1"] / 2
    files.write_parquet(files.galaxies(0, 9, label=None, **columns), path)
    assert "sum to" in refusal(path)


def test_bytes_alone_are_images_too(files, tmp_path):
    frame = pd.DataFrame({"jpg": [files.png(n) for n in range(6)], "kind": ["a", "b"] * 3})
    frame.to_parquet(tmp_path / "plain.parquet")
    assert "which column is the label? Choose one by :labels=COLUMN; found kind" in refusal(
        tmp_path / "plain.parquet"
    )
    source = open_source(f"{tmp_path / 'plain.parquet'}:labels=kind:images=jpg")
    assert source.task == Classes(("a", "b"))
    assert greys(source) == list(range(6))
    unlabelled = open_source(tmp_path / "plain.parquet", labelled=False)
    assert unlabelled.task == Unlabelled()
    assert greys(unlabelled) == list(range(6))


def test_images_that_are_only_named_are_read_from_their_files(files, tmp_path):
    for number in range(6):
        (tmp_path / f"{number}.png").write_bytes(files.png(number))
    named = [{"bytes": None, "path": f"{n}.png"} for n in range(6)]
    for kind in ("pandas", "datasets"):
        path = tmp_path / f"{kind}.parquet"
        if kind == "pandas":
            pd.DataFrame({"image": named, "label": ["a", "b"] * 3}).to_parquet(path)
        else:
            files.write_parquet(
                files.galaxies(0, 6, image=pa.array(named, files.galaxies(0, 1)["image"].type)),
                path,
            )
        source = open_source(path)
        assert isinstance(source, ImageFiles)
        assert source.table["origin"][5] == "5.png"
        assert greys(source) == list(range(6))
    (tmp_path / "3.png").unlink()
    assert "1 of 6 files are not there" in refusal(path)


def test_a_catalogue_with_other_bytes_stays_a_catalogue(two_classes):
    images = ["edge_on/000.png", "spiral/000.png"]
    frame = pd.DataFrame({"id": [1, 2], "image": images, "label": ["a", "b"], "blob": [b"", b"1"]})
    frame.to_parquet(two_classes / "catalogue.parquet")
    assert len(open_source(two_classes / "catalogue.parquet").table) == 2


def test_a_row_without_an_image_or_with_a_bad_one_is_left_out(files, tmp_path):
    table = files.galaxies(0, 9)
    images = table["image"].to_pylist()
    images[2] = None
    images[4] = {"bytes": None, "path": "4.png"}
    images[5]["bytes"] = b"no image"
    table = table.set_column(0, "image", pa.array(images, table["image"].type))
    dataset = pack(open_source(files.write_parquet(table, tmp_path / "sky.parquet")))
    assert [each["origin"] for each in dataset.info["left_out"]] == [
        "sky.parquet:2", "sky.parquet:4", "sky.parquet:5",
    ]  # fmt: skip
    assert dataset.images[:, 0, 0, 0].tolist() == [0, 1, 3, 6, 7, 8]


def test_a_changed_file_is_noticed(files, tmp_path):
    path = files.write_parquet(files.galaxies(0, 9), tmp_path / "sky.parquet")
    before = open_source(path)
    files.write_parquet(files.galaxies(1, 10), path)
    after = open_source(path)
    assert before.stamp() != after.stamp()
    assert before.content() != after.content()
    files.write_parquet(files.galaxies(1, 10), tmp_path / "copy" / "sky.parquet")
    copied = open_source(tmp_path / "copy" / "sky.parquet")
    assert copied.content() == after.content()
    assert copied.stamp() != after.stamp()


def test_configurations_are_not_mixed(files, repository):
    files.write_parquet(files.galaxies(0, 5), repository / "tiny" / "train-00000-of-00001.parquet")
    source = open_source(repository)
    assert len(source.table) == 60
    assert source.notes == [
        "Only the default configuration is read; others by :config=NAME: tiny.",
        "No ids are known; rows are identified by their split and number (:id=COLUMN names a "
        "column).",
    ]
    assert len(open_source(f"{repository}:config=tiny").table) == 5
    assert "no configuration is called 'tniy'; did you mean 'tiny'" in refusal(
        f"{repository}:config=tniy"
    )


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"label": [0, 1, 7, 0, 1, 2]}, "1 rows have a label that is none of its 3 classes: 7"),
        ({"label": [1] * 6}, "has only one class, 'edge-on'"),
        ({"label": [None] * 6}, "no column of numbers or text for labels"),
        ({"label": [-1] * 6}, "none of its 6 rows has a label"),
        ({"label": [0.5, 1, 0, 1, 0, 1]}, "none of its 3 classes: 0.5"),
        ({"id": ["a"] * 6}, "1 ids stand in more than one row: a"),
        ({"id": ["a", None, "b", "c", "d", "e"]}, "1 of 6 rows have no id"),
        ({"ra": [1.0] * 6, "dec": [95.0] * 6}, "6 rows have a dec that is not an angle within 90"),
        ({"image": None}, "no column holds images as bytes"),
    ],
)
def test_columns_that_do_not_fit_are_one_line(files, tmp_path, columns, message):
    path = files.write_arrow(files.galaxies(0, 6, **columns), tmp_path / "sky.arrow")
    assert message in refusal(path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("labels=lable", "has no column 'lable' for labels; did you mean 'label'?"),
        ("images=img", "no column 'img' holds images; did you mean 'image'?"),
        ("label=label", "no option 'label' for this kind of source; did you mean 'labels'?"),
        ("labels=", "the option 'labels' is empty"),
        ("split=train", "no option 'split'"),
    ],
)
def test_a_wrong_option_is_one_line(files, tmp_path, options, message):
    path = files.write_parquet(files.galaxies(0, 6), tmp_path / "sky.parquet")
    assert message in refusal(f"{path}:{options}")


def test_files_that_name_the_classes_differently_are_refused(files, tmp_path):
    files.write_parquet(files.galaxies(0, 6), tmp_path / "train.parquet")
    other = files.noted(
        files.galaxies(0, 6), label={"names": ["a", "b", "c"], "_type": "ClassLabel"}
    )
    files.write_parquet(other, tmp_path / "test.parquet")
    assert "its files name the classes differently" in refusal(tmp_path)


def test_an_empty_file_is_refused(files, tmp_path):
    assert "has no rows" in refusal(
        files.write_parquet(files.galaxies(0, 0), tmp_path / "sky.parquet")
    )


def test_damage_in_the_midst_of_a_file_is_told_while_it_is_packed(files, tmp_path):
    path = tmp_path / "sky.parquet"
    pq.write_table(files.galaxies(0, 30), path, compression="zstd", use_dictionary=False)
    content = bytearray(path.read_bytes())
    place = pq.read_metadata(path).row_group(0).column(0).data_page_offset
    content[place + 60 : place + 160] = b"\x55" * 100
    path.write_bytes(content)
    with pytest.raises(RequestError, match=r"sky\.parquet cannot be read, it is damaged"):
        pack(open_source(path))
