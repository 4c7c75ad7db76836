from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from hubblefork.data.groups import Groups
from hubblefork.data.images.framing import Framing
from hubblefork.data.inspection import Column, Inspection
from hubblefork.report.inspect_tasks import labels_of
from hubblefork.report.inspect_words import cautions, sentences, sizes
from hubblefork.tasks.classes import Classes


def found(counts=(60, 40), crop=None, size=32, left_out=(), parts=None, **changes) -> Inspection:
    """An inspection of made-up images of 64x64."""
    total = sum(counts)
    table = pd.DataFrame({"width": [64] * total, "height": 64, "bands": 3})
    for column in ("width", "height", "bands"):
        if column in changes:
            table[column] = changes.pop(column)
    names = tuple("abcdefgh"[: len(counts)])
    codes = np.repeat(np.arange(len(counts)), counts)
    dataset = SimpleNamespace(
        source="a folder",
        task=Classes(names),
        table=table,
        labels=codes,
        framing=Framing(crop, size),
        info={"left_out": list(left_out)},
    )
    light = pd.DataFrame({"std": [20.0] * total, "saturated": 0.0})
    given = {
        "dataset": dataset,
        "names": names,
        "codes": codes,
        "light": light,
        "identical": [],
        "companions": [],
        "near": [],
        "same_place": None,
        "split": None,
        "refused": "",
        "columns": [],
        "grouped": False,
        "groups": Groups(codes),
    }
    inspection = Inspection(**given | changes)
    if parts is not None:
        vars(inspection)["parts"] = parts
    return inspection


def said(inspection: Inspection) -> str:
    return " ".join(cautions(inspection)).replace("\u00a0", " ")


def test_sound_images_need_no_care():
    assert cautions(found()) == []


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((60, 40), "accuracy is a fair measure"),
        ((97, 3), "never predicts ‘b’ (3 images) can still have an accuracy of 97.0 %"),
        ((9_999, 1), "never predicts ‘b’ (1 image) can still have an accuracy of 99.99 %"),
    ],
)
def test_why_accuracy_misleads_is_told_from_the_figures(counts, expected):
    assert expected in sentences(found(counts))[-1].replace("\u00a0", " ")


def test_too_few_test_images_are_named():
    inspection = found((600, 40), parts={"test": np.array([60, 4])})
    assert said(inspection) == (
        "Fewer than 30 test images, too few to measure the recall of a class: ‘b’ (4)."
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"left_out": [{}]}, "1 image could not be read and was left out"),
        ({"refused": "class 'b' has 1 image"}, "would refuse it: class 'b' has 1 image."),
        ({"width": 128}, "only the central square is kept, which cuts away 50 %"),
        ({"size": 80}, "100 images enlarged: smaller than the 80 pixels a side"),
        ({"size": 80, "crop": 60}, "100 images enlarged: smaller than the 80 pixels a side"),
        ({"bands": [3] * 90 + [1] * 10}, "channels: 90 with 3 and 10 with 1"),
    ],
)
def test_what_needs_care_is_told(changes, expected):
    assert expected in said(found(**changes))


def test_blank_and_white_images_are_counted():
    light = pd.DataFrame({"std": [0.5] * 2 + [20.0] * 98, "saturated": [0.2] * 5 + [0.0] * 95})
    text = said(found(light=light))
    assert "2 images are blank, or almost." in text
    assert "5 images have more than 5 % of their pixels saturated" in text


def test_columns_that_could_group_are_proposed_unless_one_does():
    columns = [
        Column("species", 20, 100, ("x",), groups=True, pure=True),
        Column("credit", 20, 100, ("x",), groups=True, pure=False),
    ]
    assert "--set group=species" in said(found(columns=columns))
    assert "credit" not in said(found(columns=columns))
    assert said(found(columns=columns, grouped=True)) == ""


def test_sizes_are_counted_the_most_common_first():
    inspection = found(width=[64] * 70 + [90] * 30, bands=[3] * 98 + [5, 2])
    assert sizes(inspection) == [
        ("64 × 64 pixels, colour", 70),
        ("90 × 64 pixels, colour", 28),
        ("90 × 64 pixels, 2 channels", 1),
        ("90 × 64 pixels, 5 channels", 1),
    ]


def test_the_label_of_an_image_is_its_class():
    assert labels_of(found()).label(found(), 99) == "b"
