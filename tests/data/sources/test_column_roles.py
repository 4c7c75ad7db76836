"""Columns are found by the user's names and by the usual spellings, and this is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubblefork.core.errors import RequestError
from hubblefork.core.path_options import split_options
from hubblefork.data.sources.column_roles import (
    ROLES,
    find_columns,
    parse_columns,
    with_options,
)


@pytest.mark.parametrize(
    ("columns", "roles"),
    [
        (["objID", "RAJ2000", "DEJ2000", "file_loc"],
         {"id": "objID", "image": "file_loc", "ra": "RAJ2000", "dec": "DEJ2000"}),
        (["id", "image", "label"], {"id": "id", "image": "image", "label": "label"}),
        (["ALPHA_J2000", "DELTA_J2000", "Class", "image_url"],
         {"ra": "ALPHA_J2000", "dec": "DELTA_J2000", "label": "Class", "image": "image_url"}),
        (["source_id", "image_g", "image_r", "ra", "RA"],
         {"id": "source_id", "image": "image_g+image_r", "ra": "ra"}),
        (["image_id", "path", "size"], {"id": "image_id", "image": "path", "size": "size"}),
        (["z", "mag"], {}),
    ],
)  # fmt: skip
def test_usual_spellings_are_known(columns, roles):
    assert find_columns(columns, {}, "sky").names() == roles


def test_what_the_user_names_comes_first():
    columns = ["id", "objid", "image", "file", "g", "r"]
    found = find_columns(columns, {"id": "objid", "image": "file"}, "sky")
    assert (found.id, found.images) == ("objid", ("file",))
    assert found.note() == ["Columns: id = objid, image = file."]
    assert find_columns(columns, {"image": "g+r"}, "sky").images == ("g", "r")
    with pytest.raises(RequestError, match="no column 'nothing' for label"):
        find_columns(columns, {"label": "nothing"}, "sky")


def test_columns_called_as_their_roles_are_not_told():
    assert find_columns(["id", "image", "label", "ra", "dec"], {}, "sky").note() == []


@pytest.mark.parametrize("text", ["ids=a", "id", "id=", "id=a,id=b", ",", "id:a"])
def test_a_wrong_list_of_columns_is_one_line(text):
    with pytest.raises(RequestError, match="--columns"):
        parse_columns(text)


NAMES = st.text(st.characters(codec="utf-8", exclude_characters=":=,"), min_size=1)


@given(st.dictionaries(st.sampled_from(ROLES), NAMES))
def test_options_behind_a_path_are_what_was_asked_for(asked):
    if any("\n" in name for name in asked.values()):
        return  # no name of a column has one
    path, options = split_options(with_options("nowhere/sky.fits", asked))
    assert path == "nowhere/sky.fits"
    assert options == asked


def test_a_name_with_a_colon_is_refused():
    with pytest.raises(RequestError, match="a name with a colon"):
        with_options("sky.csv", {"id": "a:b"})
