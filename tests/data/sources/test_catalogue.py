from contextlib import chdir
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hubblefork.core.errors import RequestError
from hubblefork.data.groups import TieRules
from hubblefork.data.images.framing import Framing
from hubblefork.data.inspection import inspect_dataset
from hubblefork.data.packing import pack
from hubblefork.data.sources import open_source
from hubblefork.data.sources.base import ImageFiles
from hubblefork.data.sources.catalogue import open_catalogue
from hubblefork.sky.decision_tree import GALAXY_ZOO_2
from hubblefork.tasks.task import Unlabelled
from hubblefork.tasks.votes import Votes


@pytest.fixture
def folder(tmp_path, make_images) -> Path:
    """A folder with six images, images/000.png to images/005.png."""
    make_images(tmp_path / "images", 6)
    return tmp_path


def images(number: int = 6) -> list[str]:
    return [f"images/{index:03d}.png" for index in range(number)]


def opened(
    folder: Path, table: pd.DataFrame | str | bytes, kind: str = "csv", labelled: bool = True
) -> ImageFiles:
    path = folder / f"cat.{kind}"
    if isinstance(table, bytes):
        path.write_bytes(table)
    elif isinstance(table, str):
        path.write_text(table, encoding="utf-8")
    elif kind == "csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path)
    with chdir(folder):
        return open_catalogue(path.name, labelled)


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
    assert table["digest_input"].iloc[0] == "not ours"  # packing has one of its own


def test_columns_that_no_table_can_hold_are_passed_over_and_told(folder):
    nights = [date(2026, 1, 1 + index // 2) for index in range(6)]
    nested = {"embedding": [[0.5, index] for index in range(6)], "raw": [b"x"] * 6}
    source = opened(folder, six(**nested, night=nights), "parquet")
    assert list(source.table) == ["id", "label", "origin", "night"]
    assert source.notes == [
        "Columns that are neither numbers, text nor dates are ignored: "
        "embedding (list<element: double>), raw (binary)."
    ]
    dataset = pack(source, source.framing(size=16))
    assert [column.name for column in inspect_dataset(dataset).columns] == ["night"]
    with pytest.raises(RequestError, match="no column 'embedding' to group by"):
        inspect_dataset(dataset, rules=TieRules("embedding"))


def test_missing_columns_are_told_with_those_that_are_there(folder):
    said = refusal(folder, six().drop(columns=["label", "id"]))
    assert said == (
        "cat.csv has no column label; found image; expected id, image and label; "
        "--columns label=COLUMN names another"
    )


def test_an_empty_catalogue_is_refused(folder):
    assert "it is empty; expected the names of the columns" in refusal(folder, "")
    assert refusal(folder, "id,image,label\n") == (
        "cat.csv has no rows; expected one for each image"
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
    said = refusal(folder, six(split=["train", "holdout", "mine", None, "test", "dev"]))
    assert said.startswith("cat.csv: 3 rows have an unknown split: holdout, mine, (nothing);")


def test_a_test_part_alone_can_be_opened(folder):
    assert set(opened(folder, six(split=["test"] * 6)).table["split"]) == {"test"}


def test_positions_off_the_sky_are_refused(folder):
    said = refusal(folder, six(dec=[0, 91, 0, 0, 0, 0]))
    assert said.startswith("cat.csv: 1 rows have a dec that is not an angle within 90 degrees: 91")
    assert "not an angle" in refusal(folder, six(ra=["12h30m", 0, 0, 0, 0, 0]))


def test_what_is_no_table_is_refused_in_one_line(folder):
    assert "cannot be read as a table" in refusal(folder, b"\xff\xfe\x00\x81binary", "csv")
    assert "cannot be read as a table" in refusal(folder, "id,image,label\n", "parquet")
    assert "cannot be read as a table" in refusal(folder, 'id,image,label\n"1,2,3\n4,5,6,7,8\n')


def test_spaces_in_the_header_do_not_cost_leading_zeros(folder):
    text = "id ,image , label\n007,images/000.png,a\n008,images/001.png,b\n"
    assert opened(folder, text).table["id"].tolist() == ["007", "008"]


def test_two_columns_of_one_name_are_refused(folder):
    said = refusal(folder, "id,image,label, id\n1,images/000.png,a,2\n")
    assert said == "cat.csv has two columns called 'id'; remove one of them"


# Votes


def votes(number: int = 6) -> pd.DataFrame:
    """Fractions that fit the tree: every answer as likely as the others of its question."""
    even = [np.full(len(question.answers), 1 / len(question.answers))
            for question in GALAXY_ZOO_2.questions]  # fmt: skip
    row = GALAXY_ZOO_2.weighted(np.concatenate(even)[None])
    return pd.DataFrame(row.repeat(number, axis=0), columns=list(GALAXY_ZOO_2.columns))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_the_37_fractions_take_the_place_of_a_label(folder, kind):
    fractions = votes()[list(reversed(GALAXY_ZOO_2.columns))]
    source = opened(folder, pd.concat([six().drop(columns="label"), fractions], axis=1), kind)
    assert source.task == Votes()
    assert source.table[list(GALAXY_ZOO_2.columns)].to_numpy() == pytest.approx(votes().to_numpy())


def test_a_label_goes_before_fractions_which_are_kept(folder):
    source = opened(folder, pd.concat([six(), votes()], axis=1))
    assert source.task.names == ("a", "b")
    assert "Class1.1" in source.table


def test_fractions_that_break_the_tree_are_refused(folder):
    table = pd.concat([six().drop(columns="label"), votes()], axis=1)
    assert "g2 (Class3.1 is missing)" in refusal(
        folder, table.assign(**{"Class3.1": table["Class3.1"].where(table["id"] != "g2")})
    )
    assert "6 of 6 rows have answers that do not sum" in refusal(
        folder, table.assign(**{"Class1.1": 0.1})
    )
    said = refusal(folder, table.drop(columns=["Class11.6", "Class1.1"]))
    assert said.startswith("cat.csv has no column label; found ")
    assert "label, or all 37 fractions of votes, of which it has 35" in said


# One file per band


def test_columns_of_bands_are_the_bands_of_one_image(folder):
    bands = {f"image_{band}": list(np.roll(images(), shift)) for shift, band in enumerate("gri")}
    source = opened(folder, six(**bands).drop(columns="image"))
    assert source.channels == 3
    assert source.paths[1] == tuple(str(folder / "images" / f"{n:03d}.png") for n in (1, 0, 5))
    assert source.table["origin"].iloc[1] == "images/001.png, images/000.png, images/005.png"
    assert list(source.table) == ["id", "label", "origin"]
    dataset = pack(source, source.framing(size=16))
    assert dataset.images.shape == (6, 16, 16, 3)
    # The second band of an image is its green, and the first of another its blue.
    np.testing.assert_array_equal(dataset.images[1][..., 1], dataset.images[0][..., 2])


def test_with_a_column_image_other_columns_are_no_bands(folder):
    source = opened(folder, six(image_url=["http://a/b"] * 6))
    assert isinstance(source.paths[0], str)
    assert "image_url" in source.table


def test_missing_files_of_bands_are_named(folder):
    bands = six(image_g=images(), image_r=images()).drop(columns="image")
    bands.loc[2, "image_r"] = "images/r.png"
    said = refusal(folder, bands)
    assert said.startswith("cat.csv: 1 of 12 files are not there: images/r.png;")
    bands.loc[2, "image_r"] = None
    assert refusal(folder, bands).startswith("cat.csv: 1 of 6 rows have no image_r; ids g2;")


# Without labels


def test_images_alone_are_enough_where_labels_are_not_needed(folder):
    source = opened(folder, six()[["image"]], labelled=False)
    assert source.task == Unlabelled()
    assert source.table["id"].tolist() == images()
    assert source.notes == [
        "No ids are known; images are identified by their paths (:id=COLUMN names a column of a "
        "file)."
    ]
    with pytest.raises(RequestError, match="has no column image; found id, label"):
        opened(folder, six().drop(columns="image"), labelled=False)


def test_labels_that_are_there_are_used(folder):
    assert opened(folder, six(), labelled=False).task.names == ("a", "b")


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        ("label", ["a", None, "b", "a", "b", "a"], "1 of 6 rows have no label"),
        ("label", ["a"] * 6, "cat.csv has only one class, 'a'"),
        ("split", ["holdout"] * 6, "6 rows have an unknown split: holdout"),
    ],
)
def test_labels_that_cannot_be_used_are_told(folder, column, values, said):
    source = opened(folder, six(**{column: values}), labelled=False)
    assert source.task == Unlabelled()
    assert list(source.table) == ["id", "origin"]
    assert len(source.notes) == 1
    assert said in source.notes[0]


def test_files_that_are_not_there_are_left_to_the_reader_unless_all_are(folder):
    table = six(image=["images/gone.png", *images()[1:]])
    source = opened(folder, table, labelled=False)
    assert source.read([0], Framing(size=8))[0].reason == "the file is not there"
    with pytest.raises(RequestError, match="6 of 6 files are not there"):
        opened(folder, six(image=["gone.png"] * 6), labelled=False)


def test_the_real_catalogue(real_data):
    path = real_data / "gz2_five_class" / "catalog.csv"
    source = open_catalogue(str(path))
    assert len(source.table) == 25_913
    assert source.task.outputs == 5


@pytest.mark.parametrize(
    ("row", "reason"), [("g2,2.png,x,\n", "3 has 4"), ("g2,2.png\n", "3 has 2")]
)
def test_a_row_with_other_cells_than_the_header_is_refused(folder, row, reason):
    found = refusal(folder, f"id,image,label\ng1,1.png,x\n{row}")
    assert f"line {reason} cells, and the header 3" in found


def test_a_catalogue_may_have_tabs_or_semicolons(folder):
    for name, delimiter in {"cat.tsv": "\t", "semi.csv": ";"}.items():
        six().to_csv(folder / name, sep=delimiter, index=False)
        assert open_source(str(folder / name)).table["id"].tolist() == list(six()["id"])
