import pytest

from hubblefork.core.errors import RequestError
from hubblefork.core.path_options import check_options, split_options


@pytest.mark.parametrize(
    ("text", "path", "options"),
    [
        ("sky.h5", "sky.h5", {}),
        ("sky.h5:images=a/b", "sky.h5", {"images": "a/b"}),
        ("C:\\sky:labels=y:images=x", "C:\\sky", {"labels": "y", "images": "x"}),
        ("kaggle/:test", "kaggle/:test", {}),
        ("sky:labels=a=b", "sky", {"labels": "a=b"}),
    ],
)
def test_options_stand_behind_the_path(text, path, options):
    assert split_options(text) == (path, options)


def test_a_path_that_exists_has_no_options(tmp_path):
    odd = tmp_path / "a:labels=b"
    odd.mkdir()
    assert split_options(odd) == (str(odd), {})
    assert split_options(f"{odd}:labels=c") == (str(odd), {"labels": "c"})


def test_unknown_and_empty_options_are_told():
    with pytest.raises(RequestError, match="no option 'label' for this kind of source; did you"):
        check_options({"label": "a"}, ("labels", "images"), "sky")
    with pytest.raises(RequestError, match="it has none"):
        check_options({"label": "a"}, (), "sky")
    with pytest.raises(RequestError, match="'labels' is empty; expected labels=NAME"):
        check_options({"labels": ""}, ("labels",), "sky")
