"""`hubblefork inspect`, as a user types it."""

import re

import pytest


def test_the_last_line_is_the_page(hubblefork, shapes, tmp_path):
    page = tmp_path / "look.html"
    status, out, err = hubblefork("inspect", shapes, "--size", 24, "--out", page)
    assert status == 0, err
    assert out.splitlines()[-1] == str(page)
    assert "holds 80\u00a0images" in out
    assert "data:image/" in page.read_text()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["nowhere/at/all"], "no such file or directory"),
        (["{shapes}", "--out", "{folder}/look.csv"], "expected the name of a page"),
        (["{shapes}", "--group", "species"], "no column 'species' to group by"),
        (["{shapes}", "--size", "2"], "data.size"),
        (["{shapes}", "--crop", "0"], "data.crop"),
        (["{shapes}", "--crop", "99"], "smaller than the crop of 99"),
        (["{shapes}", "--classes", "five"], "votes"),
        (["{shapes}", "--classes", "fife"], "five"),
    ],
)
def test_a_mistake_is_one_line(hubblefork, shapes, tmp_path, words, expected):
    given = [word.format(shapes=shapes, folder=tmp_path) for word in words]
    status, out, err = hubblefork("inspect", *given)
    assert status == 2
    assert out == ""
    assert len(re.findall("(?m)^hubblefork: ", err)) == 1
    assert expected in err
    assert not list(tmp_path.glob("*.html"))


def test_votes_become_classes_by_a_rule(hubblefork, real_data, tmp_path):
    source = real_data / "kaggle_mini"
    page = tmp_path / "five.html"
    status, out, err = hubblefork("inspect", source, "--classes", "five", "--out", page)
    assert status == 0, err
    assert "holds 56\u00a0images in 5\u00a0classes" in out.replace("\n", " ")
