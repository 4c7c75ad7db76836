from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hubblefork.data.sources.catalogue import open_catalogue
from hubblefork.errors import RequestError


@pytest.fixture
def folder(tmp_path, make_pictures) -> Path:
    """A folder with six pictures, images/000.png to images/005.png."""
    make_pictures(tmp_path / "images", 6)
    return tmp_path


def images(number: int = 6) -> list[str]:
    return [f"images/{index:03d}.png" for index in range(number)]


def opened(folder: Path, table: pd.DataFrame | str | bytes, kind: str = "csv"):
    path = folder / f"cat.{kind}"
    if isinstance(table, bytes):
        path.write_bytes(table)
    elif isinstance(table, str):
        path.write_text(table, encoding="utf-8")
    elif kind == "csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path)
    return open_catalogue(path, path.name)


def refusal(folder: Path, table: pd.DataFrame | str | bytes, kind: str = "csv") -> str:
    with pytest.raises(RequestError) as caught:
        opened(folder, table, kind)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def six(**columns) -> pd.DataFrame:
    labels = ["b", "a", "b", "a", "b", "a"]
    table = {"id": [f"g{index}" for index in range(6)], "image": images(), "label": labels}
    return pd.DataFrame(table | columns)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_catalogue_is_read(folder, kind):
    source = opened(folder, six(), kind)
    assert source.task.names == ("a", "b")
    assert source.table["label"].tolist() == [1, 0, 1, 0, 1, 0]
    assert source.table["origin"].tolist() == images()
    assert Path(source.paths[5]) == folder / "images" / "005.png"
    assert list(source.table) == ["id", "label", "origin"]


def test_ids_stay_as_they_are_written(folder):
    ids = ["007", "587722981736120347", "9223372036854775807", "1e5", "NA", "0x1"]
    assert opened(folder, six(id=ids)).table["id"].tolist() == ids


def test_whole_numbers_in_parquet_are_ids_and_labels(folder):
    ids = np.arange(6) + 587722981736120347
    source = opened(folder, six(id=ids, label=[10, 9, 10, 9, -1, 9]), "parquet")
    assert source.table["id"].tolist() == [str(each) for each in ids]
    assert source.task.names == ("-1", "9", "10")
    assert source.table["label"].tolist() == [2, 1, 2, 1, 0, 1]


def test_numbers_as_labels_are_in_numeric_order(folder):
    assert opened(folder, six(label=[10, 9, 2, 10, 9, 2])).task.names == ("2", "9", "10")


def test_names_that_look_like_nothing_are_classes(folder):
    labels = ["None", "NA", "null", "nan", "None", "NA"]
    assert opened(folder, six(label=labels)).task.names == ("NA", "None", "nan", "null")


def test_spaces_around_names_do_not_make_a_class(folder):
    assert opened(folder, six(label=["a", "a ", " b", "b", "a", "b"])).task.names == ("a", "b")


def test_names_of_other_tools_are_understood(folder):
    source = opened(folder, six().rename(columns={"id": "id_str", "image": "file_loc"}))
    assert source.table["id"].iloc[0] == "g0"


def test_absolute_paths_and_a_byte_order_mark_are_understood(folder):
    path = (folder / "images" / "000.png").as_posix()
    text = f"\ufeffid, image,label\n1,{path},галактика\n2,images/001.png,звезда\n"
    source = opened(folder, text)
    assert source.paths[0] == path
    assert source.task.names == ("галактика", "звезда")


def test_further_columns_are_kept(folder):
    extra = {
        "split": ["train", "Train", "valid", "validation", "test", "train"],
        "group": [1, 1, 2, 2, None, 3],
        "ra": [359.9, 0, 1, None, 4, 5],
        "dec": [-90, 90, 0, 0, 0, 0],
        "redshift": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
        "digest": ["not ours"] * 6,
    }
    table = opened(folder, six(**extra)).table
    assert table["split"].tolist() == ["train", "train", "val", "val", "test", "train"]
    assert table["group"].isna().tolist() == [False] * 4 + [True, False]
    assert table["group"].iloc[0] == table["group"].iloc[1]
    assert np.isnan(table["ra"].iloc[3])
    assert table["redshift"].iloc[1] == 0.2
    assert "digest" not in table


def test_missing_columns_are_told_with_those_that_are_there(folder):
    said = refusal(folder, six().drop(columns=["label", "id"]))
    assert (
        said
        == "cat.csv has no column id and no column label; found image; expected id, image and label"
    )


def test_an_empty_catalogue_is_refused(folder):
    assert refusal(folder, "") == "cat.csv is empty; expected the columns id, image and label"
    assert refusal(folder, "id,image,label\n") == (
        "cat.csv has no rows; expected one for each picture"
    )


def test_missing_labels_are_counted_and_named(folder):
    said = refusal(folder, six(label=["a", None, "  ", "b", None, None]))
    assert said.startswith("cat.csv: 4 of 6 rows have no label; ids g1, g2, g4 and 1 more;")
    said = refusal(folder, six(label=[1.0, 2.0, None, 1.0, 2.0, 1.0]), "parquet")
    assert said.startswith("cat.parquet: 1 of 6 rows have no label; ids g2;")


def test_missing_ids_and_images_are_counted(folder):
    said = refusal(folder, six(id=["a", None, "c", "d", "e", "f"]))
    assert said.startswith("cat.csv: 1 of 6 rows have no id; row numbers 2;")
    said = refusal(folder, six(image=[None, *images()[1:]]))
    assert said.startswith("cat.csv: 1 of 6 rows have no image; ids g0;")


def test_repeated_ids_are_refused(folder):
    said = refusal(folder, six(id=["a", "a", "b", "b", "a", "c"]))
    assert said.startswith("cat.csv: 2 ids stand in more than one row: a, b;")


def test_files_that_are_not_there_are_counted_and_named(folder):
    gone = [f"images/{index}.png" for index in range(5)]
    said = refusal(folder, six(image=["images/000.png", *gone]))
    assert said.startswith(
        "cat.csv: 5 of 6 files are not there: images/0.png, images/1.png, images/2.png and 2 more;"
    )


def test_one_class_only_is_refused(folder):
    said = refusal(folder, six(label=["a"] * 6))
    assert said == "cat.csv has only one class, 'a'; two or more are needed"


def test_unknown_words_for_a_part_are_refused(folder):
    said = refusal(folder, six(split=["train", "holdout", "dev", None, "test", "val"]))
    assert said.startswith("cat.csv: 3 rows have an unknown split: holdout, dev, (nothing);")
    assert "no row's split is train" in refusal(folder, six(split=["val"] * 6))


def test_positions_off_the_sky_are_refused(folder):
    said = refusal(folder, six(dec=[0, 91, 0, 0, 0, 0]))
    assert said.startswith("cat.csv: 1 rows have a dec that is no angle within 90 degrees: 91")
    assert "no angle" in refusal(folder, six(ra=["12h30m", 0, 0, 0, 0, 0]))


def test_what_is_no_table_is_refused_in_one_line(folder):
    assert "cannot be read as a table" in refusal(folder, b"\xff\xfe\x00\x81binary", "csv")
    assert "cannot be read as a table" in refusal(folder, "id,image,label\n", "parquet")
    assert "cannot be read as a table" in refusal(folder, 'id,image,label\n"1,2,3\n4,5,6,7,8\n')


def test_the_real_catalogue(real_data):
    path = real_data / "gz2_five_class" / "catalog.csv"
    source = open_catalogue(path, str(path))
    assert len(source.table) == 25_913
    assert source.task.outputs == 5
