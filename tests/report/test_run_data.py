import numpy as np


def test_a_grey_image_has_no_third_axis(run_data):
    assert run_data(channels=1).image("g0").shape == (32, 32)
    assert run_data(channels=3).image("g0").shape == (32, 32, 3)


def test_images_may_be_a_mapping(run_data):
    black = np.zeros((4, 4, 3), np.uint8)
    assert run_data(images={"g0": black}).image("g0") is black


def test_validated_is_told_by_the_history(run_data, unwatched):
    assert run_data().validated()
    assert not run_data(history=unwatched).validated()
