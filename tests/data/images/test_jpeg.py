"""What the fast decoder gives is what the slow one gives, and what is damaged is told."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from hubblefork.data.images.decoded import UnreadableImage
from hubblefork.data.images.framing import Framing, frame
from hubblefork.data.images.jpeg import decode, open_jpeg
from hubblefork.data.images.read import read_image


def spot(width: int, height: int) -> np.ndarray:
    """A coloured source of light off the centre, with a sharp star on it."""
    y, x = np.mgrid[:height, :width]
    light = np.exp(-(((x - 0.45 * width) / 40) ** 2) - ((y - 0.55 * height) / 25) ** 2)
    star = 0.4 * np.exp(-((x - 0.6 * width) ** 2 + (y - 0.4 * height) ** 2) / 8)
    return (255 * np.clip(light + star, 0, 1)[..., None] * [1, 0.8, 0.5]).astype(np.uint8)


def encoded(pixels: np.ndarray, **options) -> bytes:
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", **options)
    return stream.getvalue()


def slowly(content: bytes, framing: Framing) -> np.ndarray:
    """Decode all of it with Pillow, then cut and scale."""
    with Image.open(BytesIO(content)) as image:
        mode = "L" if framing.channels == 1 else "RGB"
        pixels = np.asarray(image.convert(mode))
    return frame(pixels.reshape(*pixels.shape[:2], framing.channels), framing)


def differences(content: bytes, framing: Framing) -> tuple[float, float]:
    """Mean and greatest difference between the fast and the slow way, of 255."""
    fast = read_image(content, framing).pixels.astype(float)
    apart = np.abs(fast - slowly(content, framing))
    return apart.mean(), apart.max()


FRAMINGS = [
    Framing(),
    Framing(size=128),
    Framing(size=80),
    Framing(size=32),
    Framing(crop=212, size=64),
    Framing(crop=211),
    Framing(size=69, channels=1),
]


@pytest.mark.parametrize("framing", FRAMINGS, ids=str)
@pytest.mark.parametrize("sides", [(424, 424), (427, 425)])
@pytest.mark.parametrize("options", [{}, {"subsampling": 0}, {"progressive": True}])
def test_the_short_cut_shows_the_same_image(sides, framing, options):
    mean, most = differences(encoded(spot(*sides), quality=92, **options), framing)
    assert mean < 0.5
    assert most <= 12


def test_an_image_that_is_not_made_smaller_is_decoded_to_within_rounding():
    content = encoded(spot(100, 80), quality=90, subsampling=0)
    for framing in (Framing(), Framing(crop=31), Framing(channels=1)):
        assert differences(content, framing)[1] <= 2


@pytest.mark.parametrize(
    ("folder", "mean", "most"),
    [("gz2_five_class_native", 0.4, 12), ("gz2_five_class", 0.4, 12), ("odonata", 0.7, 31)],
)
def test_real_images_stay_within_the_stated_tolerance(real_data, folder, mean, most):
    paths = sorted((real_data / folder).rglob("*.jpg"))
    paths = paths[:: len(paths) // 25]
    found = [
        differences(path.read_bytes(), Framing(size=size)) for path in paths for size in (48, 80)
    ]
    assert np.mean([each for each, _ in found]) < mean
    assert max(each for _, each in found) <= most


@pytest.mark.parametrize("bands", [1, 3])
@pytest.mark.parametrize("channels", [1, 3])
def test_grey_and_colour_become_each_other(bands, channels):
    pixels = spot(40, 40)
    content = encoded(pixels if bands == 3 else pixels[..., 0], quality=98)
    image = read_image(content, Framing(channels=channels))
    assert image.pixels.shape == (40, 40, channels)
    assert image.bands == bands
    assert differences(content, Framing(channels=channels))[1] <= 3


def test_four_inks_are_left_to_the_other_decoder():
    assert open_jpeg(encoded(np.zeros((16, 16, 4), np.uint8)[..., :3])) is not None
    stream = BytesIO()
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(stream, "JPEG")
    assert open_jpeg(stream.getvalue()) is None
    red = read_image(stream.getvalue(), Framing()).pixels[8, 8]
    assert red[0] > 200
    assert red[1:].max() < 60


def test_an_image_that_is_cut_short_is_damaged_at_every_length():
    content = encoded(spot(64, 64))
    for length in range(4, len(content), 97):
        with pytest.raises(UnreadableImage, match="damaged or incomplete"):
            read_image(content[:length], Framing(size=8))
    with pytest.raises(ValueError, match="Premature end"):
        decode(open_jpeg(content[:-20]), 0, 0, 64, 8, 3)


def test_a_hole_in_the_middle_is_damage():
    content = encoded(spot(64, 64))
    middle = len(content) * 3 // 4
    with pytest.raises(UnreadableImage, match="damaged or incomplete"):
        read_image(content[:middle] + b"\xff\xd9" + content[middle:], Framing())


def test_stray_bytes_that_harm_nothing_are_read_past():
    content = encoded(spot(64, 64))
    stray = content[:-2] + b"\0\0\0" + content[-2:]
    with pytest.raises(ValueError, match="extraneous"):
        simplejpeg.decode_jpeg(stray)
    expected = read_image(content, Framing()).pixels.astype(int)
    assert np.abs(read_image(stray, Framing()).pixels - expected).max() <= 1
    after = read_image(content + b"made by a camera", Framing()).pixels
    np.testing.assert_array_equal(after, expected)


def test_a_header_of_65500_by_65500_is_refused_before_memory_is_taken(tmp_path: Path):
    content = bytearray(encoded(spot(64, 64)))
    start = content.index(b"\xff\xc0") + 5
    content[start : start + 4] = (65500).to_bytes(2, "big") * 2
    with pytest.raises(UnreadableImage, match="65500x65500 pixels, more than 100 megapixels"):
        read_image(bytes(content), Framing(size=8))
