"""What a table that lies beside images tells of them."""

from pathlib import Path

import pytest

from hubblefork.core.errors import RequestError
from hubblefork.data.sources.companion_table import columns_beside

FILES = ["a/1.jpg", "a/2.jpg", "b/1.jpg", "b/3.png"]


def beside(folder: Path, text: str):
    path = folder / "more.csv"
    path.write_text(text, encoding="utf-8")
    return columns_beside(path, FILES, "sky")


@pytest.mark.parametrize(
    "names",
    [
        ["a/1.jpg", "a/2.jpg", "b/1.jpg", "b/3.png"],
        ["a/1", "a/2", "b/1", "b/3"],
        ["a/1.jpg", "2.jpg", "b/1", " 3 "],
    ],
)
def test_images_are_named_by_path_or_by_a_name_that_is_theirs_alone(tmp_path, names):
    rows = "".join(f"{name},species {name.strip()[-1]}\n" for name in names)
    columns, note = beside(tmp_path, "\ufeffimage, species\n" + rows)
    assert list(columns) == ["species"]
    assert columns["species"].str[:7].tolist() == ["species"] * 4
    assert note == "more.csv: columns species joined to 4 of 4 images."


def test_a_name_that_two_images_share_tells_of_neither(tmp_path):
    columns, note = beside(tmp_path, "file,species\n1.jpg,x\n2.jpg,y\n3.png,z\n")
    assert columns["species"].isna().tolist() == [True, False, True, False]
    assert "joined to 2 of 4 images; 1 of its rows" in note


def test_an_image_that_two_rows_name_is_left_without(tmp_path):
    columns, _ = beside(tmp_path, "file,n\na/1.jpg,x\na/1,y\na/2.jpg,z\nb/1.jpg,u\nb/3,v\n")
    assert columns["n"].isna().tolist() == [True, False, False, False]


@pytest.mark.parametrize(
    "text",
    [
        "file,species\n",
        "file,species\n4.jpg,x\n5.jpg,y\n",
        "name,species\n2.jpg,x\n" + "other,y\n" * 4,
        "\0\0\0",
        '"unclosed',
    ],
)
def test_what_is_no_table_of_these_images_is_none(tmp_path, text):
    assert beside(tmp_path, text) is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"id,file,ra,dec\nG2,2.jpg,101,1,\nG3,3.png,102,2,\n", "line 2 has 5 cells"),
        (b"file,ra,dec\n2.jpg,101,1\n3.png,102\n", "line 3 has 2 cells, and the header 3"),
        (bytes(range(128, 256)) * 10, "not text in UTF-8"),
        (b"", "it is empty"),
    ],
)
def test_a_table_that_cannot_be_read_shifts_nothing_and_is_told(tmp_path, content, reason):
    (tmp_path / "more.csv").write_bytes(content)
    columns, note = columns_beside(tmp_path / "more.csv", FILES, "sky")
    assert columns.shape == (4, 0)
    assert note.startswith("more.csv cannot be read as a table, and was not used: ")
    assert reason in note


def test_a_position_off_the_sky_is_refused(tmp_path):
    with pytest.raises(RequestError, match="not an angle within 90 degrees: 100"):
        beside(tmp_path, "file,ra,dec\n2.jpg,1,100\n3.png,,\n")
