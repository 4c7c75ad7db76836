"""FITS files in folders and catalogues: what `ImageFiles` makes of them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from hubblefork.core.errors import RequestError
from hubblefork.data.dataset import PackedDataset
from hubblefork.data.images.framing import Framing
from hubblefork.data.packing import pack
from hubblefork.data.sources import open_source
from hubblefork.data.sources.base import ImageFiles
from hubblefork.sky.stretch import Stretch
from hubblefork.tasks.task import Unlabelled


def write(path: Path, bands: int, ra: float | None = None) -> None:
    """One FITS file of noise with a blob, unlike any other, with its middle at (ra, 1 degree)."""
    random = np.random.default_rng(list(path.name.encode()))
    y, x = np.mgrid[:24, :24] - 11.5
    counts = random.normal(0, 1, (bands, 24, 24)) + 90 * np.exp(-(x**2 + y**2) / 20)
    hdu = fits.PrimaryHDU(np.squeeze(counts).astype(np.float32))
    if ra is not None:
        sky = WCS(naxis=2)
        sky.wcs.ctype, sky.wcs.crval = ["RA---TAN", "DEC--TAN"], [ra, 1.0]
        sky.wcs.crpix, sky.wcs.cdelt = [12.5, 12.5], [-1e-4, 1e-4]
        hdu.header.update(sky.to_header())
    path.parent.mkdir(parents=True, exist_ok=True)
    hdu.writeto(path)


def folder(path: Path, bands: int) -> Path:
    for number in range(8):
        write(path / "ab"[number % 2] / f"{number}.fits", bands, 10.0 + number)
    return path


def packed(path: Path, stretch: Stretch | None = None) -> PackedDataset:
    source = open_source(path)
    return pack(source, source.framing(size=16, stretch=stretch))


@pytest.mark.parametrize("bands", [1, 2, 3, 5])
def test_a_folder_of_fits_files_keeps_its_bands(tmp_path, bands):
    dataset = packed(folder(tmp_path / "sky", bands))
    assert dataset.images.shape == (8, 16, 16, bands)
    assert (dataset.table["bands"] == bands).all()
    assert dataset.images[:, 7:9, 7:9].mean() > 150
    assert np.median(dataset.images[:, :3]) < 40


def test_positions_of_headers_come_into_the_table(tmp_path):
    dataset = packed(folder(tmp_path / "sky", 1))
    found = dataset.table.set_index("id")
    assert found.loc["a/4", "ra"] == pytest.approx(14.0, abs=1e-6)
    assert found["dec"].to_numpy() == pytest.approx(1.0, abs=1e-6)


def test_positions_of_a_catalogue_go_before_those_of_headers(tmp_path):
    path = folder(tmp_path / "sky", 1)
    files = sorted(each.relative_to(path).as_posix() for each in path.rglob("*.fits"))
    table = pd.DataFrame({"id": files, "image": files, "label": [each[0] for each in files]})
    table["ra"], table["dec"] = [50.0, *[np.nan] * 7], 2.0
    table.to_csv(path / "cat.csv", index=False)
    found = packed(path / "cat.csv").table
    assert found["ra"].tolist()[:2] == pytest.approx([50.0, 12.0])
    assert (found["dec"] == 2.0).all()


def test_a_stretch_chooses_bands_of_all_files(tmp_path):
    path = folder(tmp_path / "sky", 5)
    assert packed(path, Stretch(bands=(3, 2, 0))).images.shape[3] == 3
    assert packed(path, Stretch(bands=(4,))).images.shape[3] == 1
    with pytest.raises(RequestError) as caught:
        packed(path, Stretch(bands=(5,)))
    assert str(caught.value) == f"stretch.bands is [5], and {path} has bands 0 to 4"


def test_bands_cannot_be_chosen_of_images_that_are_bytes(shapes):
    with pytest.raises(RequestError, match=r"stretch.bands is \[0\], and .* has bytes and not"):
        packed(shapes, Stretch(bands=(0,)))


def test_another_stretch_is_another_dataset(tmp_path):
    path = folder(tmp_path / "sky", 1)
    plain, soft = packed(path), packed(path, Stretch(softening=100))
    assert plain.key != soft.key
    assert soft.images.mean() > plain.images.mean()
    assert soft.framing.stretch == Stretch(softening=100)


def test_fits_files_among_other_images_become_colour_images(tmp_path, make_images):
    path = tmp_path / "sky"
    folder(path, 1)
    make_images(path / "a", 3)
    source = open_source(path)
    assert source.channels == 3
    assert source.notes[-1] == (
        "8 of 11 images are FITS files, which become colour images as the others are."
    )
    assert pack(source, source.framing(size=16)).images.shape == (11, 16, 16, 3)


def test_a_damaged_file_is_left_out_and_told(tmp_path, capsys):
    path = folder(tmp_path / "sky", 3)
    (path / "a" / "0.fits").write_bytes((path / "a" / "0.fits").read_bytes()[:3000])
    dataset = packed(path)
    assert len(dataset) == 7
    said = capsys.readouterr().err
    assert "left out 1 of 8 images: a/0.fits (damaged or incomplete (" in said
    assert "Of three bands, the last is red and the first is blue" in said


def test_where_no_file_can_be_read_the_reasons_are_given(tmp_path):
    for name in ("a/1.fits", "b/2.fits"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("no FITS")
    with pytest.raises(RequestError, match=r"a/1.fits \(not a JPEG, PNG, WebP, TIFF or FITS"):
        packed(tmp_path)


def test_a_change_in_one_band_is_noticed(tmp_path):
    for number in range(4):
        for band in "gr":
            write(tmp_path / f"{number}{band}.fits", 1)
    table = pd.DataFrame({"id": range(4), "label": ["x", "y"] * 2})
    for band in "gr":
        table[f"image_{band}"] = [f"{number}{band}.fits" for number in range(4)]
    table.to_csv(tmp_path / "cat.csv", index=False)
    before = open_source(tmp_path / "cat.csv")
    stamp, content = before.stamp(), before.content()
    assert before.channels == before.bands == 2
    (tmp_path / "2r.fits").unlink()
    write(tmp_path / "2r.fits", 1, ra=5.0)
    after = open_source(tmp_path / "cat.csv")
    assert after.stamp() != stamp
    assert after.content() != content


def test_a_model_of_bands_takes_no_ordinary_images(tmp_path, make_images):
    make_images(tmp_path / "sky" / "a", 2)
    make_images(tmp_path / "sky" / "b", 2)
    source = open_source(tmp_path / "sky")
    assert source.read([0], Framing(channels=5))[0].reason == (
        "grey or colour, where 5 bands are expected"
    )


@pytest.mark.parametrize(
    ("suffix", "number", "prefer"),
    [("jpg", 6000, "threads"), ("png", 6000, "processes"), ("png", 100, "threads")],
)
def test_threads_read_jpeg_and_processes_many_others(suffix, number, prefer):
    paths = [f"{row}.{suffix}" for row in range(number)]
    table = pd.DataFrame({"id": paths, "origin": paths})
    assert ImageFiles("sky", Unlabelled(), table, paths, []).prefer == prefer
