import gzip
from functools import cache

import numpy as np
import pytest
from astropy import units
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import Cutout2D
from astropy.wcs import WCS
from hypothesis import given, settings
from hypothesis import strategies as st

from hubblefork.core.errors import RequestError
from hubblefork.core.tries import TransientFailure
from hubblefork.data.images.cutouts import read_cutouts
from hubblefork.data.images.decoded import UnreadableImage
from hubblefork.data.images.framing import Framing
from hubblefork.data.images.multiband import frame_counts
from hubblefork.sky.fits_regions import OPEN_IMAGES
from hubblefork.sky.mosaics import Mosaics
from hubblefork.sky.simulation.simulate import simulate

SCALE = 0.4
FRAMING = Framing(size=32)


def header(ra, dec, shape, turned=0.0):
    """A TAN header whose reference point is the middle of an image of this shape."""
    sky = WCS(naxis=2)
    sky.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    sky.wcs.crval = [ra, dec]
    sky.wcs.crpix = [(shape[1] + 1) / 2, (shape[0] + 1) / 2]
    angle = np.radians(turned)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    sky.wcs.cd = turn @ np.diag([-SCALE, SCALE]) / 3600
    return sky.to_header()


def cut(mosaics, ra, dec, size=None, framing=FRAMING):
    ra, dec = np.atleast_1d(ra).astype(float), np.atleast_1d(dec).astype(float)
    return read_cutouts(mosaics, mosaics.locate(ra, dec), ra, dec, size, framing)


def reason(mosaics, ra, dec, size=12.8):
    (image,) = cut(mosaics, ra, dec, size)
    assert isinstance(image, UnreadableImage)
    assert "\n" not in image.reason
    return image.reason


@pytest.fixture(scope="module")
def galaxies():
    """(24, 48, 48, 3) counts of simulated galaxies, blue first."""
    return simulate(24, seed=3).render(range(24), size=48)[..., ::-1].astype(np.float32)


def sky_with(galaxies, shape, seed):
    """Counts (H, W, 3) of a noisy sky with galaxies at random places, blue first."""
    random = np.random.default_rng(seed)
    counts = random.normal(0, 2, (*shape, 3)).astype(np.float32)
    for galaxy in galaxies[random.integers(0, len(galaxies), 60)]:
        y, x = (random.integers(0, side - 48) for side in shape)
        counts[y : y + 48, x : x + 48] += galaxy
    return counts


# Of the survey: a pole, across the meridian, and two that overlap.
TILES = {
    "pole": (40.0, 89.99, 12.0),
    "zero": (0.005, -30.0, 0.0),
    "west": (150.0, 2.0, 45.0),
    "east": (150.03, 2.0, 200.0),
}
SHAPE = (360, 420)


@pytest.fixture(scope="module")
def survey(tmp_path_factory, galaxies):
    """Four tiles of three bands, with a file per band."""
    folder = tmp_path_factory.mktemp("survey")
    for seed, (name, (ra, dec, turned)) in enumerate(TILES.items()):
        counts = sky_with(galaxies, SHAPE, seed)
        for band, plane in zip("gri", np.moveaxis(counts, 2, 0), strict=True):
            head = header(ra, dec, SHAPE, turned)
            fits.writeto(folder / f"{name}_{band}.fits", plane, head)
    return folder


@cache
def opened_by_hand(path):
    with fits.open(path) as hdus:
        padded = np.pad(hdus[0].data.astype(np.float32), 60, constant_values=np.nan)
        return padded, WCS(hdus[0].header)


def by_hand(path, ra, dec, side):
    """The pixels of one band as one would cut them in a notebook, NaN outside."""
    padded, sky = opened_by_hand(path)
    x, y = sky.all_world2pix(ra, dec, 0)
    left, bottom = int(np.ceil(x - side / 2)) + 60, int(np.ceil(y - side / 2)) + 60
    return padded[bottom : bottom + side, left : left + side][::-1]


def test_500_cutouts_are_the_same_pixels_as_cut_by_hand(survey):
    mosaics = Mosaics.open(f"{survey}:bands=g,r,i")
    random = np.random.default_rng(0)
    x, y = random.uniform(0, SHAPE[1] - 1, 500), random.uniform(0, SHAPE[0] - 1, 500)
    which = random.integers(0, 4, 500)
    ra, dec = np.transpose([
        np.ravel(mosaics.tiles[tile].positions(x[row : row + 1], y[row : row + 1]))
        for row, tile in enumerate(which)
    ])  # fmt: skip
    sides = random.integers(20, 60, 500)
    tiles = mosaics.locate(ra, dec)
    assert np.bincount(tiles).min() > 80
    OPEN_IMAGES.forget()
    images = read_cutouts(mosaics, tiles, ra, dec, sides * SCALE, FRAMING)
    assert OPEN_IMAGES.opened == 12  # four tiles of three files, though the rows are in any order
    crossing = 0
    for row, image in enumerate(images):
        files = mosaics.tiles[tiles[row]].files
        counts = np.dstack([by_hand(file, ra[row], dec[row], sides[row]) for file in files])
        crossing += np.isnan(counts).any()
        expected = frame_counts(counts, FRAMING, blue_first=True)
        np.testing.assert_array_equal(image.pixels, expected)
        assert (image.size, image.bands) == ((sides[row], sides[row]), 3)
    assert 50 < crossing < 250
    middles = SkyCoord([image.position[:2] for image in images], unit="deg")
    assert middles.separation(SkyCoord(ra, dec, unit="deg")).arcsec.max() < SCALE * 0.71
    assert [image.position[2] for image in images] == pytest.approx([SCALE] * 500)
    again = read_cutouts(mosaics, tiles, ra, dec, sides * SCALE, FRAMING)
    assert all((a.pixels == b.pixels).all() for a, b in zip(images, again, strict=True))
    assert OPEN_IMAGES.opened == 12


def test_the_pixels_are_those_of_cutout2d(survey):
    mosaics = Mosaics.open(f"{survey}/west_r.fits:size=11")
    with fits.open(survey / "west_r.fits") as hdus:
        data, sky = hdus[0].data, WCS(hdus[0].header)
        for ra, dec in ((150.0, 2.0), (150.0031, 1.997), (150.0, 2.024)):
            place = SkyCoord(ra, dec, unit="deg")
            other = Cutout2D(data, place, 11 * units.arcsec, sky, mode="partial", fill_value=np.nan)
            framing = Framing(channels=1)
            (image,) = cut(mosaics, ra, dec, framing=framing)
            expected = frame_counts(other.data[::-1, :, None], framing, blue_first=True)
            np.testing.assert_array_equal(image.pixels, expected)


def test_of_overlapping_tiles_the_one_where_it_lies_deepest_is_cut(survey):
    mosaics = Mosaics.open(f"{survey}:bands=g:edges=leave-out")
    names = [mosaics.tiles[tile].name for tile in mosaics.locate(
        np.array([150.012, 150.018]), np.array([2.0, 2.0]))]  # fmt: skip
    assert names == ["west_g.fits", "east_g.fits"]


# Bands


def test_bands_in_a_cube_and_in_files_are_the_same(survey, tmp_path):
    cubes = tmp_path / "cubes"
    cubes.mkdir()
    for name in TILES:
        planes = [fits.getdata(survey / f"{name}_{band}.fits") for band in "gri"]
        head = fits.getheader(survey / f"{name}_g.fits")
        fits.writeto(cubes / f"{name}.fits", np.array(planes), head)
    ra, dec = [150.001, 0.004, 150.02], [2.001, -30.003, 2.015]
    files = cut(Mosaics.open(f"{survey}:bands=g,r,i:size=12"), ra, dec)
    for one, other in zip(files, cut(Mosaics.open(f"{cubes}:size=12"), ra, dec), strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)
        assert (one.position, one.bands) == (other.position, other.bands)
    assert files[0].pixels.std() > 0


def test_colour_images_with_bands_last_are_cut_too(tmp_path, galaxies):
    colours = np.zeros((80, 90, 3), np.uint8)
    colours[20:68, 30:78] = galaxies[0][..., ::-1].astype(np.uint8)
    sky = WCS(naxis=3)
    sky.wcs.ctype = ["RGB", "RA---TAN", "DEC--TAN"]
    sky.wcs.crval, sky.wcs.crpix = [1, 10, 10], [1, 45.5, 40.5]
    sky.wcs.cdelt = [1, -SCALE / 3600, SCALE / 3600]
    fits.writeto(tmp_path / "a.fits", colours, sky.to_header())
    mosaics = Mosaics.open(f"{tmp_path}:size={12 * SCALE}")
    assert (mosaics.tiles[0].shape, mosaics.bands) == ((80, 90), 3)
    ra, dec = mosaics.tiles[0].positions(np.array([54.0]), np.array([44.0]))
    (image,) = cut(mosaics, ra, dec, framing=Framing())
    np.testing.assert_array_equal(image.pixels, colours[38:50, 48:60][::-1])


# Numbers as they are stored


@pytest.fixture(scope="module")
def plane(galaxies):
    return np.round(sky_with(galaxies, (200, 220), 9)[..., 1] + 100)


def equal_everywhere(one, other, size=20.0):
    """Cut-outs all over two tiles of the same pixels, also over the edges, are the same."""
    tile = one.tiles[0]
    random = np.random.default_rng(1)
    ra, dec = tile.positions(random.uniform(0, 219, 12), random.uniform(0, 199, 12))
    for a, b in zip(cut(one, ra, dec, size), cut(other, ra, dec, size), strict=True):
        np.testing.assert_array_equal(a.pixels, b.pixels)
        assert a.position == b.position


def test_scaled_integers_with_blank_are_the_counts_they_stand_for(tmp_path, plane):
    head = header(10, 10, plane.shape)
    known = plane.copy()
    known[50:90, 30:120] = np.nan
    fits.writeto(tmp_path / "floats.fits", known.astype(np.float32), head)
    stored = np.where(np.isnan(known), -99, known * 2 - 20).astype(np.int16)
    hdu = fits.PrimaryHDU(stored, head)
    hdu.header.update({"BLANK": -99})
    hdu.writeto(tmp_path / "integers.fits")
    content = (tmp_path / "integers.fits").read_bytes()
    cards = b"".join(card.ljust(80) for card in (b"BSCALE  =                  0.5",
                                                 b"BZERO   =                 10.0"))  # fmt: skip
    end = content.index(b"END" + b" " * 77)
    (tmp_path / "integers.fits").write_bytes(
        content[:end] + cards + content[end : end + 80] + content[end + 80 + len(cards) :]
    )
    integers = Mosaics.open(str(tmp_path / "integers.fits"))
    equal_everywhere(Mosaics.open(str(tmp_path / "floats.fits")), integers)
    ra, dec = integers.tiles[0].positions(np.array([70.0]), np.array([70.0]))
    assert reason(integers, ra, dec, 4.0) == "integers.fits: none of the pixels there is known"


@pytest.mark.parametrize("kind", ["RICE_1", "GZIP_2"])
def test_compressed_tiles_are_read_by_regions(tmp_path, plane, kind):
    head = header(10, 10, plane.shape)
    fits.writeto(tmp_path / "plain.fits", plane.astype(np.int32), head)
    for tiles in ((1, 220), (64, 50)):
        path = tmp_path / f"{tiles[0]}.fits.fz"
        packed = fits.CompImageHDU(plane.astype(np.int32), head, compression_type=kind,
                                   tile_shape=tiles)  # fmt: skip
        fits.HDUList([fits.PrimaryHDU(), packed]).writeto(path)
        equal_everywhere(Mosaics.open(str(tmp_path / "plain.fits")), Mosaics.open(str(path)))


def test_gzipped_tiles_are_read(tmp_path, plane):
    path = tmp_path / "plain.fits"
    fits.writeto(path, plane, header(10, 10, plane.shape))
    (tmp_path / "packed.fits.gz").write_bytes(gzip.compress(path.read_bytes()))
    equal_everywhere(Mosaics.open(str(path)), Mosaics.open(str(tmp_path / "packed.fits.gz")))


# Edges, and rows of which none is made


def test_edges_are_not_known_or_left_out(survey):
    place = f"{survey}/west_g.fits:size={40 * SCALE}"
    unknown, strict = Mosaics.open(place), Mosaics.open(f"{place}:edges=leave-out")
    x = np.array([20.3, 15.3, 0.3])
    ra, dec = unknown.tiles[0].positions(x, np.full(3, 100.0))
    images = cut(unknown, ra, dec, framing=Framing(channels=1))
    assert [int((image.pixels == 0).all(axis=(0, 2)).sum()) for image in images] == [0, 4, 19]
    inside, *left_out = cut(strict, ra, dec, framing=Framing(channels=1))
    np.testing.assert_array_equal(inside.pixels, images[0].pixels)
    assert [each.reason for each in left_out] == [
        "west_g.fits: the cut-out crosses its edge: 36x40 of 40x40 pixels are in it",
        "west_g.fits: the cut-out crosses its edge: 21x40 of 40x40 pixels are in it",
    ]


def test_each_row_that_cannot_be_cut_has_its_reason_in_its_place(survey):
    mosaics = Mosaics.open(f"{survey}/west_g.fits")
    rows = [
        (150.0, 2.0, 10.0, None),
        (np.nan, 2.0, 10.0, "its position is missing or not finite (ra nan, dec 2)"),
        (150.0, np.inf, 10.0, "its position is missing or not finite (ra 150, dec inf)"),
        (-10.0, 2.0, 10.0, "ra -10, dec 2 is not a position; expected 0 to 360 and -90 to 90"),
        (150.0, 90.5, 10.0, "ra 150, dec 90.5 is not a position; expected 0 to 360 and -90 to"),
        (150.0, 3.5, 10.0, "no mosaic holds its position; the centre of the nearest, west_g.fits, "
                           "is 1.5 degrees away"),
        (150.0, 2.0, np.nan, "the size of its cut-out is missing"),
        (150.0, 2.0, 0.0, "the size of its cut-out is 0 arcsec; expected a number above 0"),
        (150.0, 2.0, np.inf, "the size of its cut-out is inf arcsec; expected a number above 0"),
        (150.0, 2.0, 4000.0, "a cut-out of 4000 arcsec has 10000x10000 pixels, in all bands more "
                             "than 50 million counts"),
        (150.0, 2.0, 0.01, None),
    ]  # fmt: skip
    ra, dec, size, reasons = map(list, zip(*rows, strict=True))
    images = cut(mosaics, ra, dec, size)
    for image, expected in zip(images, reasons, strict=True):
        if expected is None:
            assert image.pixels.shape == (32, 32, 3)
        else:
            assert image.reason.startswith(expected)
    assert images[-1].size == (1, 1)
    masked = np.ma.masked_array([150.0, 150.0], [False, True])
    assert "missing" in read_cutouts(mosaics, [0, 0], masked, [2, 2], 10, FRAMING)[1].reason
    with pytest.raises(RequestError, match=r"no size: add :size=ARCSEC"):
        cut(mosaics, 150.0, 2.0)


def test_a_tile_that_cannot_be_read_is_the_reason_of_its_rows_only(tmp_path, survey):
    for number, name in enumerate(("west", "zero", "pole")):
        (tmp_path / f"{number}.fits").write_bytes((survey / f"{name}_g.fits").read_bytes())
    mosaics = Mosaics.open(f"{tmp_path}:size=10")
    ra, dec = np.array([tile.centre for tile in mosaics.tiles]).T
    content = (tmp_path / "1.fits").read_bytes()
    OPEN_IMAGES.forget()
    (tmp_path / "0.fits").unlink()
    (tmp_path / "1.fits").write_bytes(content[: len(content) // 2])
    gone, damaged, fine = cut(mosaics, ra, dec)
    assert gone.reason == "0.fits: cannot be read (No such file or directory)"
    assert damaged.reason.startswith("1.fits: damaged or incomplete")
    assert fine.size == (25, 25)
    (tmp_path / "1.fits").write_bytes((survey / "west_r.fits").read_bytes())
    (tmp_path / "2.fits").unlink()
    (tmp_path / "2.fits").mkdir()
    _, other, folder = cut(mosaics, ra, dec)
    assert other.reason == (
        "1.fits: it has other pixels or coordinates than when the mosaics were opened"
    )
    assert folder.reason == "2.fits: a directory, not a file"


def test_trouble_of_the_machine_is_no_reason_to_leave_a_row_out(survey, monkeypatch):
    """With no file left to open, the whole call fails, and works when there are some again."""
    resource = pytest.importorskip("resource")
    monkeypatch.setattr("hubblefork.core.tries.WAITS", (0, 0))
    mosaics = Mosaics.open(f"{survey}/west_g.fits:size=10")
    before = cut(mosaics, 150.0, 2.0)[0].pixels
    OPEN_IMAGES.forget()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(TransientFailure, match=r"west_g.fits: Too many open files; try again"):
            cut(mosaics, 150.0, 2.0)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    np.testing.assert_array_equal(cut(mosaics, 150.0, 2.0)[0].pixels, before)


# Whatever the position


@settings(max_examples=25)
@given(
    ra=st.floats(0, 360),
    dec=st.floats(-90, 90),
    turned=st.floats(0, 360),
    x=st.floats(-0.49, 69.49).filter(lambda x: abs(x % 1 - 0.5) > 1e-3),  # its nearest is plain
    y=st.floats(-0.49, 49.49).filter(lambda y: abs(y % 1 - 0.5) > 1e-3),
    side=st.integers(1, 31),
)
def test_a_point_source_is_in_the_middle_of_its_cutout(
    tmp_path_factory, ra, dec, turned, x, y, side
):
    folder = tmp_path_factory.mktemp("point")
    data = np.zeros((50, 70), np.float32)
    data[round(y), round(x)] = 1000
    fits.writeto(folder / "a.fits", data, header(ra, dec, data.shape, turned))
    mosaics = Mosaics.open(f"{folder}:size={side * SCALE}")
    (image,) = cut(
        mosaics,
        *mosaics.tiles[0].positions(np.array([x]), np.array([y])),
        framing=Framing(channels=1),
    )
    row, column = np.unravel_index(image.pixels[..., 0].argmax(), image.pixels.shape[:2])
    # The middle, or one of the four pixels about it in a square of an even side.
    middle = (side - 1) / 2
    assert abs(row - middle) <= 0.5
    assert abs(column - middle) <= 0.5
