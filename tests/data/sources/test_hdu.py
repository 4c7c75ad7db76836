"""The same image is read from every FITS file of a source, whatever kind of source it is."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

from hubblefork.core.errors import RequestError
from hubblefork.data.dataset import PackedDataset
from hubblefork.data.packing import pack
from hubblefork.data.sources import open_source, register_source
from hubblefork.data.sources.base import Source

# A corner of each image tells which it is.
CORNERS = {"SCI": 0, "ERR": 1, "WHT": 2}
ORDERS = [("SCI", "ERR", "WHT"), ("WHT", "SCI", "ERR"), ("ERR", "SCI"), ("ERR", "WHT")]


def image(name: str) -> np.ndarray:
    counts = np.zeros((8, 8), np.float32)
    counts[[-1, -1, 0][CORNERS[name]], [0, -1, 0][CORNERS[name]]] = 100
    return counts


def encoded(names: tuple[str, ...]) -> bytes:
    file = BytesIO()
    images = [fits.ImageHDU(image(name), name=name) for name in names]
    fits.HDUList([fits.PrimaryHDU(), *images]).writeto(file)
    return file.getvalue()


@pytest.fixture
def sky(tmp_path: Path) -> Path:
    """Files 0 to 3 of two classes, whose images stand in the orders above; tables of these."""
    folder, rows = tmp_path / "sky", []
    for label in ("disc", "round"):
        (folder / label).mkdir(parents=True)
        for number, names in enumerate(ORDERS):
            (folder / label / f"{number}.fits").write_bytes(encoded(names))
            rows.append((f"{label}/{number}", str(folder / label / f"{number}.fits"), label))
    table = pd.DataFrame(rows, columns=["id", "image", "label"])
    table.to_csv(tmp_path / "sky.csv", index=False)
    bands = table.rename(columns={"image": "image_g"})
    bands.assign(image_r=bands["image_g"]).to_csv(tmp_path / "bands.csv", index=False)
    content = [{"bytes": Path(path).read_bytes(), "path": None} for path in table["image"]]
    table.assign(image=content).to_parquet(tmp_path / "sky.parquet")
    return tmp_path


def corners(dataset: PackedDataset) -> set[int]:
    """Which corner of an image is bright, among all images and bands."""
    ends = dataset.images[:, [0, 0, -1], [0, -1, 0]]
    return {int(each) for each in ends.argmax(axis=1).ravel()}


def check(source: Source, name: str, read: list[int]) -> None:
    dataset = pack(source)
    assert source.hdu == dataset.framing.hdu == name
    assert corners(dataset) == {CORNERS[name]}
    assert [int(each[-1]) for each in dataset.table["id"]] == 2 * read
    assert all(f"no image {name} among HDU 0" in e["reason"] for e in dataset.info["left_out"])
    told = f"8 of 8 FITS files looked at have several images: {name} is read, not "
    assert sum(note.startswith(told) for note in source.notes) == 1


@pytest.mark.parametrize("kind", ["sky", "sky.csv", "sky.parquet"])
def test_sci_is_read_whatever_the_order_unless_another_is_asked_for(sky, kind):
    check(open_source(sky / kind), "SCI", [0, 1, 2])
    check(open_source(f"{sky / kind}:hdu=err"), "ERR", [0, 1, 2, 3])
    check(open_source(sky / kind, hdu="WHT"), "WHT", [0, 1, 3])
    check(open_source(f"{sky / kind}:hdu=ERR", hdu="SCI"), "ERR", [0, 1, 2, 3])
    check(open_source(f"{sky / kind}:hdu=1"), "ERR", [0, 1, 2, 3])  # in most files


def test_tables_in_memory_and_registered_sources_take_it_too(sky):
    table = pd.read_csv(sky / "sky.csv")
    check(open_source(table), "SCI", [0, 1, 2])
    check(open_source(table, hdu="ERR"), "ERR", [0, 1, 2, 3])

    @register_source("survey-of-hdu")
    def survey(text: str, hdu: str | None) -> Source:
        return open_source(table, hdu=hdu)

    check(open_source("survey-of-hdu", hdu="WHT"), "WHT", [0, 1, 3])


def test_a_file_for_each_band(sky):
    source = open_source(f"{sky / 'bands.csv'}:hdu=ERR")
    assert (source.hdu, source.bands) == ("ERR", 2)
    assert corners(pack(source)) == {CORNERS["ERR"]}


def test_what_was_packed_says_which_image_it_has(sky):
    packed = pack(open_source(sky / "sky", hdu="ERR"))
    source = open_source(packed)
    assert source.hdu == source.framing().hdu == "ERR"
    assert str(source.framing()).endswith("HDU ERR")


def test_an_image_that_no_file_has_is_told_in_one_line(sky):
    source = open_source(f"{sky / 'sky'}:hdu=DQ")
    assert source.notes[-1] == (
        "None of the 8 FITS files looked at has an image DQ; they have ERR, SCI, WHT."
    )
    with pytest.raises(RequestError, match=r"none of its 8 images can be used: .*no image DQ"):
        pack(source)
    with pytest.raises(RequestError, match="option 'hdu' is empty; expected hdu=NAME"):
        open_source(f"{sky / 'sky'}:hdu=")
