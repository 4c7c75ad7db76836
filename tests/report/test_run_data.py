import numpy as np


def test_answers_do_not_mistake_a_class_called_true_for_the_true_class(material):
    run = material(names=("true", "id"), number=12)
    answers = run.answers()
    assert list(answers) == ["id", "true", "predicted", "probability"]
    assert set(answers["true"]) == {"true", "id"}
    assert answers["probability"].between(0.5, 1).all()


def test_a_grey_image_has_no_third_axis(material):
    assert material(channels=1).image("g0").shape == (32, 32)
    assert material(channels=3).image("g0").shape == (32, 32, 3)


def test_images_may_be_a_mapping(material):
    black = np.zeros((4, 4, 3), np.uint8)
    assert material(images={"g0": black}).image("g0") is black


def test_parts_are_those_with_images(material):
    run = material(counts={"test": {"round": 2}, "val": {"round": 0}})
    assert run.parts() == ["test"]


def test_validated_is_told_by_the_history(material, unwatched):
    assert material().validated()
    assert not material(history=unwatched).validated()
