import h5py
import numpy as np
import pytest

import hubblefork.data.sources.array_pixels
from hubblefork.core.errors import RequestError
from hubblefork.data.images.decoded import UnreadableImage
from hubblefork.data.sources import open_source
from hubblefork.data.sources.array_files import MOST_BYTES

LABELS = np.arange(6) % 2


def opened(folder, values: np.ndarray, options: str = ""):
    np.savez(folder / "a.npz", x=values, y=LABELS)
    return open_source(f"{folder / 'a.npz'}{options}")


@pytest.mark.parametrize(
    ("values", "expected", "words"),
    [
        (np.array([0, 255], "u1"), [0, 255], None),
        (np.array([False, True]), [0, 255], "true is white"),
        (np.array([0, 65535, 32896, 128, 129], "u2"), [0, 255, 128, 0, 1], "divided by 257"),
        (np.array([0, 65535], ">u2"), [0, 255], "divided by 257"),
        (np.array([0, 1, 0.5, np.nan, np.inf], "f4"), [0, 255, 128, 0, 0], "multiplied by 255"),
        (np.array([0, 1, 0.25], "f2"), [0, 255, 64], "multiplied by 255"),
        (np.array([0, 1], "i8"), [0, 255], "multiplied by 255"),
        (np.array([0, 1.4, 254.6, np.nan], "f8"), [0, 1, 255, 0], "was rounded"),
        (np.array([3, 200], ">i4"), [3, 200], "was rounded"),
        (np.array([3, 200], "u2"), [3, 200], "was rounded"),
        (np.array([0, 4095, 4096], "u2"), [0, 16, 16], "divided by 257"),
        (np.full(3, np.nan), [0, 0, 0], "multiplied by 255"),
    ],
)
def test_the_range_of_all_says_what_becomes_a_byte(tmp_path, values, expected, words):
    images = np.resize(values, (6, 8, 8))
    source = opened(tmp_path, images)
    np.testing.assert_array_equal(
        next(source.read_group(0))[..., 0], np.resize(expected, (6, 8, 8))
    )
    assert next(source.read_group(0))[0].dtype == np.uint8
    *notes, about_ids = source.notes
    assert [words in note for note in notes] == [True] * (words is not None)
    assert about_ids.startswith("No ids are known")
    assert source.bands == 0


@pytest.mark.parametrize("dtype", ["f4", ">f8", "i4", "u4", "f2", "u2"])
def test_beyond_bytes_there_are_counts(tmp_path, dtype):
    counts = np.random.default_rng(0).normal(50, 9, (6, 8, 8, 5)).astype(dtype)
    counts[0, 0, 0, 0] = 300
    source = opened(tmp_path, counts)
    assert (source.channels, source.bands) == (5, 5)
    assert "scaled by the recipe's stretch" in source.notes[0]
    assert next(source.read_group(0))[0].dtype == np.float32
    image = source.read([1], source.framing())[0]
    assert image.pixels.shape == (8, 8, 5)
    assert image.pixels.std() > 0


def test_an_image_of_no_numbers_is_left_out(tmp_path):
    counts = np.random.default_rng(0).normal(0, 9, (6, 8, 8, 3))
    counts[2] = np.nan
    counts[3, 0] = np.inf
    source = opened(tmp_path, counts)
    images = source.read(range(6), source.framing())
    assert [isinstance(each, UnreadableImage) for each in images] == [
        False, False, True, False, False, False,
    ]  # fmt: skip
    assert not images[3].pixels[0].any()


def test_the_range_is_that_of_the_last_row_too(tmp_path, monkeypatch):
    monkeypatch.setattr(hubblefork.data.sources.array_pixels, "_SLAB_BYTES", 64)
    values = np.zeros((6, 8, 8), "f4")
    values[5, 7, 7] = 200
    assert "was rounded" in opened(tmp_path, values).notes[0]
    # The range of a file is looked at once.
    monkeypatch.setattr(hubblefork.data.sources.array_pixels, "_range", None)
    assert "was rounded" in open_source(tmp_path / "a.npz").notes[0]


@pytest.mark.parametrize(
    ("shape", "options", "height", "width", "bands"),
    [
        ((6, 9, 8), "", 9, 8, 1),
        ((6, 9, 8, 1), "", 9, 8, 1),
        ((6, 9, 8, 2), "", 9, 8, 2),
        ((6, 9, 8, 7), "", 9, 8, 7),
        ((6, 3, 9, 8), "", 9, 8, 3),
        ((6, 1, 9, 8), "", 9, 8, 1),
        ((6, 7, 7, 7), ":order=HWC", 7, 7, 7),
        ((6, 7, 7, 7), ":order=CHW", 7, 7, 7),
        ((6, 8, 7, 9), ":order=CHW", 7, 9, 8),
    ],
)
def test_bands_are_fewer_than_pixels_a_side(tmp_path, shape, options, height, width, bands):
    values = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    source = opened(tmp_path, values, options)
    assert source.channels == bands
    image = next(source.read_group(0))[1]
    assert image.shape == (height, width, bands)
    turned = bands == shape[1] and "HWC" not in options and len(shape) == 4
    expected = values[1].transpose(1, 2, 0) if turned else values[1].reshape(image.shape)
    np.testing.assert_array_equal(image, expected)


def test_an_order_is_refused_where_there_are_no_bands(tmp_path):
    with pytest.raises(RequestError, match="has no axis of bands"):
        opened(tmp_path, np.zeros((6, 9, 8), "u1"), ":order=CHW")


def test_images_too_large_to_be_one_slab_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(hubblefork.data.sources.array_pixels, "MOST_BYTES", 1000)
    with pytest.raises(RequestError, match="images of 30x40"):
        opened(tmp_path, np.zeros((6, 40, 30), "u1"))


@pytest.mark.parametrize(
    ("number", "chunks", "expected"),
    [
        (17736, (555, 16, 16, 1), 555),  # Galaxy10 DECaLS: 109 MB
        (17736, (10, 256, 256, 3), 170),  # several rows of chunks, up to 32 MB
        (17736, (17736, 16, 1, 1), MOST_BYTES // (256 * 256 * 3)),  # not to be read in one
        (17736, None, (32 << 20) // (256 * 256 * 3)),
    ],
)
def test_slabs_are_whole_chunks_of_bounded_size(tmp_path, number, chunks, expected):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        images = file.create_dataset("images", (number, 256, 256, 3), "u1", chunks=chunks)
        file["ans"] = np.arange(number) % 2
        file["noise"] = np.zeros(10 << 20, "u1")  # or the file is refused as a trap
        assert images.shape[0] == number
    source = open_source(tmp_path / "a.h5")
    assert source.starts[1] == expected
    assert source.starts[-1] == number
    assert np.all(np.diff(source.starts) <= expected)
    assert expected * 256 * 256 * 3 <= MOST_BYTES
