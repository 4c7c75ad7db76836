"""The figure of a run that is of the same kind as the published one, and what differs."""

import pandas as pd
import pytest

from hubblefork.evaluation.intervals import wilson_interval
from hubblefork.recipes.recipe import load_recipe
from hubblefork.runs.reproduction import Reproduction

SIZES = {"train": 75, "val": 5, "test": 20}
HISTORY = pd.DataFrame({"accuracy": [0.5, 0.8], "val_accuracy": [0.4, 0.6]})
METRICS = {"accuracy": 0.55, "intervals": {"accuracy": [0.4, 0.7]}}


def reproduced(name, settings=None, source="galaxy10-sdss", sizes=SIZES, history=HISTORY):
    return Reproduction.of(load_recipe(name, settings), source, sizes, history, METRICS)


@pytest.mark.parametrize(
    ("name", "value", "interval", "images"),
    [
        ("lenet5", 0.8, wilson_interval(60, 75), 75),
        ("alexnet", 0.6, wilson_interval(3, 5), 5),
        ("linnaeus", 0.55, (0.4, 0.7), 20),
    ],
)
def test_the_same_kind_of_figure_is_compared(name, value, interval, images):
    found = reproduced(name)
    assert (found.value, found.interval, found.images) == (value, interval, images)


def test_a_run_that_measured_something_else_has_no_such_figure():
    votes = pd.DataFrame({"rmse": [0.2], "val_rmse": [0.3]})
    found = reproduced("lenet5", history=votes)
    assert found.value is None
    assert (found.written, found.between) == ("–", "")
    assert reproduced("default") is None


def test_what_differs_is_told():
    found = reproduced("lenet5", {"epochs": 1}, source="galaxies/")
    told = " ".join(found.differences)
    assert "Published: Galaxy10 SDSS, 21,785" in told
    assert "This run: galaxies, 100" in told
    assert "training.epochs is 1 instead of 10" in told
    assert found.changed == ("training.epochs",)
    assert "validation set, for curves" in told


def test_the_same_data_and_settings_do_not_differ():
    sizes = {"train": 13_942, "val": 3_486, "test": 4_357}
    assert (
        reproduced("alexnet", source="galaxy10-sdss:/data/Galaxy10.h5", sizes=sizes).differences
        == ()
    )
    assert "Data." in reproduced("alexnet").differences[0]
