import numpy as np
import pandas as pd
import pytest

from hubblefork.core.errors import RequestError
from hubblefork.data.sources.huggingface_labels import read_labels
from hubblefork.sky.decision_tree import load_tree, tree_names
from hubblefork.tasks.classes import Classes
from hubblefork.tasks.task import Unlabelled
from hubblefork.tasks.votes import Votes

NAMES = ["round", "edge-on", "spiral"]


def labels(columns: dict, names: dict | None = None, asked=None, labelled=True):
    rows = pd.DataFrame(columns)
    return read_labels(rows, pd.Series(range(len(rows))), names or {}, asked, labelled, "sky")


@pytest.mark.parametrize(
    ("columns", "names", "used"),
    [
        ({"kind": [0, 1, 2], "label": [0, 1, 0]}, {"kind": NAMES}, "label"),
        ({"kind": [0, 1, 2], "summary": ["a", "b", "a"]}, {"kind": NAMES}, "summary"),
        ({"kind": [0, 1, 2], "size": [5, 6, 7]}, {"kind": NAMES}, "kind"),
        ({"summary": ["a", "b", "a"], "size": [5, 6, 7]}, {}, "summary"),
    ],
)
def test_the_usual_column_goes_before_the_one_that_has_names(columns, names, used):
    assert labels(columns, names).used == [used]


def test_where_several_could_be_meant_it_is_asked():
    columns = {"kind": [0, 1], "arms": [1, 0]}
    names = {"kind": NAMES, "arms": NAMES}
    with pytest.raises(RequestError, match="Choose one by :labels=COLUMN; found kind, arms"):
        labels(columns, names)
    assert labels(columns, names, asked="arms").used == ["arms"]
    assert labels(columns, names, labelled=False).task == Unlabelled()


def test_numbers_text_and_names_become_classes():
    assert labels({"label": [10, 9, 10]}).task == Classes(("9", "10"))
    assert labels({"label": [True, False]}).task == Classes(("False", "True"))
    assert labels({"label": pd.Categorical(["b", "a"])}).task == Classes(("a", "b"))
    named = labels({"label": [2, 0, 2]}, {"label": NAMES})
    assert named.task == Classes(("round", "spiral"))
    assert named.columns["label"].tolist() == [1, 0, 1]
    assert named.notes == ["Classes without an image were left out: 'edge-on'."]


@pytest.mark.parametrize("values", [[0, -1, 1], [0.0, float("nan"), 1.0]])
def test_rows_without_a_label_are_left_out_or_make_all_unlabelled(values):
    found = labels({"label": values}, {"label": NAMES})
    assert found.known.tolist() == [True, False, True]
    assert "1 of 3 images have no label and were left out." in found.notes
    assert labels({"label": values}, {"label": NAMES}, labelled=False).task == Unlabelled()


def test_where_no_labels_are_needed_bad_ones_are_a_note():
    found = labels({"label": [0, 9, 1]}, {"label": NAMES}, labelled=False)
    assert found.task == Unlabelled()
    assert found.known.all()
    assert found.notes[0].startswith("Read without labels: sky: 1 rows have a label that is none")


def test_text_that_says_nothing_is_no_label():
    assert labels({"label": ["a", " ", "b", None]}).known.tolist() == [True, False, True, False]


def test_fractions_are_not_classes():
    with pytest.raises(RequestError, match=r"holds fractions such as 0\.5, which are not"):
        labels({"label": [0.5, 1.0]})


@pytest.mark.parametrize("name", tree_names())
def test_the_columns_of_any_tree_make_votes(name):
    tree = load_tree(name)
    even = np.concatenate([np.full(len(each.answers), 1 / len(each.answers))
                           for each in tree.questions])[None]  # fmt: skip
    fractions = even if tree.fractions_of == "asked" else tree.weighted(even)
    found = labels(dict(zip(tree.columns, fractions.T, strict=True)))
    assert found.task == Votes(tree)
    assert list(found.columns) == found.used == list(tree.columns)


def test_two_classes_of_one_name_are_refused():
    with pytest.raises(RequestError, match="two of its classes have the same name: a, a"):
        labels({"label": [0, 1]}, {"label": ["a", "a"]})
