import gzip
from io import BytesIO

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS

from hubblefork.sky.fits import MOST_COUNTS, is_fits, list_parts, read_fits
from hubblefork.sky.fits_images import FitsError, common_image


def written(*hdus: fits.PrimaryHDU | fits.ImageHDU | fits.CompImageHDU | fits.BinTableHDU) -> bytes:
    file = BytesIO()
    fits.HDUList(list(hdus)).writeto(file)
    return file.getvalue()


def image(data: np.ndarray, **cards: object) -> bytes:
    hdu = fits.PrimaryHDU(data)
    hdu.header.update({key.upper(): value for key, value in cards.items()})
    return written(hdu)


def claiming(content: bytes, **cards: int) -> bytes:
    """The file with other numbers in its header, and no more data than before."""
    for key, value in cards.items():
        place = content.index(f"{key.upper():8}= ".encode())
        content = content[:place] + f"{key.upper():8}= {value:>20}".encode() + content[place + 30 :]
    return content


def wcs(*axes: str, centre: tuple[float, float], **more: object) -> dict:
    """Header cards that put the second column, first row of pixels at `centre`."""
    sky = WCS(naxis=len(axes))
    sky.wcs.ctype = axes
    sky.wcs.crval = [*centre, *[1.0] * (len(axes) - 2)]
    sky.wcs.crpix = [2.0, 1.0, *[1.0] * (len(axes) - 2)]
    sky.wcs.cdelt = [-1e-3, 1e-3, *[1.0] * (len(axes) - 2)]
    return dict(sky.to_header()) | more


RAMP = np.arange(20, dtype=np.float32).reshape(4, 5)

TABLE = fits.BinTableHDU.from_columns([fits.Column("flux", "E", array=[1.0, 2.0])])


def refusal(content: bytes, hdu: str | None = None) -> str:
    with pytest.raises(FitsError) as caught:
        read_fits(content, hdu)
    return str(caught.value)


# What is read


@pytest.mark.parametrize("kind", [">f4", ">f8", "<f4", "i1", "i2", "i4", "i8", "u2", "u4"])
def test_numbers_of_any_kind_keep_their_values(kind):
    counts = read_fits(image(RAMP.astype(kind))).counts
    assert counts.dtype == np.float32
    np.testing.assert_array_equal(counts[..., 0], RAMP[::-1])


def test_bytes_stay_bytes():
    counts = read_fits(image(RAMP.astype(np.uint8))).counts
    assert counts.dtype == np.uint8
    np.testing.assert_array_equal(counts[..., 0], RAMP[::-1])


def test_scale_zero_and_blank_are_applied():
    counts = read_fits(image(RAMP.astype(np.int16), bscale=0.5, bzero=100.0, blank=3)).counts
    expected = RAMP[::-1] / 2 + 100
    expected[3, 3] = np.nan
    np.testing.assert_array_equal(counts[..., 0], expected)


# How a type of numbers is stored: as these signed or unsigned integers, less BZERO.
STORED = {
    "uint8": ("u1", 0),
    "int8": ("u1", -128),
    "int16": ("i2", 0),
    "uint16": ("i2", 1 << 15),
    "int32": ("i4", 0),
    "uint32": ("i4", 1 << 31),
    "int64": ("i8", 0),
    "uint64": ("i8", 1 << 63),
    "scaled": ("i2", 100),
}


def stored(kind: str, blank: str, compression: str | None = None) -> bytes:
    """Five columns of stored numbers 10 to 29, of which 13 and 20 are BLANK, as a writer that
    knows only numbers would leave them.

    blank: the card that says so: BLANK or, of compressed images, also ZBLANK.
    """
    type_, zero = STORED[kind]
    numbers = np.arange(10, 30).astype(type_).reshape(4, 5)
    numbers[[0, 2], [3, 0]] = (np.iinfo(type_).max, np.iinfo(type_).max)
    cards = {"BZERO": zero, blank: int(np.iinfo(type_).max)}
    cards |= {"BSCALE": 0.5} if kind == "scaled" else {}
    if compression is None:
        content = written(fits.PrimaryHDU(numbers))
    else:
        hdu = fits.CompImageHDU(numbers, compression_type=compression, tile_shape=(2, 5))
        content = written(fits.PrimaryHDU(), hdu)
    # As a table, so that astropy changes neither the numbers nor the cards.
    options = {"do_not_scale_image_data": True, "disable_image_compression": True}
    with fits.open(BytesIO(content), **options) as hdus:
        hdus[-1].header.update(cards)
        file = BytesIO()
        hdus.writeto(file)
    return file.getvalue()


# Integers of 64 bits are never compressed.
COMPRESSED = [
    (kind, compression, blank)
    for kind in STORED
    if not kind.endswith("64")
    for compression in ("RICE_1", "GZIP_1", "GZIP_2")
    for blank in ("BLANK", "ZBLANK")
]


@pytest.mark.parametrize(
    ("kind", "compression", "blank"), [*[(kind, None, "BLANK") for kind in STORED], *COMPRESSED]
)
def test_blank_is_not_known_for_every_type_of_integers(kind, compression, blank):
    counts = read_fits(stored(kind, blank, compression)).counts[::-1, :, 0]
    expected = np.arange(10, 30, dtype=np.float32).reshape(4, 5)
    expected = expected * (0.5 if kind == "scaled" else 1) + np.float32(STORED[kind][1])
    expected[[0, 2], [3, 0]] = 0 if kind == "uint8" else np.nan
    np.testing.assert_array_equal(counts, expected)


def test_blank_may_be_0_and_is_no_number_of_floats():
    zero = read_fits(image(RAMP.astype(np.int16), blank=0)).counts[-1, :2, 0]
    np.testing.assert_array_equal(zero, [np.nan, 1])
    floats = read_fits(image(RAMP, blank=3)).counts
    assert np.isfinite(floats).all()


def test_what_is_not_known_of_compressed_floats_is_not_known():
    noise = np.random.default_rng(0).normal(50, 3, (20, 20)).astype(np.float32)
    noise[4, 5:9] = np.nan
    for options in ({"quantize_method": 1}, {"quantize_method": 2}, {"quantize_level": 0.0}):
        kind = "GZIP_1" if "quantize_level" in options else "RICE_1"
        hdu = fits.CompImageHDU(noise, compression_type=kind, **options)
        counts = read_fits(written(fits.PrimaryHDU(), hdu)).counts[::-1, :, 0]
        np.testing.assert_array_equal(np.isnan(counts), np.isnan(noise))
        np.testing.assert_allclose(counts, noise, atol=1)


def test_an_image_that_is_all_blank_is_not_known():
    assert np.isnan(read_fits(image(np.full((4, 5), 7, np.int16), blank=7)).counts).all()
    # Bytes have no number for what is not known.
    content = image(np.full((4, 5), 7, np.uint8), blank=7)
    assert refusal(content) == "all of its pixels are BLANK"


def test_negative_and_missing_counts_stay_as_they_are():
    data = np.array([[-5.5, np.nan], [np.inf, 1e300]])
    np.testing.assert_array_equal(
        read_fits(image(data)).counts[..., 0], [[np.inf, np.inf], [-5.5, np.nan]]
    )


def test_the_first_row_of_the_file_is_at_the_bottom():
    # As ds9 and every other viewer of the field show it.
    counts = read_fits(image(RAMP)).counts
    assert counts[-1, 0, 0] == 0
    assert counts[0, -1, 0] == 19


def test_the_third_axis_of_a_cube_is_its_bands():
    cube = np.arange(5 * 6 * 7, dtype=np.float32).reshape(5, 6, 7)
    np.testing.assert_array_equal(read_fits(image(cube)).counts, np.moveaxis(cube, 0, 2)[::-1])


@pytest.mark.parametrize("shape", [(1, 6, 7), (1, 1, 6, 7), (6, 1, 7), (6, 7)])
def test_axes_of_length_one_do_not_count(shape):
    assert read_fits(image(np.zeros(shape))).counts.shape == (6, 7, 1)


def test_colours_in_the_first_axis_are_red_first_and_given_as_those_of_a_cube():
    colours = np.zeros((6, 7, 4), np.uint8) + np.array([10, 20, 30, 255], np.uint8)
    assert read_fits(image(colours)).counts[0, 0].tolist() == [30, 20, 10]
    assert read_fits(image(colours[..., :3])).counts.shape == (6, 7, 3)


@pytest.mark.parametrize("kind", ["GZIP_1", "GZIP_2", "RICE_1"])
def test_compressed_images_are_read(kind):
    data = np.arange(400, dtype=np.int16).reshape(20, 20)
    hdu = fits.CompImageHDU(data, compression_type=kind)
    counts = read_fits(written(fits.PrimaryHDU(), hdu)).counts
    np.testing.assert_array_equal(counts[..., 0], data[::-1])


def test_gzipped_files_are_read():
    content = gzip.compress(image(RAMP))
    assert is_fits(content)
    np.testing.assert_array_equal(read_fits(content).counts[..., 0], RAMP[::-1])


def test_the_science_image_is_read_whatever_the_order():
    science = fits.ImageHDU(RAMP, name="sci")
    weight = fits.CompImageHDU(np.ones((3, 8, 9), np.float32), name="WHT")
    error, vector = fits.ImageHDU(RAMP + 1, name="ERR"), fits.ImageHDU(np.zeros(9))
    content = written(fits.PrimaryHDU(), TABLE, weight, error, vector, science)
    np.testing.assert_array_equal(read_fits(content).counts[..., 0], RAMP[::-1])
    np.testing.assert_array_equal(read_fits(content, "err").counts[..., 0], RAMP[::-1] + 1)
    assert read_fits(content, "WHT").counts.shape == (8, 9, 3)
    assert refusal(content, "DQ") == (
        "no image DQ among HDU 0 PRIMARY (empty), HDU 1 (no name) (a table), "
        "HDU 2 WHT (9x8x3) and 3 more"
    )
    masks = written(fits.PrimaryHDU(), fits.ImageHDU(RAMP, name="MASK_1"))
    assert refusal(masks) == "its only images are HDU 1 MASK_1 (5x4); :hdu=MASK_1 reads MASK_1"


def test_of_images_of_one_name_the_first_version_is_read():
    chips = [fits.ImageHDU(RAMP + each, name="SCI", ver=each) for each in (2, 1)]
    assert read_fits(written(fits.PrimaryHDU(), *chips)).counts[-1, 0, 0] == 1


def test_an_image_is_called_alike_when_it_is_compressed():
    mask = fits.ImageHDU(RAMP, name="MASK")
    packed = fits.CompImageHDU(RAMP.astype(np.int16), compression_type="GZIP_1")
    packed.header["EXTNAME"] = "COMPRESSED_IMAGE"  # as fpack calls it
    files = [written(fits.PrimaryHDU(RAMP), mask), written(fits.PrimaryHDU(), packed, mask)]
    assert common_image(list(map(list_parts, files))) == "PRIMARY"
    for content in files:
        np.testing.assert_array_equal(read_fits(content, "PRIMARY").counts[..., 0], RAMP[::-1])


@pytest.mark.parametrize("kind", ["HCOMPRESS_1", "PLIO_1"])
def test_compression_whose_decoder_damage_can_crash_and_that_of_masks_is_refused(kind):
    data = np.arange(400, dtype=np.int16).reshape(20, 20)
    content = written(fits.PrimaryHDU(), fits.CompImageHDU(data, compression_type=kind))
    said = f"compressed by {kind}; only RICE and GZIP are read (use funpack)"
    assert refusal(content) == said


def test_settings_of_compression_that_decoders_do_not_check_are_refused():
    noise = np.random.default_rng(0).normal(0, 1, (20, 20)).astype(np.float32)
    content = written(fits.PrimaryHDU(), fits.CompImageHDU(noise, quantize_method=1))
    assert read_fits(content).counts.shape == (20, 20, 1)
    for card, name in (("zval1", "BLOCKSIZE"), ("zval2", "BYTEPIX"), ("zdither0", "ZDITHER0")):
        damaged = claiming(content, **{card: -900})
        assert refusal(damaged) == f"compressed with {name} -900, which cannot be"


# Where it is


def test_the_position_is_that_of_the_middle():
    content = image(RAMP, **wcs("RA---TAN", "DEC--TAN", centre=(150.0, 0.0)))
    ra, dec, width = read_fits(content).position
    assert width == pytest.approx(3.6)
    # The middle is one pixel right of the second column and 1.5 above the first row.
    assert ra == pytest.approx(149.999, abs=1e-6)
    assert dec == pytest.approx(0.0015, abs=1e-6)


def test_a_cube_of_other_axes_has_a_position_too():
    axes = ("RA---TAN", "DEC--TAN", "FREQ")
    content = image(np.zeros((2, 4, 5)), **wcs(*axes, centre=(150.0, 0.0)))
    assert read_fits(content).position == pytest.approx((149.999, 0.0015, 3.6), abs=1e-6)


def test_declination_may_be_the_first_axis():
    axes = wcs("DEC--TAN", "RA---TAN", centre=(0.0, 150.0), cdelt1=1e-3, cdelt2=-1e-3)
    assert read_fits(image(RAMP, **axes)).position == pytest.approx(
        (149.9985, 0.001, 3.6), abs=1e-6
    )


def test_positions_are_turned_to_icrs():
    place = SkyCoord(10.0, 41.0, unit="deg")
    galactic = wcs("GLON-TAN", "GLAT-TAN", centre=(place.galactic.l.deg, place.galactic.b.deg))
    ra, dec, _ = read_fits(image(np.zeros((1, 3)), **galactic)).position
    assert SkyCoord(ra, dec, unit="deg").separation(place).arcsec < 0.01


@pytest.mark.parametrize(
    "cards",
    [
        {},
        {"ctype1": "LINEAR", "ctype2": "LINEAR"},
        {"ctype1": "RA---TAN"},
        {"ctype1": "RA---XXX", "ctype2": "DEC--XXX", "crval1": 1.0},
        {"ctype1": "RA---TAN", "ctype2": "DEC--TAN", "cdelt1": 0.0, "cdelt2": 0.0},
        {"ctype1": "RA---TAN", "ctype2": "DEC--TAN", "crval2": 1e300},
        {"ctype1": 5, "ctype2": True},
    ],
)
def test_without_sensible_coordinates_there_is_no_position(cards):
    assert read_fits(image(RAMP, **cards)).position is None


# What is refused


def test_what_holds_no_image_says_what_it_holds():
    assert refusal(written(fits.PrimaryHDU(), TABLE)) == (
        "no image of two or three axes among HDU 0 PRIMARY (empty), HDU 1 (no name) (a table)"
    )
    assert refusal(image(np.zeros((2, 3, 4, 5)))).endswith("among HDU 0 PRIMARY (5x4x3x2)")
    assert refusal(image(np.zeros(7))).endswith("among HDU 0 PRIMARY (7)")


def test_what_is_no_fits_file_says_so():
    assert refusal(b"GIF89a") == "not a FITS file"
    assert refusal(gzip.compress(b"id,image,label\n")) == "not a FITS file"


def test_headers_that_claim_too_much_are_refused_before_memory_is_taken():
    said = "100000x100000 counts, more than 50 million"
    assert refusal(claiming(image(RAMP), naxis1=100_000, naxis2=100_000)) == said
    packed = written(fits.PrimaryHDU(), fits.CompImageHDU(RAMP))
    assert refusal(claiming(packed, znaxis1=100_000, znaxis2=100_000)) == said
    side = int(MOST_COUNTS**0.5)
    with pytest.raises(TypeError, match="buffer is too small"):
        read_fits(claiming(image(RAMP), naxis1=side, naxis2=side))


def test_a_gzip_bomb_is_stopped(monkeypatch):
    monkeypatch.setattr("hubblefork.sky.fits._MOST_BYTES", 1_000_000)
    bomb = gzip.compress(image(RAMP) + bytes(2_000_000))
    assert refusal(bomb) == "more than 1 MB when unpacked"
