import matplotlib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubblefork.report.style import styled, substitutes, wrapped


@settings(max_examples=50)
@given(st.text(max_size=60), st.integers(4, 30), st.integers(1, 3))
def test_wrapped_names_fit(text, width, lines):
    rows = wrapped(text, width, lines).split("\n")
    assert len(rows) <= lines
    assert all(len(row) <= width for row in rows)


@pytest.mark.parametrize("name", ["spiral", "Disk, Edge-on, No Bulge", "edge_on"])
def test_wrapping_loses_no_letter(name):
    joined = wrapped(name, 8, 9).replace("\n", "").replace(" ", "")
    assert joined == name.replace(" ", "")


def test_letters_of_the_default_font_are_drawn_as_they_are():
    assert substitutes(("spirală", "σπείρα", "спираль", "<b>&$_")) == {}


def test_a_name_that_no_font_can_draw_is_numbered():
    nobody = "\u0378\u0379"
    assert substitutes(("a", nobody)) == {nobody: "class 2"}


def test_the_style_is_gone_afterwards():
    keys = ("text.parse_math", "font.family", "axes.edgecolor", "savefig.facecolor")
    before = [matplotlib.rcParams[key] for key in keys]
    with styled(("a", "b")):
        assert [matplotlib.rcParams[key] for key in keys] != before
    assert [matplotlib.rcParams[key] for key in keys] == before
