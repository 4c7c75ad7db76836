import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hubblefork.data.duplicates import SAME, compare, flatten, near_pairs
from hubblefork.data.images.framing import Framing, frame
from hubblefork.data.images.read import read_image
from hubblefork.sky.simulation.simulate import simulate

NUMBER = 60
COPIED = range(0, NUMBER, 2)


@pytest.fixture(scope="module")
def sky() -> np.ndarray:
    """Simulated galaxies, (60, 96, 96, 3)."""
    return np.stack(list(simulate(NUMBER, seed=5).render(range(NUMBER), 96)))


def saved(image: Image.Image, quality: int = 90) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file)


COPIES = {
    "saved again": lambda image: saved(image, 70),
    "half the size": lambda image: saved(image.resize((48, 48), Image.Resampling.BICUBIC)),
    "turned": lambda image: saved(image.transpose(Image.Transpose.ROTATE_90)),
    "mirrored": lambda image: saved(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
    "brighter": lambda image: saved(image.point(lambda value: min(255, round(1.1 * value)))),
    "turned, mirrored and brighter": lambda image: saved(
        image.transpose(Image.Transpose.TRANSVERSE).point(lambda v: min(255, round(1.1 * v))), 70
    ),
}


@pytest.mark.parametrize("kind", COPIES)
def test_copies_are_found_and_no_two_galaxies_are_taken_for_one(sky, kind):
    copies = [COPIES[kind](Image.fromarray(sky[place])) for place in COPIED]
    copies = [frame(np.asarray(copy), Framing(size=96)) for copy in copies]
    pairs, similarity = near_pairs(np.concatenate([sky, copies]), np.arange(NUMBER + len(copies)))
    assert sorted(map(tuple, pairs.tolist())) == [
        (place, NUMBER + number) for number, place in enumerate(COPIED)
    ]
    assert (similarity >= SAME).all()
    assert (np.diff(similarity) <= 0).all()


def test_only_the_given_rows_are_compared(sky):
    images = np.concatenate([sky, sky[:3, ::-1]])
    pairs, _ = near_pairs(images, np.array([NUMBER + 1, 5, 1]))
    assert pairs.tolist() == [[1, NUMBER + 1]]


def test_the_same_images_give_the_same_pairs_from_a_memory_map(sky, tmp_path):
    images = np.concatenate([sky, sky[:9].swapaxes(1, 2)])
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    rows = np.arange(len(images))
    for one, other in zip(near_pairs(images, rows), near_pairs(mapped, rows), strict=True):
        np.testing.assert_array_equal(one, other)


def test_images_that_are_all_alike_fill_no_memory(sky):
    random = np.random.default_rng(0)
    noise = random.integers(0, 3, (300, *sky.shape[1:]), dtype=np.uint8)
    pairs, _ = near_pairs(sky[:1] // 2 + 40 + noise, np.arange(300))
    assert 299 <= len(pairs) <= 8 * 300


@pytest.mark.parametrize("number", [0, 1, 2])
def test_few_images_have_few_pairs(sky, number):
    pairs, similarity = near_pairs(sky, np.arange(number))
    assert pairs.shape == (0, 2)
    assert similarity.shape == (0,)


def test_blank_images_are_like_nothing(sky):
    blank = np.zeros_like(sky[:1])
    assert flatten(blank).max() == 0
    assert compare(blank, blank)[0] == 0
    assert compare(sky[:1], blank)[0] == 0


@settings(max_examples=30)
@given(
    side=st.integers(8, 90),
    channels=st.integers(1, 5),
    turns=st.integers(0, 3),
    mirrored=st.booleans(),
    seed=st.integers(0, 99),
)
def test_an_image_is_like_itself_however_it_is_turned(side, channels, turns, mirrored, seed):
    random = np.random.default_rng(seed)
    image = random.integers(0, 256, (1, side, side, channels), dtype=np.uint8)
    turned = np.rot90(image[:, :, ::-1] if mirrored else image, turns, (1, 2))
    assert compare(image, turned)[0] == pytest.approx(1, abs=1e-3)


def test_galaxies_cut_out_anew_are_found_among_others(real_data):
    """The same galaxies from JPEGs of another size, with another cut."""
    native = sorted((real_data / "gz2_five_class_native").glob("*/*.jpg"))[::5]
    packed = real_data / "gz2_five_class" / "images"
    if not native or not packed.is_dir():
        pytest.skip("no gz2_five_class and gz2_five_class_native here")
    other = [packed / file.name for file in native if (packed / file.name).is_file()]
    images = [read_image(file, Framing(crop=256, size=64)).pixels for file in native]
    images += [read_image(file, Framing(size=64)).pixels for file in other]
    pairs, _ = near_pairs(np.stack(images), np.arange(len(images)))
    names = [file.name for file in [*native, *other]]
    assert len(other) > 100
    assert {names[a] == names[b] for a, b in pairs} == {True}
    assert len(pairs) == len(other)
