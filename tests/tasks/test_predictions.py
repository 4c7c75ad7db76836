"""Predictions are one table, whatever classes are called, and are read back as they were."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubblefork.core.errors import RequestError
from hubblefork.sky.decision_tree import DecisionTree
from hubblefork.tasks.classes import Classes
from hubblefork.tasks.prediction_columns import are_predictions
from hubblefork.tasks.predictions import Predictions
from hubblefork.tasks.votes import Votes

# Anything but halves of characters, which no file can hold, and NUL, at which old versions of Arrow
# end the name of a column.
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
OWN = st.sampled_from(
    ["id", "ID", "true", "predicted", "set", "problem", "p(true)", "p()", "true_a", "NA", "label",
     "a|b", "a", "b", '["a"]', "[]", "", "Unnamed: 3", "a\rb"]
)  # fmt: skip


@settings(max_examples=50)
@given(
    st.lists(TEXT | OWN, min_size=2, max_size=5, unique=True),
    st.lists(TEXT, min_size=3, max_size=3),
    st.sampled_from([".csv", ".parquet"]),
)
def test_any_names_ids_and_sets_are_read_back(tmp_path_factory, names, ids, suffix):
    task = Classes(tuple(names))
    random = np.random.default_rng(len(names[0]))
    predictions = Predictions(
        task,
        np.array(ids, object),
        random.dirichlet(np.ones(len(names)), 3),
        random.integers(len(names), size=3),
        typicality=np.array([0.5, 1, 0.25]),
        sets=random.random((3, len(names))) < 0.6,
        problems=np.array(["", *ids[:2]], object),
    )
    table = predictions.table()
    assert table.columns.is_unique
    path = tmp_path_factory.mktemp("table") / f"predictions{suffix}"
    if suffix == ".csv":
        predictions.save(path)
    else:
        table.to_parquet(path)
    read = Predictions.read(path, task)
    assert read.ids.tolist() == ids
    assert read.problems.tolist() == ["", *ids[:2]]
    np.testing.assert_array_equal(read.true, predictions.true)
    np.testing.assert_array_equal(read.sets, predictions.sets)
    np.testing.assert_allclose(read.values, predictions.values, atol=1e-5)
    np.testing.assert_array_equal(read.typicality, predictions.typicality)


@given(st.lists((TEXT | OWN).filter(bool), min_size=2, max_size=6, unique=True))
def test_answers_of_any_names_have_columns_of_their_own(names):
    answers = [{"column": each, "text": "yes"} for each in names]
    tree = DecisionTree.from_content(
        {"name": "t", "title": "T", "source": "", "fractions_of": "everybody",
         "questions": [{"text": "?", "answers": answers}], "kinds": [{"name": "k"}]}
    )  # fmt: skip
    fractions = np.full((1, len(names)), 0.5)
    predictions = Predictions(Votes(tree), np.array(["a"]), fractions, fractions / 2)
    table = predictions.table()
    assert table.columns.is_unique
    read = Predictions.from_table(table, predictions.task)
    np.testing.assert_array_equal(read.values, fractions)
    np.testing.assert_array_equal(read.true, fractions / 2)


def test_sets_are_json_where_a_name_holds_the_separator():
    values, sets = np.array([[0.2, 0.5, 0.3]]), np.array([[True, True, False]])
    plain = Predictions(Classes(("a", "b", "c")), np.array(["x"]), values, sets=sets)
    assert plain.table()["set"].tolist() == ["b|a"]
    joined = Predictions(Classes(("a", "b|c", "c")), np.array(["x"]), values, sets=sets)
    assert joined.table()["set"].tolist() == ['["b|c", "a"]']


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
    with pytest.raises(RequestError, match="not a table of predictions"):
        Predictions.read(path, Classes(("a", "b")))
    path.write_text("id,a\nx,0.5\n")
    with pytest.raises(RequestError, match="has no column b"):
        Predictions.read(path, Classes(("a", "b")))
    path.write_text("id,true,a,b\nx,c,0.5,0.5\n")
    with pytest.raises(RequestError, match="classes that are not known: c"):
        Predictions.read(path, Classes(("a", "b")))


def test_columns_that_came_along_keep_types_units_and_all_their_digits():
    came = pa.table(
        [
            pa.array([2**63 - 1, 5], pa.int64()),
            pa.array([2**53 + 1, None], pa.int64()),
            pa.array([2**64 - 1, None], pa.uint64()),
            pa.array([None, True]),
            pa.array([1.5, None]),
            pa.array(["ß", None]),
        ],
        schema=pa.schema([
            pa.field("objid", pa.int64()), pa.field("specobjid", pa.int64()),
            pa.field("flags", pa.uint64()), pa.field("clean", pa.bool_()),
            pa.field("z", pa.float64(), metadata={b"unit": b"mag"}), pa.field("name", pa.string()),
        ]),
    )  # fmt: skip
    predictions = Predictions(
        Classes(("a", "b")), np.array(["9223372036854775807", "5"]), np.eye(2), columns=came
    )
    table = predictions.arrow()
    assert table.column_names == ["id", *came.column_names, "predicted", "a", "b"]
    assert table.select(came.column_names).equals(came, check_metadata=True)
    frame = predictions.table()
    assert list(frame) == table.column_names
    assert frame["objid"].tolist() == [2**63 - 1, 5]
    assert frame["specobjid"][0] == 2**53 + 1
    assert pd.isna(frame["specobjid"][1])
    assert frame["flags"][0] == 2**64 - 1
    halves = [predictions.take(np.array([place])) for place in (0, 1)]
    joined = Predictions.concatenate(halves)
    assert joined.arrow().equals(table)


@given(st.lists(st.sampled_from(["id", "ID", "predicted", "Predicted", "a", "A", "a_input", "true",
                                 "TYPICALITY", "z", "problem_input"]), unique=True))  # fmt: skip
def test_no_two_columns_have_one_name_in_any_case(names):
    came = pa.table({name: [str(place)] for place, name in enumerate(names)})
    predictions = Predictions(
        Classes(("a", "b")), np.array(["x"]), np.array([[0.5, 0.5]]),
        typicality=np.ones(1), problems=np.array([""]), columns=came,
    )  # fmt: skip
    table = predictions.table()
    lower = [name.lower() for name in table]
    assert len(set(lower)) == len(lower)
    assert table.shape[1] == 6 + len(set(names) - {"id"})
    assert set(map(str, range(len(names)))) <= set(map(str, table.iloc[0]))
    assert are_predictions(table)
    assert list(predictions.arrow().column_names) == list(table)
