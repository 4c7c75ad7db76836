"""Rows that show the same object: by position (compared with astropy), name or near duplicates."""

import numpy as np
import pandas as pd
import pytest
from astropy import units
from astropy.coordinates import SkyCoord, search_around_sky
from astropy.io import fits
from astropy.wcs import WCS
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from hubblefork.core.errors import RequestError
from hubblefork.data.groups import TieRules, dataset_groups, find_groups
from hubblefork.data.packing import pack
from hubblefork.data.sources import open_source
from hubblefork.data.splits import make_split
from hubblefork.tasks.classes import Classes

# Where a catalogue wraps, and where right ascensions crowd.
_MIDDLES = [(150.0, 2.0), (0.0, -45.0), (359.999, 60.0), (20.0, 89.99), (200.0, -90.0)]


@settings(max_examples=20)
@given(
    st.sampled_from(_MIDDLES),
    st.integers(2, 60),
    st.integers(0, 2**32 - 1),
    st.sampled_from([2, 36]),
)
def test_positions_are_tied_as_astropy_ties_them(middle, number, seed, radius):
    random = np.random.default_rng(seed)
    around = SkyCoord(*middle, unit="deg")
    places = around.directional_offset_by(
        random.uniform(0, 360, number) * units.deg, random.uniform(0, 300, number) * units.arcsec
    )
    table = pd.DataFrame({"ra": places.ra.deg, "dec": places.dec.deg})
    found = find_groups(table, TieRules(sky_radius=radius))
    group = found.of_row
    first, second, _, _ = search_around_sky(places, places, radius * units.arcsec)
    graph = coo_array((np.ones(len(first)), (first, second)), shape=(number, number))
    expected = connected_components(graph, directed=False)[1]
    same = group[:, None] == group
    np.testing.assert_array_equal(same, expected[:, None] == expected)
    assert found.names == [f"sky positions within {radius} arcsec"]


# A deep field: 400 galaxies in 4.5 by 4.5 arcmin


def deep_field(number: int = 400) -> pd.DataFrame:
    random = np.random.default_rng(3)
    dec = 52.9 + random.uniform(-0.5, 0.5, number) * 4.5 / 60
    ra = 214.9 + random.uniform(-0.5, 0.5, number) * 4.5 / 60 / np.cos(np.radians(52.9))
    ids = [f"p{row:03d}" for row in range(number)]
    return pd.DataFrame({"id": ids, "label": np.arange(number) % 2, "ra": ra, "dec": dec})


def test_a_field_that_hangs_together_is_told_with_its_extent():
    found = find_groups(deep_field())
    assert found.of_row.max() == 0
    assert found.notes == (
        "sky positions within 36 arcsec tie 400 of 400 images into 1 group, which stay together in "
        "a split (the largest: 400 images, 5.97 arcmin across); --set split.sky_radius=1 sets a "
        "smaller distance, in arcsec, and 0 none",
    )


def test_a_class_in_one_group_is_refused_with_its_own_number_and_the_positions_as_reason():
    with pytest.raises(RequestError) as caught:
        make_split(deep_field(), Classes(("a", "b")))
    assert str(caught.value) == (
        "class 'a' has 200 images in 1 group, but a split into train, val and test needs 3; sky "
        "positions within 36 arcsec tie 200 of them together: --set split.sky_radius=1 sets a "
        "smaller distance, in arcsec, and 0 none"
    )


@pytest.mark.parametrize(("radius", "named"), [(0, False), (0.5, True)])
def test_the_radius_is_a_setting_and_0_turns_it_off(radius, named):
    table = deep_field()
    groups = find_groups(table, TieRules(sky_radius=radius))
    split = make_split(table, Classes(("a", "b")), groups=groups)
    assert split.counts() == {"train": 320, "val": 40, "test": 40}
    assert ("sky positions within 0.5 arcsec" in split.rule) is named


def test_the_default_radius_is_half_a_cutout_where_its_scale_is_known():
    table = deep_field().assign(pxscale=0.03, width=48, height=64)
    assert find_groups(table).names == ["sky positions within 0.72 arcsec"]
    # A header without a scale has a degree for each pixel.
    assert find_groups(table.assign(pxscale=3600.0)).names == ["sky positions within 36 arcsec"]


def test_one_position_of_most_images_is_that_of_a_mosaic():
    table = deep_field(30).assign(ra=150.1, dec=2.2)
    table.loc[[0, 1], ["ra", "dec"]] = (9.0, 9.0)
    found = find_groups(table)
    assert found.of_row.tolist() == [0, 0, *range(1, 29)]
    assert found.notes[0] == (
        "28 of 30 images have the same sky position (ra 150.10000, dec 2.20000), as cut-outs have "
        "that kept the header of the image they were cut from: it is not used to keep images "
        "together"
    )


def test_so_many_pairs_that_they_fill_the_memory_are_refused(monkeypatch):
    monkeypatch.setattr("hubblefork.data.sky_positions._MOST_PAIRS", 1000)
    with pytest.raises(RequestError, match="pairs of sky positions are within 36 arcsec, too many"):
        find_groups(deep_field())


def cutout(path, counts: np.ndarray, corner: tuple[int, int], kept_header: bool) -> None:
    """A FITS cut-out of a mosaic of 0.03 arcsec a pixel."""
    sky = WCS(naxis=2)
    sky.wcs.ctype, sky.wcs.crval = ["RA---TAN", "DEC--TAN"], [150.0, 2.0]
    sky.wcs.crpix, sky.wcs.cdelt = [500, 500], [-0.03 / 3600, 0.03 / 3600]
    if not kept_header:
        sky.wcs.crpix -= corner
    path.parent.mkdir(parents=True, exist_ok=True)
    fits.PrimaryHDU(counts, sky.to_header()).writeto(path)


@pytest.mark.parametrize("kept_header", [False, True])
def test_cutouts_of_one_mosaic_can_be_split(tmp_path, kept_header):
    random = np.random.default_rng(0)
    for number in range(24):
        counts = random.normal(0, 1, (20, 20)).astype("f4")
        counts[8:12, 8:12] += 30
        corner = (40 * (number % 6), 40 * (number // 6))
        cutout(tmp_path / "ab"[number % 2] / f"{number}.fits", counts, corner, kept_header)
    source = open_source(tmp_path)
    dataset = pack(source, source.framing(size=16))
    groups = dataset_groups(dataset)
    assert "sky positions within 0.3 arcsec" in groups.names
    assert groups.of_row.max() == 23
    assert [note[:28] for note in groups.notes] == ["24 of 24 images have the sam"] * kept_header
    assert make_split(dataset.table, dataset.task, groups=groups).counts()["train"] == 20


# File names


def together(*origins: str) -> list[int]:
    return find_groups(pd.DataFrame({"origin": origins})).of_row.tolist()


@pytest.mark.parametrize(
    "origins",
    [
        ("a/7.fits", "a/7.jpg"),
        ("a/7.fits.gz", "a/7.png", "a/7.FITS.fz"),
        ("a/7_g.fits", "a/7_r.fits"),
        ("a/7-u.fits", "a/7.y.png", "a/7_J.fits"),
        ("a/7_w1.fits", "a/7_W4.fits", "a/7.jpg"),
        ("7_F606W.fits", "7_f814w.fits", "7_F850LP.fits", "7_f150w2.fits"),
        ("a/J095959.5+021133.jpg", "b/J095959.5+021133.fits"),
        ("train/58772298174208.png", "test/58772298174208_g.fits", "58772298174208_r.tif"),
    ],
)  # fmt: skip
def test_files_of_one_object_are_one_group(origins):
    assert together(*origins) == [0] * len(origins)


@pytest.mark.parametrize(
    "origins",
    [
        ("a/galaxy_1.png", "a/galaxy_2.png"),
        ("a/7.png", "b/7.jpg"),
        ("a/7_g.png", "b/7_r.png"),
        ("a/vega_i.png", "a/vega.png"),
        ("a/spiral_a.png", "a/spiral_b.png"),
        ("a/v1.2.png", "a/v1.3.png"),
        ("sky.h5 row 1", "sky.h5 row 2"),
    ],
)
def test_numbered_files_are_objects_of_their_own(origins):
    assert together(*origins) == list(range(len(origins)))


def test_a_galaxy_as_fits_and_jpeg_is_in_one_subset(tmp_path):
    """Companions of a folder and of a catalogue, which look alike neither in pixels nor flipped."""
    random = np.random.default_rng(0)
    rows = []
    for number in range(40):
        path = tmp_path / ("disk", "round")[number % 2] / f"{number // 2}"
        path.parent.mkdir(exist_ok=True)
        fits.PrimaryHDU(random.normal(9, 1, (3, 24, 24)).astype("f4")).writeto(f"{path}.fits")
        Image.fromarray(random.integers(0, 256, (24, 24, 3), np.uint8)).save(f"{path}.jpg")
        rows += [(f"{number}{each}", f"{path}.{each}", number % 2) for each in ("fits", "jpg")]
    table = pd.DataFrame(rows, columns=["id", "image", "label"])
    for images in (tmp_path, table):
        source = open_source(images)
        dataset = pack(source, source.framing(size=16))
        groups = dataset_groups(dataset)
        assert groups.notes == (
            "companion files tie 80 of 80 images into 40 groups, which stay together in a split "
            "(the largest: 2 images)",
        )
        split = make_split(dataset.table, dataset.task, groups=groups)
        stem = dataset.table["origin"].str.rpartition(".")[0]
        subset = dataset.table["id"].map(split.subset)
        assert (subset.groupby(stem).nunique() == 1).all()
        assert "companion files" in split.rule


# Near duplicates


@pytest.fixture(scope="module")
def with_copies():
    """Thirty noisy images, and each of the first ten once more, turned and saved as JPEG would."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (30, 32, 32, 3), np.uint8)
    copies = (np.rot90(images[:10], 1, (1, 2)) // 16 * 16).astype(np.uint8)
    labels = ["ab"[number % 2] for number in [*range(30), *range(10)]]
    source = open_source((np.concatenate([images, copies]), labels))
    return pack(source, source.framing(size=32))


def test_near_duplicates_are_one_group_unless_it_is_turned_off(with_copies):
    found = dataset_groups(with_copies)
    assert found.of_row.tolist() == [*range(30), *range(10)]
    assert found.notes == (
        "near duplicates tie 20 of 40 images into 10 groups, which stay together in a split (the "
        "largest: 2 images); --set split.tie_near_duplicates=false lets the split divide them",
    )
    free = dataset_groups(with_copies, TieRules(near_duplicates=False))
    assert (free.of_row.tolist(), free.notes) == (list(range(40)), ())


def test_near_duplicates_are_looked_for_once(with_copies, monkeypatch):
    first = dataset_groups(with_copies)
    monkeypatch.setattr("hubblefork.data.duplicates.near_pairs", None)
    assert (dataset_groups(with_copies).of_row == first.of_row).all()


def test_a_damaged_list_of_near_duplicates_is_made_anew(with_copies, capfd):
    first = dataset_groups(with_copies)
    (kept,) = with_copies.path.glob("near_duplicates-*.npz")
    kept.write_bytes(kept.read_bytes()[:90])
    assert (dataset_groups(with_copies).of_row == first.of_row).all()
    assert "damaged; looking for near duplicates again" in capfd.readouterr().err


def test_groups_of_some_rows_are_those_of_all(with_copies):
    rows = np.array([39, 9, 2, 5])
    found = dataset_groups(with_copies).take(rows)
    assert found.of_row.tolist() == [0, 0, 1, 2]
    assert found.ties[-1].of_row(4).tolist() == [0, 0, 1, 2]
