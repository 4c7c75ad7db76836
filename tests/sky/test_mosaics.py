import json
import pickle
import shutil

import numpy as np
import pandas as pd
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS
from hypothesis import given, settings
from hypothesis import strategies as st

from hubblefork.core.errors import RequestError
from hubblefork.sky.mosaics import Mosaics

WIDTH, HEIGHT, SCALE = 60, 40, 2.0


def header(ra=150.0, dec=2.0, turned=0.0, scale=SCALE, **cards):
    """A TAN header whose reference point is the middle of WIDTH x HEIGHT pixels."""
    sky = WCS(naxis=2)
    sky.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    sky.wcs.crval = [ra, dec]
    sky.wcs.crpix = [(WIDTH + 1) / 2, (HEIGHT + 1) / 2]
    angle = np.radians(turned)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    sky.wcs.cd = turn @ np.diag([-scale, scale]) / 3600
    head = sky.to_header()
    head.update(cards)
    return head


def write(path, head, data=None):
    path.parent.mkdir(exist_ok=True, parents=True)
    fits.writeto(path, np.zeros((HEIGHT, WIDTH), np.float32) if data is None else data, head)
    return path


def refusal(text):
    with pytest.raises(RequestError) as caught:
        Mosaics.open(str(text))
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.fixture
def row_of_tiles(tmp_path):
    """Three tiles beside one another along RA, around 0, that overlap by a few pixels."""
    for number, ra in enumerate((359.97, 0.0, 0.03)):
        write(tmp_path / f"tile{number}.fits", header(ra, 0.0))
    return tmp_path


# What is a tile


def test_a_folder_a_file_and_tables_are_the_same_tiles(row_of_tiles, tmp_path):
    whole = Mosaics.open(f"{row_of_tiles}:size=25.6:edges=leave-out")
    assert [tile.name for tile in whole.tiles] == ["tile0.fits", "tile1.fits", "tile2.fits"]
    assert (whole.size, whole.edges, whole.hdu, whole.bands) == (25.6, "leave-out", None, 1)
    assert whole.tiles[0].shape == (HEIGHT, WIDTH)
    assert whole.tiles[0].scale == pytest.approx(SCALE)
    assert whole.tiles[0].centre == pytest.approx((359.97, 0))
    assert Mosaics.open(str(row_of_tiles / "tile1.fits")).tiles == whole.tiles[1:2]
    names = pd.DataFrame({"image": ["tile2.fits", str(row_of_tiles / "tile0.fits")]})
    names.to_csv(row_of_tiles / "tiles.csv", index=False)
    names.to_parquet(row_of_tiles / "tiles.parquet")
    kinds = {"list.fits": "fits", "tiles.ecsv": "ascii.ecsv", "tiles.vot": "votable"}
    for name, kind in kinds.items():
        Table.from_pandas(names).write(row_of_tiles / name, format=kind)
    for name in ("tiles.csv", "tiles.parquet", *kinds):
        assert Mosaics.open(str(row_of_tiles / name)).tiles == whole.tiles[::-2], name


def test_it_is_sent_as_json_and_to_processes(row_of_tiles):
    mosaics = Mosaics.open(f"{row_of_tiles}:size=25.6")
    assert Mosaics.from_json(json.loads(json.dumps(mosaics.to_json()))) == mosaics
    assert pickle.loads(pickle.dumps(mosaics)) == mosaics
    assert len(pickle.dumps(mosaics)) < 3000


def test_files_that_differ_in_the_word_of_the_band_are_one_tile(tmp_path):
    for number, mark in enumerate("_-."):
        for band in "grz":
            write(tmp_path / f"a/tile{number}{mark}{band}.fits", header(150 + number))
    write(tmp_path / "a/tile0_y.fits", header(150))  # a band that is not asked for
    write(tmp_path / "a/notes.txt", header())
    mosaics = Mosaics.open(f"{tmp_path}:bands=g,z")
    assert mosaics.bands == 2
    assert sorted([file.rsplit("/", 1)[1] for file in tile.files] for tile in mosaics.tiles) == [
        ["tile0_g.fits", "tile0_z.fits"],
        ["tile1-g.fits", "tile1-z.fits"],
        ["tile2.g.fits", "tile2.z.fits"],
    ]
    table = pd.DataFrame({"image_z": ["a/tile1-z.fits"], "image_g": ["a/tile1-g.fits"]})
    table.to_csv(tmp_path / "tiles.csv", index=False)
    assert Mosaics.open(f"{tmp_path}/tiles.csv:bands=g,z").tiles[0].files == (
        str(tmp_path / "a/tile1-g.fits"),
        str(tmp_path / "a/tile1-z.fits"),
    )
    assert Mosaics.open(f"{tmp_path}/tiles.csv").tiles[0].files[0].endswith("tile1-z.fits")


def test_bands_may_differ_by_a_hundredth_of_a_pixel(tmp_path):
    write(tmp_path / "t_g.fits", header())
    write(tmp_path / "t_r.fits", header(ra=150 + 0.009 * SCALE / 3600))
    assert Mosaics.open(f"{tmp_path}:bands=g,r").bands == 2
    write(tmp_path / "t_z.fits", header(ra=150 + 0.02 * SCALE / 3600))
    assert refusal(f"{tmp_path}:bands=g,z") == (
        f"{tmp_path}/t_z.fits is 0.02 pixels away from {tmp_path}/t_g.fits: bands of a tile need "
        "the same pixels; resample them, or use fewer bands"
    )
    write(tmp_path / "t_y.fits", header(), np.zeros((HEIGHT, WIDTH + 1)))
    assert f"t_y.fits has {WIDTH + 1}x{HEIGHT} pixels" in refusal(f"{tmp_path}:bands=g,y")
    write(tmp_path / "t_u.fits", header(), np.zeros((2, HEIGHT, WIDTH)))
    assert "t_u.fits has 2 bands" in refusal(f"{tmp_path}:bands=g,u")


def test_the_science_image_is_taken_unless_another_is_asked_for(tmp_path):
    science, weight = header(150), header(200)
    hdus = [fits.PrimaryHDU(), fits.ImageHDU(np.ones((5, 6)), weight, name="WHT"),
            fits.ImageHDU(np.ones((7, 8)), science, name="SCI")]  # fmt: skip
    fits.HDUList(hdus).writeto(tmp_path / "a.fits")
    found = Mosaics.open(str(tmp_path))
    assert (found.hdu, found.tiles[0].shape) == ("SCI", (7, 8))
    for other in (Mosaics.open(f"{tmp_path}:hdu=wht"), Mosaics.open(str(tmp_path), hdu="WHT")):
        assert (other.hdu, other.tiles[0].shape) == ("WHT", (5, 6))
    assert "no image DQ among" in refusal(f"{tmp_path}:hdu=DQ")


def test_cubes_have_the_coordinates_of_their_rows_and_columns(tmp_path):
    cube = header(CTYPE3="FREQ", CRVAL3=1.0, CDELT3=1.0, CRPIX3=1.0)
    write(tmp_path / "cube.fits", cube, np.zeros((5, HEIGHT, WIDTH)))
    tile = Mosaics.open(str(tmp_path)).tiles[0]
    assert (tile.shape, tile.bands) == ((HEIGHT, WIDTH), 5)
    assert tile.centre == pytest.approx((150, 2))


# Mistakes, each in one line


def test_requests_that_make_no_sense_are_told(row_of_tiles, tmp_path):
    there = str(row_of_tiles)
    assert "no such file or folder" in refusal(tmp_path / "gone")
    assert "size=no; expected" in refusal(f"{there}:size=no")
    assert "size=-1; expected" in refusal(f"{there}:size=-1")
    assert "expected edges=unknown or edges=leave-out" in refusal(f"{there}:edges=wrap")
    assert "expected different words" in refusal(f"{there}:bands=g,g")
    assert "no option 'siz'" in refusal(f"{there}:siz=3")
    assert "no file in" in refusal(f"{there}:bands=g,r")
    assert "is one file; bands= is for" in refusal(f"{there}/tile0.fits:bands=g,r")
    (tmp_path / "notes.md").touch()
    assert "notes.md: expected a folder of FITS mosaics" in refusal(tmp_path / "notes.md")
    (tmp_path / "empty").mkdir()
    assert "no FITS files are in" in refusal(tmp_path / "empty")
    pd.DataFrame({"name": ["tile0.fits"]}).to_csv(tmp_path / "t.csv", index=False)
    assert "t.csv has no column image or image_BAND; its columns are name" in refusal(
        tmp_path / "t.csv"
    )
    pd.DataFrame({"image": ["tile0.fits", ""]}).to_csv(tmp_path / "u.csv", index=False)
    assert "u.csv: row 2 has no image" in refusal(tmp_path / "u.csv")
    pd.DataFrame({"image": ["gone.fits"]}).to_csv(tmp_path / "v.csv", index=False)
    assert "gone.fits cannot be read: No such file" in refusal(tmp_path / "v.csv")
    pd.DataFrame({"image": ["s3://a/b.fits"]}).to_csv(tmp_path / "x.csv", index=False)
    assert "row 1: s3://a/b.fits is a URL; download mosaics first" in refusal(tmp_path / "x.csv")
    (tmp_path / "w.parquet").write_bytes(b"none")
    assert "w.parquet cannot be read" in refusal(tmp_path / "w.parquet")


def test_files_that_are_no_tiles_are_named(tmp_path):
    plain = write(tmp_path / "plain" / "a.fits", fits.Header())
    assert refusal(plain) == f"{plain}: its header has no celestial coordinates (WCS)"
    cut = write(tmp_path / "cut" / "a.fits", header())
    cut.write_bytes(cut.read_bytes()[:1000])
    assert "a.fits" in refusal(cut)
    text = tmp_path / "text" / "a.fits"
    text.parent.mkdir()
    text.write_text("no FITS")
    assert "a.fits: not a FITS file" in refusal(text.parent)
    flat = WCS(naxis=2)
    flat.wcs.ctype, flat.wcs.cdelt = ["RA---CAR", "DEC--CAR"], [-5, 5]
    flat.wcs.crpix = [36.5, 18.5]
    whole = write(tmp_path / "whole" / "a.fits", flat.to_header(), np.zeros((36, 72)))
    assert "cut-outs of a size in arcsec need equal pixels" in refusal(whole)


def test_two_tiles_of_the_same_pixels_are_refused_as_one_may_be_of_weights(tmp_path):
    write(tmp_path / "a.fits", header())
    write(tmp_path / "a_weight.fits", header())
    assert "a.fits and" in refusal(tmp_path)
    assert "have the same pixels" in refusal(tmp_path)
    write(tmp_path / "b.fits", header(151), np.zeros((3, HEIGHT, WIDTH)))
    (tmp_path / "a_weight.fits").unlink()
    assert "tiles need the same bands" in refusal(tmp_path)


def test_a_tile_without_a_band_is_named(tmp_path):
    for name in ("a_g", "a_r", "b_g"):
        write(tmp_path / f"{name}.fits", header())
    assert "b_g.fits has no file beside it for the band r" in refusal(f"{tmp_path}:bands=g,r")
    shutil.copy(tmp_path / "a_g.fits", tmp_path / "a-g.fits")
    assert "are the same band of one tile" in refusal(f"{tmp_path}:bands=g,r")
    write(tmp_path / "odd" / "r_g.fits", header())
    assert "r, g could each be its band" in refusal(f"{tmp_path / 'odd'}:bands=g,r")


# Which tile holds a position


def test_positions_are_in_the_tile_where_they_are_deepest(row_of_tiles):
    mosaics = Mosaics.open(str(row_of_tiles))
    ra = np.array([359.96, 359.984, 359.986, 0.0, 0.014, 0.016, 0.04, 0.3])
    np.testing.assert_array_equal(mosaics.locate(ra, np.zeros(8)), [0, 0, 1, 1, 1, 2, 2, -1])
    assert mosaics.locate(ra, np.zeros(8)).dtype == np.int32
    # Its own middle, just in, just out, above, on the other side of the sky, and no positions.
    ra = np.array([0.03, 0.0463, 0.0475, 0.0, 180.0, np.nan, -1.0, 361.0, 0.0, 0.0])
    dec = np.array([0, 0, 0, 0.0114, 0, 0, 0, 0, np.nan, 91])
    np.testing.assert_array_equal(mosaics.locate(ra, dec), [2, 2, -1, -1, -1, -1, -1, -1, -1, -1])
    assert len(mosaics.locate(np.array([]), np.array([]))) == 0
    tile, arcsec = mosaics.nearest(np.array([0.1]), np.array([0.0]))
    assert tile[0] == 2
    assert arcsec[0] == pytest.approx(0.07 * 3600)


@pytest.mark.parametrize("place", [(0.0, 89.999), (123.0, -90.0), (0.0, 0.0), (359.999, 45.0)])
def test_each_pixel_is_in_its_tile_at_poles_and_across_the_meridian(tmp_path, place):
    write(tmp_path / "a.fits", header(*place, turned=30))
    mosaics = Mosaics.open(str(tmp_path))
    x, y = (axis.ravel() for axis in np.meshgrid([-0.49, 7, WIDTH - 0.51], [-0.49, HEIGHT - 0.51]))
    ra, dec = mosaics.tiles[0].positions(x, y)
    assert (mosaics.locate(ra, dec) == 0).all()
    np.testing.assert_allclose(mosaics.tiles[0].pixels(ra, dec), [x, y], atol=1e-6)
    ra, dec = mosaics.tiles[0].positions(np.array([-0.51, 7, WIDTH - 0.49]), np.full(3, -0.51))
    assert (mosaics.locate(ra, dec) == -1).all()


def test_frames_other_than_icrs_are_turned(tmp_path):
    galactic = SkyCoord(150, 2, unit="deg").galactic
    head = header(galactic.l.deg, galactic.b.deg)
    head["CTYPE1"], head["CTYPE2"] = "GLON-TAN", "GLAT-TAN"
    del head["RADESYS"]
    old = SkyCoord(151, 2, unit="deg").transform_to("fk4")
    swapped = header(CTYPE1="DEC--TAN", CTYPE2="RA---TAN", CRVAL1=2.0, CRVAL2=152.0, LATPOLE=2.0)
    write(tmp_path / "a.fits", head)
    write(tmp_path / "b.fits", header(old.ra.deg, old.dec.deg, RADESYS="FK4", EQUINOX=1950.0))
    (tmp_path / "c").mkdir()
    write(tmp_path / "c" / "d.fits", swapped)
    mosaics = Mosaics.open(str(tmp_path))
    ra, dec = np.array([150.0, 151.0, 152.0]), np.full(3, 2.0)
    assert mosaics.locate(ra, dec).tolist() == [0, 1, 2]
    for tile, *place in zip(mosaics.tiles, ra, dec, strict=True):
        middle = [(WIDTH - 1) / 2], [(HEIGHT - 1) / 2]
        np.testing.assert_allclose(tile.pixels(*np.array(place)[:, None]), middle, atol=1e-3)
        np.testing.assert_allclose(tile.positions(*map(np.array, middle)), np.array(place)[:, None])
        assert tile.centre == pytest.approx(tuple(place))


def test_distortions_by_polynomials_are_kept(tmp_path):
    head = header()
    head["CTYPE1"], head["CTYPE2"] = "RA---TAN-SIP", "DEC--TAN-SIP"
    head.update({"A_ORDER": 2, "B_ORDER": 2, "A_2_0": 1e-3, "B_0_2": -2e-3})
    path = write(tmp_path / "a.fits", head)
    tile = Mosaics.open(str(path)).tiles[0]
    x, y = np.array([0.0, 50, 20]), np.array([3.0, 3, 30])
    expected = WCS(fits.getheader(path)).all_pix2world(x, y, 0)
    np.testing.assert_allclose(tile.positions(x, y), expected, atol=1e-10)
    np.testing.assert_allclose(tile.pixels(*expected), [x, y], atol=1e-4)


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), dec=st.floats(-90, 90), turned=st.floats(0, 360))
def test_locating_agrees_with_a_look_at_every_tile(tmp_path_factory, seed, dec, turned):
    folder = tmp_path_factory.mktemp("tiles")
    random = np.random.default_rng(seed)
    for number in range(4):
        near = np.clip(dec + random.normal(0, 0.01), -90, 90)
        scale = random.uniform(1, 3)
        write(folder / f"{number}.fits", header(random.normal(0, 0.02) % 360, near, turned, scale))
    mosaics = Mosaics.open(str(folder))
    ra, near = random.normal(0, 0.03, 40) % 360, np.clip(dec + random.normal(0, 0.02, 40), -90, 90)
    depth = np.array([tile.depth(*tile.pixels(ra, near)) for tile in mosaics.tiles])
    expected = np.where(depth.max(axis=0) > 0, depth.argmax(axis=0), -1)
    np.testing.assert_array_equal(mosaics.locate(ra, near), expected)
