"""Predictions are one table, whatever classes are called, and are read back as they were."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubblefork.core.errors import RequestError
from hubblefork.tasks.classes import Classes
from hubblefork.tasks.predictions import Predictions

NAMES = st.text(st.characters(exclude_categories=("C", "Z"), codec="utf-8"), min_size=1, max_size=8)


OWN = st.sampled_from(["id", "true", "predicted", "set", "problem", "p(true)", "NA"])


@given(st.lists(NAMES | OWN, min_size=2, max_size=5, unique=True))
def test_any_class_names_are_read_back(tmp_path_factory, names):
    task = Classes(tuple(names))
    random = np.random.default_rng(0)
    values = random.dirichlet(np.ones(len(names)), 7)
    true = random.integers(len(names), size=7)
    ids = np.array([f"g{place}" for place in range(7)], object)
    predictions = Predictions(task, ids, values, true)
    assert predictions.table().columns.is_unique
    path = tmp_path_factory.mktemp("table") / "predictions.csv"
    predictions.save(path)
    read = Predictions.read(path, task)
    assert read.ids.tolist() == ids.tolist()
    np.testing.assert_array_equal(read.true, true)
    np.testing.assert_allclose(read.values, values, atol=1e-5)
    np.testing.assert_array_equal(read.correct, predictions.correct)


def test_an_image_without_a_prediction_has_a_problem_and_no_class():
    values = np.array([[0.25, 0.75], [np.nan, np.nan]])
    problems = np.array(["", "the file is empty"], object)
    sets = np.array([[True, True], [False, False]])
    predictions = Predictions(
        Classes(("disc", "bar")), np.array(["a", "b"], object), values,
        typicality=np.array([0.5, np.nan]), sets=sets, problems=problems,
    )  # fmt: skip
    table = predictions.table()
    assert table["predicted"].tolist() == ["bar", ""]
    assert table["set"].tolist() == ["bar|disc", ""]
    assert table["problem"].tolist() == problems.tolist()
    assert predictions.known.tolist() == [True, False]
    assert predictions.take(np.array([0])).table()["id"].tolist() == ["a"]


def test_classes_in_another_order_are_put_in_order():
    task, other = Classes(("a", "b", "c")), Classes(("c", "a", "b"))
    predictions = Predictions(other, np.array(["x"]), np.array([[0.5, 0.3, 0.2]]), np.array([1]))
    ordered = predictions.in_order_of(task, "run")
    assert ordered.values.tolist() == [[0.3, 0.2, 0.5]]
    assert ordered.true.tolist() == [0]
    with pytest.raises(RequestError, match="does not know: 'd'"):
        Predictions(Classes(("a", "d")), np.array(["x"]), np.zeros((1, 2))).in_order_of(task, "run")
    with pytest.raises(RequestError, match="run has no class 'c'"):
        Predictions(Classes(("a", "b")), np.array(["x"]), np.zeros((1, 2))).in_order_of(task, "run")


def test_another_table_is_refused(tmp_path):
    path = tmp_path / "predictions.csv"
    with pytest.raises(RequestError, match="no table of predictions"):
        Predictions.read(path, Classes(("a", "b")))
    path.write_text("id,a\nx,0.5\n")
    with pytest.raises(RequestError, match="has no column b"):
        Predictions.read(path, Classes(("a", "b")))
    path.write_text("id,true,a,b\nx,c,0.5,0.5\n")
    with pytest.raises(RequestError, match="classes that are not known: c"):
        Predictions.read(path, Classes(("a", "b")))
