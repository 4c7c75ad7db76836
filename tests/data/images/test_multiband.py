import gzip
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hubblefork.data.images.decoded import UnreadableImage
from hubblefork.data.images.framing import Framing
from hubblefork.data.images.multiband import Counts, look_at_counts
from hubblefork.data.images.read import is_image_name, read_image, read_images
from hubblefork.sky.stretch import Stretch


def galaxy(*brightness: float, side: int = 32) -> np.ndarray:
    """Counts (bands, side, side) of a blob this bright in each band, above and left of the middle,
    on a sky with a noise of 1.
    """
    random = np.random.default_rng(3)
    y, x = np.mgrid[:side, :side]
    light = np.exp(-((x - 0.4 * side) ** 2 + (y - 0.6 * side) ** 2) / 18)
    sky = random.normal(10, 1, (len(brightness), side, side))
    return (sky + light * np.array(brightness)[:, None, None]).astype(np.float32)


def encoded(*hdus: object) -> bytes:
    file = BytesIO()
    fits.HDUList(list(hdus)).writeto(file)
    return file.getvalue()


def cube(*brightness: float, side: int = 32) -> bytes:
    return cube_of(np.squeeze(galaxy(*brightness, side=side)))


def cube_of(counts: np.ndarray) -> bytes:
    return encoded(fits.PrimaryHDU(counts))


def reason(source: object, framing: Framing | None = None) -> str:
    with pytest.raises(UnreadableImage) as caught:
        read_image(source, framing or Framing())
    return caught.value.reason


# One file


def test_one_band_is_grey_and_stands_as_viewers_show_it():
    image = read_image(cube(500), Framing(channels=1))
    assert image.pixels.shape == (32, 32, 1)
    assert (image.size, image.bands, image.position) == ((32, 32), 1, None)
    # FITS counts rows from the bottom: what is at row 19 of 32 is above the middle.
    assert np.unravel_index(image.pixels.argmax(), (32, 32)) == pytest.approx((12, 13), abs=2)
    assert np.median(image.pixels) < 20


def test_for_a_colour_model_one_band_is_repeated():
    grey = read_image(cube(500), Framing(channels=1)).pixels
    np.testing.assert_array_equal(read_image(cube(500), Framing()).pixels, grey.repeat(3, axis=2))


def test_the_last_of_three_bands_is_red():
    image = read_image(cube(100, 200, 600), Framing())
    red, green, blue = image.pixels[12, 13].astype(int)
    assert red > green > blue
    assert image.bands == 3


def test_a_stretch_orders_and_chooses_bands():
    content = cube(100, 200, 600, 10, 10)
    framing = Framing(stretch=Stretch(bands=(0, 1, 2)))
    red, green, blue = read_image(content, framing).pixels[12, 13].astype(int)
    assert red < green < blue
    alone = read_image(content, Framing(channels=1, stretch=Stretch(bands=(1,)))).pixels
    second = galaxy(100, 200, 600, 10, 10)[1]
    assert np.array_equal(alone, read_image(cube_of(second), Framing(channels=1)).pixels)
    assert reason(content, Framing(stretch=Stretch(bands=(5,)))) == (
        "it has 5 bands, but band 5 is requested"
    )


def test_other_numbers_of_bands_are_kept_and_no_colour_image():
    content = cube(100, 200, 300, 400, 500)
    assert read_image(content, Framing(channels=5)).pixels.shape == (32, 32, 5)
    assert reason(content) == "5 bands, where 3 are expected"
    assert read_image(content, Framing(channels=1)).pixels.shape == (32, 32, 1)


def test_bytes_are_not_stretched():
    data = np.arange(64, dtype=np.uint8).reshape(8, 8)
    image = read_image(cube_of(data), Framing(channels=1))
    np.testing.assert_array_equal(image.pixels[..., 0], data[::-1])


def test_the_crop_comes_before_the_stretch():
    data = np.squeeze(galaxy(500))
    framing = Framing(crop=20, channels=1)
    inner = read_image(cube_of(data[6:26, 6:26]), framing).pixels
    data[:4] = 1e9  # a star at the edge, outside the crop
    np.testing.assert_array_equal(read_image(cube_of(data), framing).pixels, inner)
    small = cube(1, side=16)
    assert reason(small, framing) == "16x16 pixels, smaller than the crop of 20"


def test_an_image_without_any_known_count_is_left_out():
    nothing = cube_of(np.full((8, 8), np.nan))
    assert reason(nothing) == "none of its counts is a number"


def test_names_of_fits_files_are_images():
    for name in ("a.fits", "b.FIT", "c.fts", "d.fits.gz", "e.fits.fz", "f.fit.GZ"):
        assert is_image_name(name)
    for name in ("a.gz", "b.tar.gz", "c.fz", "._a.fits"):
        assert not is_image_name(name)


# A file for each band


@pytest.fixture
def bands(tmp_path: Path) -> tuple[str, ...]:
    """Files g.fits, r.fits and i.fits of a red galaxy."""
    paths = [tmp_path / f"{band}.fits" for band in "gri"]
    for path, data in zip(paths, galaxy(100, 200, 600), strict=True):
        fits.PrimaryHDU(data).writeto(path)
    return tuple(map(str, paths))


def test_bands_of_several_files_are_those_of_a_cube(bands):
    image = read_image(bands, Framing(size=16))
    expected = read_image(cube(100, 200, 600), Framing(size=16))
    np.testing.assert_array_equal(image.pixels, expected.pixels)
    assert (image.size, image.bands) == ((32, 32), 3)


def test_a_band_that_is_not_known_is_black_and_changes_no_other(bands):
    fits.PrimaryHDU(np.zeros((32, 32), np.float32)).writeto(bands[1], overwrite=True)
    expected = read_image(bands, Framing()).pixels
    assert expected.max() == 255
    blank = fits.PrimaryHDU(np.full((32, 32), 9, np.int16))
    blank.header["BLANK"] = 9
    for hdu in (fits.PrimaryHDU(np.full((32, 32), np.nan)), blank):
        hdu.writeto(bands[1], overwrite=True)
        np.testing.assert_array_equal(read_image(bands, Framing()).pixels, expected)


def test_bands_of_ordinary_images_are_not_stretched(tmp_path):
    paths = [tmp_path / f"{band}.png" for band in "gri"]
    for value, path in zip((10, 20, 30), paths, strict=True):
        Image.new("L", (8, 8), value).save(path)
    image = read_image(tuple(map(str, paths)), Framing(crop=6))
    assert (image.pixels == [30, 20, 10]).all()
    assert image.pixels.shape == (6, 6, 3)


def test_bands_that_do_not_fit_are_named(bands, tmp_path):
    green, red, infrared = bands
    assert reason((green, str(tmp_path / "z.fits"))) == "z.fits: the file is not there"
    Path(infrared).write_bytes(cube(1, side=16))
    assert reason(bands) == "i.fits has 16x16 pixels, the first band 32x32"
    Path(infrared).write_bytes(cube(1, 1, 1))
    assert reason(bands) == "i.fits: it has 3 bands, where one is expected"
    Path(infrared).write_bytes(cube(1)[:3000])
    assert reason(bands).startswith("i.fits: damaged or incomplete (")
    Image.new("L", (32, 32)).save(tmp_path / "z.png")
    mixed = (green, red, str(tmp_path / "z.png"))
    assert reason(mixed) == "some of its bands are counts and others are bytes"


# What files have in common


def test_what_cannot_be_read_tells_nothing(tmp_path):
    paths = [tmp_path / "a.fits", tmp_path / "b.fits"]
    paths[0].write_bytes(b"SIMPLE  = nothing")
    paths[1].write_bytes(cube(1, 1, 1, 1))
    assert look_at_counts([str(path) for path in paths]) == Counts(4, None, [])
    assert look_at_counts([str(paths[0])]) == Counts(0, None, [])


def test_the_bands_are_those_of_most_files():
    one, three, five = cube(1), cube(1, 1, 1), cube(1, 1, 1, 1, 1)
    colour = "Of three bands, the last is red"
    assert look_at_counts([five, one, one]).bands == 1
    assert look_at_counts([one, five, five]).bands == 5
    found = look_at_counts([one, one, three])  # grey images can be shown among colour images
    assert found.bands == 3
    assert found.notes[0] == (
        "FITS files differ in their bands (2 with 1, 1 with 3): read as 3, which others are "
        "converted to, or left out."
    )
    assert found.notes[1].startswith(colour)


def named(*names: str) -> bytes:
    """Images of these names; the brightness of each tells which it is."""
    images = [fits.ImageHDU(galaxy(100 * len(name))[0], name=name) for name in names]
    return encoded(fits.PrimaryHDU(), *images)


def test_which_image_is_read_of_all_files_is_told(tmp_path):
    files = [named("WHT", "SCI"), named("SCI", "ERR", "WHT"), named("SCI")]
    found = look_at_counts(files)
    assert found == Counts(1, "SCI", [
        "2 of 3 FITS files looked at have several images: SCI is read, not ERR, WHT; files without "
        "it are left out, and :hdu=NAME after the path of the source reads another."
    ])  # fmt: skip
    framing = Framing(channels=1, hdu=found.hdu)
    first, *others = (read_image(file, framing).pixels for file in files)
    for other in others:
        np.testing.assert_array_equal(other, first)
    assert reason(named("ERR", "WHT"), framing) == (
        "no image SCI among HDU 0 PRIMARY (empty), HDU 1 ERR (32x32), HDU 2 WHT (32x32)"
    )
    assert look_at_counts(files, "err").hdu == "ERR"
    assert look_at_counts([named("SCI"), named("SCI")]) == Counts(1, None, [])


def test_bands_in_several_files_are_of_the_same_image_too(tmp_path):
    paths = [tmp_path / f"{band}.fits" for band in "gri"]
    for path, names in zip(paths, [("SCI", "WHT"), ("WHT", "SCI"), ("SCI",)], strict=True):
        path.write_bytes(named(*names))
    files = tuple(map(str, paths))
    found = look_at_counts([files])
    assert (found.bands, found.hdu) == (3, "SCI")
    pixels = read_image(files, Framing(hdu="SCI")).pixels
    np.testing.assert_array_equal(pixels[..., 0], pixels[..., 1])
    assert reason(files, Framing(hdu="WHT")).startswith("i.fits: no image WHT among ")


# Damage


def _seeds() -> list[bytes]:
    noise = np.random.default_rng(0).normal(9, 3, (16, 16)).astype(np.float32)
    scaled = fits.PrimaryHDU(noise.astype(np.int16))
    scaled.header.update({"BSCALE": 0.5, "BLANK": 9, "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"})
    packed = fits.CompImageHDU(noise, quantize_method=1)
    table = fits.BinTableHDU.from_columns([fits.Column("a", "E", array=[1.0])])
    return [
        encoded(scaled),
        gzip.compress(encoded(scaled)),
        encoded(fits.PrimaryHDU(), packed),
        encoded(fits.PrimaryHDU(), table, fits.ImageHDU(np.stack([noise] * 3))),
    ]


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=150)
@given(content=st.sampled_from(_seeds()), data=st.data())
def test_damage_anywhere_gives_an_image_or_a_reason(content, data):
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 8))):
        value = data.draw(st.one_of(st.sampled_from(b"0123456789 -'"), st.integers(0, 255)))
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = value
    end = data.draw(st.one_of(st.just(len(damaged)), st.integers(0, len(damaged))))
    result = read_images([bytes(damaged[:end])], Framing(size=8))[0]
    if isinstance(result, UnreadableImage):
        assert result.reason
        assert "\n" not in result.reason
    else:
        assert result.pixels.shape == (8, 8, 3)
        assert result.pixels.dtype == np.uint8


def test_faults_are_not_told_on_stderr(tmp_path):
    # In a process of its own, because pytest brings its own rules for warnings.
    odd, short = tmp_path / "odd.fits", tmp_path / "short.fits"
    hdu = fits.PrimaryHDU(galaxy(9)[0])
    hdu.header.update({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--XXX", "EQUINOX": 2000.0})
    odd.write_bytes(encoded(hdu).replace(b"EQUINOX ", b"Equi nox"))
    short.write_bytes(odd.read_bytes()[:5000])
    code = (
        "from hubblefork.data.images.framing import Framing\n"
        "from hubblefork.data.images.read import read_images\n"
        f"print(len(read_images([{str(odd)!r}, {str(short)!r}], Framing())))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("2\n", "")
