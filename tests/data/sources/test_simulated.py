import numpy as np
import pytest

from hubblefork.core.errors import RequestError
from hubblefork.data.images.framing import Framing
from hubblefork.data.sources import open_source
from hubblefork.sky.class_rules import GALAXY10_SDSS
from hubblefork.tasks.classes import Classes
from hubblefork.tasks.votes import Votes


@pytest.mark.parametrize("text", ["simulated:votes:30", "simulated:30:votes"])
def test_the_parts_of_the_name_stand_in_any_order(text):
    source = open_source(text)
    assert source.name == text
    assert source.task == Votes()
    assert len(source.table) == 30
    assert set(source.task.names) < set(source.table)


def test_classes_are_those_of_galaxy10():
    source = open_source("simulated:30")
    assert source.task == Classes(GALAXY10_SDSS)
    assert source.table["label"].between(0, 9).all()
    assert source.table["id"].is_unique
    assert (source.table["origin"] == "simulated").all()


@pytest.mark.parametrize("text", ["simulated:0", "simulated:-5", "simulated:many"])
def test_an_odd_number_is_refused(text):
    with pytest.raises(RequestError, match="neither 'votes', nor a number of galaxies"):
        open_source(text)


def test_images_are_rendered_as_they_are_framed():
    source = open_source("simulated:10")
    plain = source.read([3, 1], Framing())
    assert [image.pixels.shape for image in plain] == [(69, 69, 3)] * 2
    assert source.read([0], Framing(crop=46, size=32))[0].pixels.shape == (32, 32, 3)
    grey = source.read([3], Framing(channels=1))[0].pixels
    assert grey.shape == (69, 69, 1)
    np.testing.assert_allclose(grey[..., 0], plain[0].pixels @ [0.299, 0.587, 0.114], atol=1)


def test_an_image_does_not_depend_on_which_others_are_read():
    source = open_source("simulated:12")
    together = source.read(range(12), Framing(size=24))
    alone = source.read([7], Framing(size=24))[0]
    np.testing.assert_array_equal(alone.pixels, together[7].pixels)


def test_a_crop_beyond_the_frame_is_refused():
    with pytest.raises(RequestError, match=r"crop is 70; expected at most 69.*: --crop 69"):
        open_source("simulated:3").read([0], Framing(crop=70))


def test_the_fingerprint_tells_number_seed_and_task():
    texts = ["simulated:5", "simulated:6", "simulated:5:seed1", "simulated:votes:5"]
    assert len({open_source(text).content() for text in texts}) == 4
    assert open_source("simulated:5").stamp() == open_source("simulated:5").stamp()
