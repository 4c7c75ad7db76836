import numpy as np

from hubblefork.report.class_report import example_tiles, prediction_tiles


def test_examples_show_rare_classes_as_often_as_common_ones(run_data):
    tiles = example_tiles(run_data(true=np.repeat([0, 1, 2], [80, 5, 40])))
    names = [tile.text for tile in tiles]
    assert {name: names.count(name) for name in names} == {"round": 10, "edge-on": 5, "Spiral": 10}


def test_examples_stand_in_the_order_of_the_classes(run_data):
    tiles = example_tiles(run_data())
    assert list(dict.fromkeys(tile.text for tile in tiles)) == ["round", "edge-on", "Spiral"]
    assert len({tile.id for tile in tiles}) == len(tiles)


def test_few_test_images_are_all_shown(run_data):
    assert len(example_tiles(run_data(number=4))) == 4
    assert len(prediction_tiles(run_data(number=4))) == 4


def test_predictions_are_half_correct_and_half_misclassified_if_possible(run_data):
    for strength, right in ((0.5, 5), (50, 10), (-50, 0)):
        tiles = prediction_tiles(run_data(strength=strength))
        assert [tile.right for tile in tiles] == [True] * right + [False] * (10 - right)


def test_the_same_run_shows_the_same_images(run_data):
    first, again = (prediction_tiles(run_data()) for _ in range(2))
    assert [tile.id for tile in first] == [tile.id for tile in again]


def test_classes_are_named_as_people_write_them(run_data):
    run = run_data(names=("completely_round_smooth", "spiral"))
    assert {tile.text for tile in example_tiles(run)} == {"Completely round, smooth", "Spiral"}


def test_wrong_predictions_are_of_as_many_confusions_as_there_is_room_for(run_data):
    run = run_data(number=300, strength=1)
    wrong = [tile.facts for tile in prediction_tiles(run) if not tile.right]
    pairs = {(facts["true"], facts["predicted"]) for facts in wrong}
    assert len(wrong) == len(pairs) == 5  # of the six that three classes have
