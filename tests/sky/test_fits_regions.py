import os

import numpy as np
import pytest
from astropy.io import fits

from hubblefork.sky.fits import read_fits
from hubblefork.sky.fits_images import FitsError
from hubblefork.sky.fits_regions import OPEN_IMAGES, OpenImage, OpenImages
from tests.sky.test_fits import COMPRESSED, STORED, stored


@pytest.mark.parametrize(
    ("kind", "compression", "blank"), [*[(kind, None, "BLANK") for kind in STORED], *COMPRESSED]
)
def test_regions_have_the_counts_of_the_whole(tmp_path, kind, compression, blank):
    path = tmp_path / "a.fits"
    path.write_bytes(stored(kind, blank, compression))
    whole = read_fits(path.read_bytes()).counts[::-1]
    image = OpenImage(path)
    assert (image.shape, image.bands) == ((4, 5), 1)
    for rows, columns in ((slice(0, 4), slice(0, 5)), (slice(1, 4), slice(2, 4))):
        counts = image.read(rows, columns)
        assert counts.dtype == whole.dtype
        np.testing.assert_array_equal(counts, whole[rows, columns])


@pytest.mark.parametrize(
    "shape", [(6, 7), (1, 6, 7), (1, 6, 1, 7), (5, 6, 7), (6, 7, 3), (6, 7, 4)]
)
@pytest.mark.parametrize("compressed", [False, True])
def test_axes_are_those_of_the_whole(tmp_path, shape, compressed):
    data = np.arange(np.prod(shape), dtype=np.int16).reshape(shape)
    image = fits.CompImageHDU(data) if compressed else fits.ImageHDU(data)
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(tmp_path / "a.fits")
    whole = read_fits((tmp_path / "a.fits").read_bytes()).counts[::-1]
    region = slice(2, 5), slice(0, 3)
    np.testing.assert_array_equal(OpenImage(tmp_path / "a.fits").read(*region), whole[region])


@pytest.fixture
def paths(tmp_path):
    for number in range(3):
        for suffix in ("", ".gz"):
            data = np.full((4, 5), number, np.float32)
            fits.writeto(tmp_path / f"{number}.fits{suffix}", data)
        fits.CompImageHDU(data.astype(np.int16)).writeto(tmp_path / f"{number}.fits.fz")
    return [str(tmp_path / f"{number}.fits") for number in range(3)]


def test_open_images_are_few_and_follow_the_file(paths):
    images = OpenImages(most_open=2)
    first = images.get(paths[0])
    assert images.get(paths[0]) is first
    assert (len(images), images.opened) == (1, 1)
    for path in paths[1:]:
        images.get(path)
    assert (len(images), images.opened) == (2, 3)
    assert images.get(paths[0]) is not first
    assert first.read(slice(0, 2), slice(0, 3)).shape == (2, 3, 1)  # it still works
    fits.writeto(f"{paths[0]}.new", np.ones((3, 4)))
    os.replace(f"{paths[0]}.new", paths[0])
    assert images.get(paths[0]).shape == (3, 4)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="open files are not listed here")
@pytest.mark.parametrize(("suffix", "descriptors"), [("", 1), (".gz", 0), (".fz", 2)])
def test_images_are_closed_when_they_are_dropped(paths, suffix, descriptors):
    def opened():
        return len(os.listdir("/proc/self/fd"))

    before = opened()
    images = OpenImages(most_open=2)
    for path in paths:
        assert images.get(path + suffix).read(slice(0, 1), slice(0, 1)) == int(path[-6])
    assert opened() == before + 2 * descriptors
    images.forget()
    assert opened() == before


def test_unpacked_files_are_held_within_a_limit(paths):
    images = OpenImages(most_memory=2 * 4 * 20)
    for path in paths:
        assert images.get(f"{path}.gz").memory == 4 * 20
    assert len(images) == 2
    images.forget()
    for path in paths:
        assert images.get(path).memory == 0
    assert len(images) == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_opens_images_anew(paths):
    OPEN_IMAGES.get(f"{paths[0]}.fz")
    child = os.fork()
    if not child:
        os._exit(len(OPEN_IMAGES))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(OPEN_IMAGES) > 0


def test_what_is_no_file_or_no_image_is_told(tmp_path):
    with pytest.raises(FitsError, match="a directory, not a file"):
        OpenImage(tmp_path)
    with pytest.raises(FileNotFoundError):
        OpenImage(tmp_path / "gone.fits")
    (tmp_path / "empty.fits").touch()
    with pytest.raises(FitsError, match="not a FITS file"):
        OpenImage(tmp_path / "empty.fits")
    packed = fits.CompImageHDU(np.zeros((9, 9), np.int16), compression_type="HCOMPRESS_1",
                               tile_shape=(9, 9))  # fmt: skip
    packed.writeto(tmp_path / "h.fits")
    with pytest.raises(FitsError, match="only RICE and GZIP are read"):
        OpenImage(tmp_path / "h.fits")
