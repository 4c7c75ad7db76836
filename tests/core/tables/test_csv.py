"""Tables are read cell by cell: nothing is shifted, dropped or confused."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubblefork.core.tables.csv import csv_text, read_csv, with_numbers

CELL = st.text(st.characters(codec="utf-8"), max_size=8)


def read(folder, content, delimiter=None):
    path = folder / "table.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_csv(path, delimiter).fillna("-").to_dict("list")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("id,ra\na,1\nb,2,\n", r"line 3 has 3 cells, and the header 2; a delimiter at its end"),
        ("id,ra\na,1,\nb,2,\n", r"line 2 has 3 cells"),
        ("id,ra\n\n\na\n", r"line 4 has 1 cell, and the header 2$"),
        ('id,ra\n"a\nb",1\nc,2,3\n', r"line 4 has 3 cells"),
        ("id;ra\na;1;2\n", r"line 2 has 3 cells"),
        ("id,ra,id\na,1,b\n", r"two columns are called 'id'"),
        (",id,\n1,a,2,\n", r"line 2 has 4 cells"),
        ("", r"it is empty"),
        ("\n\n", r"it is empty"),
        (b"id,ra\na,\xe9\n", r"not text in UTF-8"),
        ("id,ra\na,1\n".encode("utf-16"), r"not text in UTF-8"),
    ],
)
def test_what_is_no_table_is_refused_with_its_line(tmp_path, content, reason):
    with pytest.raises(ValueError, match=reason):
        read(tmp_path, content)


@pytest.mark.parametrize(
    "content",
    [
        "id,name\n007,a b\n8,\n",
        "\ufeffid,name\r\n007,a b\r\n8,\r\n",
        "id;name\n007;a b\n8;\n",
        "id\tname\n007\ta b\n8\t\n",
        "id|name\r007|a b\r\r8|\r",
        '"id","name"\n\n"007","a b"\n"8",""',
    ],
)
def test_one_table_in_all_ways_of_writing_it(tmp_path, content):
    assert read(tmp_path, content) == {"id": ["007", "8"], "name": ["a b", "-"]}


def test_cells_in_quotes_hold_delimiters_and_line_ends(tmp_path):
    found = read(tmp_path, 'id,"a;b\nc;d;e"\n"1,2","x\r\ny ""z"""\n')
    assert found == {"id": ["1,2"], "a;b\nc;d;e": ['x\r\ny "z"']}


def test_the_index_that_pandas_saves_is_a_column(tmp_path):
    table = pd.DataFrame({"id": ["a", "b"]}, index=[7, 5])
    assert read(tmp_path, table.to_csv()) == {"Unnamed: 0": ["7", "5"], "id": ["a", "b"]}


def test_numbers_are_exact_or_text():
    text = pd.DataFrame(
        {
            "whole": ["1237649770260463600", "-1"],
            "gap": ["12", None],
            "large_with_gap": ["1237649770260463601", None],
            "larger": ["1237649770260463601", "123764977026046360112"],
            "fraction": ["1e300", " 0.25"],
            "nan": ["nan", "1"],
            "word": ["1", "one"],
            "empty": [None, None],
        },
        dtype="str",
    )
    found = with_numbers(text)
    assert found["whole"].tolist() == [1237649770260463600, -1]
    assert found["fraction"].tolist() == [1e300, 0.25]
    assert found["larger"].tolist() == ["1237649770260463601", "123764977026046360112"]
    assert found["large_with_gap"][0] == "1237649770260463601"
    assert found["gap"][0] == 12
    assert found["nan"].isna().tolist() == [True, False]
    assert found["word"].tolist() == ["1", "one"]
    assert found["empty"].isna().all()


@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=4), CELL)
def test_any_text_that_is_written_is_read_back(tmp_path_factory, rows, name):
    table = pd.DataFrame(rows, columns=["id", f"x{name}"], dtype="str")
    path = tmp_path_factory.mktemp("table") / "table.csv"
    path.write_bytes(csv_text(table).encode())
    assert read_csv(path, ",").fillna("").to_dict("list") == table.to_dict("list")
