"""A catalogue goes in and comes back with answers: every format, column and kind of image."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.table import MaskedColumn, Table
from astropy.wcs import WCS
from PIL import Image

from hubblefork.core.errors import RequestError
from hubblefork.core.tables.astropy_tables import from_astropy, to_astropy
from hubblefork.core.tables.stored import open_table
from hubblefork.core.tables.writing import writing_table
from hubblefork.data.images.framing import Framing
from hubblefork.models.model_card import ModelCard
from hubblefork.models.model_file import save_model
from hubblefork.models.view import View
from hubblefork.tasks.classes import Classes
from hubblefork.workflow.evaluate import evaluate
from hubblefork.workflow.inspect import inspect
from hubblefork.workflow.predict import predict
from hubblefork.workflow.train import train

NUMBER = 6
FORMATS = [".fits", ".vot", ".ecsv", ".parquet", ".csv", ".tsv"]


def model_file(path: Path, channels: int, colours: tuple[str, ...]) -> Path:
    card = ModelCard(
        network="lenet5", options={}, head="softmax", input_shape=(channels, 16, 16),
        task=Classes(("a", "b")), framing=Framing(size=16, channels=channels), colours=colours,
        view=View(size=16, mean=(0.0,) * channels, std=(1.0,) * channels), recipe="lenet5",
        source="test", versions={},
    )  # fmt: skip
    save_model(path, card.create_network(), card)
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return model_file(tmp_path_factory.mktemp("model") / "m.safetensors", 3, ("in colour",))


@pytest.fixture
def sky(tmp_path) -> Table:
    """A table as surveys have it; the images are beside it, and that of the last row is not."""
    random = np.random.default_rng(0)
    for row in range(NUMBER - 1):
        pixels = random.integers(0, 256, (16, 16, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{row}.png")
    return Table({
        "objid": np.arange(NUMBER) + 2**53 + 1,
        "RA": np.linspace(359.9, 360, NUMBER, endpoint=False) * u.deg,
        "DEC": np.linspace(-1, 1, NUMBER) * u.deg,
        "z": MaskedColumn(np.linspace(0, 0.5, NUMBER, dtype="f4"), mask=[0, 1, 0, 0, 0, 0]),
        "flux": np.array([1.5, -2, 3, 4, 5, 1e-30]) * u.Jy,
        "file": [f"{row}.png" for row in range(NUMBER)],
        "predicted": ["before"] * NUMBER,
    })  # fmt: skip


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("into", [".fits", ".vot", ".ecsv", ".parquet"])
def test_every_column_comes_through_every_format(model, sky, tmp_path, suffix, into):
    sky["predicted"] = ["früher"] * NUMBER  # which astropy itself does not write to FITS
    table = from_astropy(sky)
    if suffix in (".csv", ".tsv"):  # which do not know single precision
        place = table.schema.get_field_index("z")
        table = table.set_column(place, "z", table["z"].cast(pa.float64()))
    with writing_table(tmp_path / f"sky{suffix}", table.schema) as write:
        write(table)
    unread = predict(model, tmp_path / f"sky{suffix}", out=tmp_path / f"out{into}")
    assert unread["id"].tolist() == [str(2**53 + NUMBER)]
    stored = open_table(tmp_path / f"out{into}")
    answers = pa.concat_tables(stored.batches())
    assert answers.column_names == [
        "id", "objid", "RA", "DEC", "z", "flux", "file", "predicted_input", "predicted", "a", "b",
        "problem",
    ]  # fmt: skip
    same = answers.rename_columns(
        [name.removesuffix("_input") if name == "predicted_input" else f"{name}_"
         if name == "predicted" else name for name in answers.column_names]
    )  # fmt: skip
    for name in sky.colnames:
        assert same[name].to_pylist() == table[name].to_pylist()
    if suffix not in (".csv", ".tsv"):  # which have no units
        assert to_astropy(answers)["flux"].unit == u.Jy
    problems = answers["problem"].to_pylist()
    assert problems[-1] == "the file is not there"
    assert not any(problems[:-1])
    sums = np.add(answers["a"].to_numpy(), answers["b"].to_numpy())
    np.testing.assert_allclose(sums[:-1], 1, rtol=1e-6)


def test_a_table_of_astropy_and_a_data_frame_are_catalogues_too(model, sky, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame = predict(model, sky)
    assert frame["objid"].tolist() == list(sky["objid"])
    assert frame["z"].isna().tolist() == [False, True, False, False, False, False]
    plain = sky.to_pandas().rename(columns={"file": "where", "objid": "name"})
    same = predict(model, plain, columns={"id": "name", "image": "where"})
    assert same["a"].equals(frame["a"])
    assert same["id"].tolist() == frame["id"].tolist()


def test_columns_are_named_by_the_user_and_this_is_told(model, sky, tmp_path, capsys):
    sky.rename_columns(["file", "objid"], ["cut", "name"])
    sky.write(tmp_path / "sky.fits")
    with pytest.raises(RequestError, match=r"no column image; .* --columns image=COLUMN"):
        predict(model, tmp_path / "sky.fits")
    found = predict(model, tmp_path / "sky.fits", columns="id=name,image=cut")
    assert found["id"].tolist() == [str(each) for each in sky["name"]]
    assert "Columns: id = name, image = cut, ra = RA, dec = DEC." in capsys.readouterr().err


def test_encoded_images_in_a_table_are_read_and_do_not_come_along(model, sky, tmp_path):
    def encoded(name: str) -> bytes | None:
        path = tmp_path / name
        return path.read_bytes() if path.exists() else None

    images = [encoded(name) for name in sky["file"]]
    images[2] = b"\x89PNG"
    table = from_astropy(sky).drop_columns(["file"]).append_column("image", pa.array(images))
    pq.write_table(table, tmp_path / "sky.parquet", row_group_size=2)
    predict(model, tmp_path / "sky.parquet", out=tmp_path / "out.fits")
    answers = Table.read(tmp_path / "out.fits")
    assert "image" not in answers.colnames
    assert list(answers["objid"]) == list(sky["objid"])
    problems = list(answers["problem"].filled(""))
    assert problems[5] == "there is no image in this row"
    assert problems[2]
    assert problems[:2] == ["", ""]


def test_nested_columns_come_through_parquet_and_are_refused_by_name_elsewhere(
    model, sky, tmp_path
):
    table = from_astropy(sky).append_column("odd", pa.array([[1], [], [2, 3], None, [4], [5]]))
    pq.write_table(table, tmp_path / "sky.parquet")
    predict(model, tmp_path / "sky.parquet", out=tmp_path / "out.parquet")
    assert pq.read_table(tmp_path / "out.parquet")["odd"].to_pylist() == table["odd"].to_pylist()
    for suffix in (".fits", ".vot", ".ecsv", ".csv"):
        with pytest.raises(RequestError, match="odd"):
            predict(model, tmp_path / "sky.parquet", out=tmp_path / f"no{suffix}")
        assert not (tmp_path / f"no{suffix}").exists()


def test_former_answers_are_replaced_and_nothing_else(model, sky, tmp_path):
    sky.write(tmp_path / "sky.fits")
    for suffix in FORMATS:
        out = tmp_path / f"out{suffix}"
        predict(model, tmp_path / "sky.fits", out=out)
        predict(model, tmp_path / "sky.fits", out=out)
        with writing_table(tmp_path / f"mine{suffix}", from_astropy(sky).schema) as write:
            write(from_astropy(sky))
        with pytest.raises(RequestError, match="exists already and is not a table of predictions"):
            predict(model, tmp_path / "sky.fits", out=tmp_path / f"mine{suffix}")


@pytest.fixture
def mosaic(tmp_path) -> Path:
    """A mosaic of 60x60 pixels of 1 arcsec in the sky, with a galaxy at every tenth pixel."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crpix, wcs.wcs.crval = [30.5, 30.5], [150.0, 2.0]
    wcs.wcs.cdelt = [-1 / 3600, 1 / 3600]
    rows, columns = np.mgrid[:60, :60]
    light = np.exp(-(((rows % 20) - 10) ** 2 + ((columns % 20) - 10) ** 2) / 8)
    noise = np.random.default_rng(0).normal(0, 0.01, light.shape)
    (tmp_path / "tiles").mkdir()
    fits.writeto(tmp_path / "tiles" / "a.fits", (light + noise).astype("f4"), wcs.to_header())
    return tmp_path / "tiles"


def in_mosaic(mosaic: Path, number: int = 9) -> Table:
    wcs = WCS(fits.getheader(mosaic / "a.fits"))
    x, y = np.meshgrid([10.3, 30.3, 50.3], [10.3, 30.3, 50.3])
    ra, dec = wcs.pixel_to_world_values(x.ravel(), y.ravel())
    return Table({"objid": np.arange(9), "ra": ra * u.deg, "dec": dec * u.deg})[:number]


def test_images_are_cut_from_mosaics(mosaic, tmp_path):
    model = model_file(tmp_path / "grey.safetensors", 1, ("grey",))
    sky = in_mosaic(mosaic)
    sky.add_row({"objid": 9, "ra": 10 * u.deg, "dec": 2 * u.deg})
    sky.write(tmp_path / "sky.fits")
    found = predict(model, tmp_path / "sky.fits", mosaics=f"{mosaic}:size=16")
    assert found["problem"].tolist()[:9] == [""] * 9
    assert "no mosaic holds its position" in found["problem"][9]
    # By hand: the counts as numpy cuts them, in a FITS file of their own.
    counts = fits.getdata(mosaic / "a.fits")
    (tmp_path / "hand").mkdir()
    for row in range(9):
        y, x = 10 + 20 * (row // 3), 10 + 20 * (row % 3)
        fits.writeto(tmp_path / "hand" / f"{row}.fits", counts[y - 7 : y + 9, x - 7 : x + 9])
    by_hand = predict(model, tmp_path / "hand")
    np.testing.assert_array_equal(found["a"][:9], by_hand["a"])
    with pytest.raises(RequestError, match="no column size"):
        predict(model, tmp_path / "sky.fits", mosaics=str(mosaic))


def test_cut_outs_are_inspected_learnt_and_evaluated(
    mosaic, tmp_path, without_reports, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    sky = in_mosaic(mosaic)
    sky = Table({name: np.tile(sky[name], 4) for name in sky.colnames})
    sky["objid"] = np.arange(len(sky))
    sky["ra"] += np.repeat(np.arange(4), 9) * 1e-4
    sky["kind"] = [["a", "b"][row % 2] for row in range(len(sky))]
    sky["mag"] = np.linspace(10.123456789, 20, len(sky))
    sky.write("sky.fits")
    columns = {"label": "kind"}
    found = inspect("sky.fits", columns=columns, mosaics="tiles:size=16", size=16, out="page.html")
    assert found.counts.tolist() == [18, 18]
    run = train(
        "sky.fits", "lenet5", columns=columns, mosaics="tiles:size=16", size=16, out="run",
        settings={"epochs": 1, "split.sky_radius": 0},
    )  # fmt: skip
    path = run.path.absolute()
    table = pd.read_csv(run.path / "predictions.csv")
    told = dict(zip(sky["objid"], sky["mag"], strict=True))
    assert {"ra", "dec", "mag"} <= set(table)
    assert [told[each] for each in table["id"]] == table["mag"].tolist()
    monkeypatch.chdir("/")
    again = evaluate(path, out=tmp_path / "again")
    assert again.metrics["n"] == len(table)
    other = evaluate(
        path, tmp_path / "sky.fits", columns=columns, mosaics=f"{tmp_path}/tiles:size=16",
        out=tmp_path / "other",
    )  # fmt: skip
    assert other.metrics["n"] == 36


def test_answers_of_several_catalogues_are_one_table(model, sky, tmp_path):
    sky[:2].write(tmp_path / "a.fits")
    other = sky[2:4]
    other["new"] = [1, 2]
    other.remove_column("flux")
    other.write(tmp_path / "b.fits")
    predict(model, [tmp_path / "a.fits", tmp_path / "b.fits", tmp_path / "4.png"],
            out=tmp_path / "out.parquet")  # fmt: skip
    table = pq.read_table(tmp_path / "out.parquet")
    assert table["objid"].to_pylist() == [*sky["objid"][:4], None]
    assert table["flux"].to_pylist()[2:] == [None] * 3
    assert table["new"].to_pylist() == [None, None, 1, 2, None]
    assert table["id"].to_pylist()[-1] == str(tmp_path / "4.png")


def test_no_image_is_touched_before_its_turn(model, tmp_path):
    """A catalogue of which nearly all images are missing tells so row by row."""
    Image.new("RGB", (16, 16), "red").save(tmp_path / "0.png")
    content = io.StringIO()
    pd.DataFrame({"id": range(3000), "image": [f"{n}.png" for n in range(3000)]}).to_csv(
        content, index=False
    )
    (tmp_path / "sky.csv").write_text(content.getvalue())
    unread = predict(model, tmp_path / "sky.csv", out=tmp_path / "out.csv")
    assert len(unread) == 2999
    assert set(unread["problem"]) == {"the file is not there"}
