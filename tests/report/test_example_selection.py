import numpy as np

from hubblefork.report.example_selection import example_rows, prediction_rows


def test_examples_show_rare_classes_as_often_as_common_ones(material):
    rows = example_rows(material(true=np.repeat([0, 1, 2], [80, 5, 40])))
    assert rows["true"].value_counts().to_dict() == {"round": 10, "edge-on": 5, "spiral": 10}


def test_examples_stand_in_the_order_of_the_classes(material):
    rows = example_rows(material())
    assert list(dict.fromkeys(rows["true"])) == ["round", "edge-on", "spiral"]
    assert rows["id"].is_unique


def test_few_test_images_are_all_shown(material):
    assert len(example_rows(material(number=4))) == 4
    assert len(prediction_rows(material(number=4))) == 4


def test_predictions_are_half_right_and_half_wrong(material):
    rows = prediction_rows(material(strength=0.5))
    assert list(rows["true"] == rows["predicted"]) == [True] * 5 + [False] * 5


def test_predictions_are_all_right_where_no_mistake_was_made(material):
    rows = prediction_rows(material(strength=50))
    assert len(rows) == 10
    assert (rows["true"] == rows["predicted"]).all()


def test_predictions_are_mostly_wrong_where_few_were_right(material):
    rows = prediction_rows(material(strength=-50))
    assert len(rows) == 10
    assert (rows["true"] != rows["predicted"]).all()


def test_the_same_run_shows_the_same_images(material):
    assert list(example_rows(material())["id"]) == list(example_rows(material())["id"])
