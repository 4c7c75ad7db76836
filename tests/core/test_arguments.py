"""An argument of another type or value is one line that names it."""

from pathlib import Path

import numpy as np
import pytest

import hubblefork
from hubblefork.core.arguments import as_path, as_whole
from hubblefork.core.errors import RequestError


@pytest.mark.parametrize("given", [None, 7, "", b"run", {"a": 1}, "a\0b", np.zeros(3)])
def test_what_is_no_path_is_refused(given):
    with pytest.raises(RequestError, match=r"^run is .*; expected a run folder$"):
        as_path(given, "run", "a run folder")


@pytest.mark.parametrize("given", [True, 1.0, "1", 0, 11, None])
def test_what_is_no_whole_number_within_its_range_is_refused(given):
    with pytest.raises(RequestError, match=r"^crop is .*; expected a whole number from 1 to 10$"):
        as_whole(given, "crop", 1, 10)


def test_whole_numbers_of_numpy_are_numbers():
    assert type(as_whole(np.int64(3), "crop", 1)) is int


@pytest.mark.parametrize(
    ("verb", "given", "settings", "message"),
    [
        ("train", None, {}, "None"),
        ("train", "simulated:40", {"seed": "1"}, "seed is '1'; expected a whole number from 0 to"),
        ("train", "simulated:40", {"out": 3}, "out is 3; expected the path of a folder to make"),
        ("train", "simulated:40", {"settings": ["epochs"]}, "settings is a list; expected a dict"),
        ("train", "simulated:40", {"recipe": 3}, "recipe is 3; expected the name of a recipe"),
        ("train", "simulated:40", {"network": dict}, "network is a type; expected the name of"),
        ("train", "simulated:40", {"callbacks": 3}, "callbacks is 3; expected a Callback"),
        ("train", "simulated:40", {"logger": "csv"}, "logger is 'csv'; expected a Logger"),
        ("train", "simulated:40", {"devices": "two"}, "devices is 'two'; expected a whole number"),
        ("train", "simulated:40", {"classes": 3}, "classes is 3; expected"),
        ("evaluate", 3, {}, "run is 3; expected a run, a run folder or a model file"),
        ("explain", 3, {}, "run is 3; expected a run, a run folder or a model file"),
        ("explain", "run", {"images": np.zeros((2, 8, 8))}, "images is a ndarray; expected paths"),
        ("explain", "run", {"images": 3}, "images is 3; expected paths of images"),
        ("predict", 3, {"images": "a.png"}, "run is 3; expected a run, a run folder or a model"),
        ("predict", "run", {"images": "a.png", "out": 3}, "out is 3; expected the path of a file"),
        ("compare", 3, {}, "runs is 3; expected a list of two or more runs"),
        ("compare", "run", {}, "runs is 'run'; expected a list of two or more runs"),
        ("compare", ["run", 3], {}, "run 2 is 3; expected a run folder"),
        ("compare", ["run"], {}, "compare was given 1\u00a0run; expected a list of two or more"),
        ("inspect", "simulated:40", {"out": 3}, "out is 3; expected the name of a page"),
    ],
)
def test_every_verb_names_the_argument_that_is_wrong(
    tmp_path, monkeypatch, verb, given, settings, message
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RequestError) as caught:
        getattr(hubblefork, verb)(given, **settings)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(Path().iterdir())
