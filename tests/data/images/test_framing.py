import pytest

from hubblefork.core.errors import RequestError
from hubblefork.data.images.framing import Framing


def test_grey_has_one_channel_and_colour_three():
    assert Framing(channels=1).channels == 1
    assert Framing().channels == 3


@pytest.mark.parametrize("side", [0, -1, 2.5, "64", True, 10_001])
@pytest.mark.parametrize("name", ["crop", "size"])
def test_a_side_that_is_no_sensible_number_is_refused(name, side):
    with pytest.raises(RequestError, match=f"{name} is {side!r}; expected a whole number"):
        Framing(**{name: side})


def test_a_framing_is_told_in_words_and_survives_json():
    framing = Framing(crop=212, size=106, channels=1)
    assert str(framing) == "centre 212 pixels, resized to 106\u00a0×\u00a0106, grey"
    assert Framing.from_json(framing.to_json()) == framing
