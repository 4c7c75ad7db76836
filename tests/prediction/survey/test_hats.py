"""A survey as a HATS catalogue: each row once, in the file of its pixel."""

import csv
import sys
from pathlib import Path

import astropy.units as u
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.coordinates import Latitude, Longitude, SkyCoord
from astropy.table import Table
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hubblefork.core.errors import RequestError
from hubblefork.core.tables import hats_writing
from hubblefork.core.tables.hats import read_properties
from hubblefork.core.tables.hats_writing import PIXEL, count_pixels, write_hats
from hubblefork.core.tables.stored import open_table
from hubblefork.data.catalogues.open import open_path
from hubblefork.data.sources import open_source
from hubblefork.prediction.survey.one_shard import attempt, load
from hubblefork.prediction.survey.plan import Survey
from hubblefork.workflow import survey as verbs
from hubblefork.workflow.predict import predict

healpix = pytest.importorskip("cdshealpix.nested", reason="cdshealpix is not installed")

DEGREES = {"unit": "deg"}
SCHEMA = pa.schema([
    pa.field("objid", pa.int64()), pa.field("RA", pa.float64(), metadata=DEGREES),
    pa.field("DEC", pa.float64(), metadata=DEGREES), pa.field("name", pa.string()),
    pa.field("flux", pa.float32(), metadata={"unit": "nJy", "description": "of the galaxy"}),
    pa.field("big", pa.uint64()), pa.field("spectrum", pa.list_(pa.float32())),
])  # fmt: skip


def a_sky(rows: int) -> pa.Table:
    """Positions all over the sky, a third of them in one cluster, and awkward columns."""
    random = np.random.default_rng(rows)
    ra, dec = random.uniform(0, 360, rows), np.degrees(np.arcsin(random.uniform(-1, 1, rows)))
    ra[::3], dec[::3] = 10 + random.normal(0, 0.1, (2, len(ra[::3])))
    cells = [None if number % 5 == 0 else f"σ {number}" for number in range(rows)]
    flux, spectra = random.normal(size=rows), [[0.5] * (number % 3) for number in range(rows)]
    big = np.arange(rows, dtype=np.uint64) + 2**63
    columns = [2**60 + np.arange(rows), ra, dec, cells, flux.astype("f4"), big, spectra]
    return pa.table(columns, SCHEMA)


def write(folder, table: pa.Table, **options) -> None:
    pieces = [table.slice(start, 700) for start in range(0, len(table), 700)]
    counted = count_pixels(pieces, "RA", "DEC")
    write_hats(folder, table.schema, pieces, counted, "RA", "DEC", **options)


def check_partitions(folder, most: int) -> pa.Table:
    """Check that rows are in the files of their pixels, the largest that will do; return them."""
    with (folder / "partition_info.csv").open() as file:
        listed = [(int(row["Norder"]), int(row["Npix"])) for row in csv.DictReader(file)]
    tables = []
    for order, pixel in listed:
        name = f"Norder={order}/Dir={pixel // 10_000 * 10_000}/Npix={pixel}.parquet"
        table = pq.ParquetFile(folder / "dataset" / name).read()
        # At a pole and at ra = 0, -0 is in another pixel than 0.
        lon, lat = Longitude(table["RA"].to_numpy() % 360, "deg"), Latitude(table["DEC"], "deg")
        fine = table[PIXEL].to_numpy()
        assert (fine == healpix.lonlat_to_healpix(lon, lat, 29)).all()
        assert (fine >> 2 * (29 - order) == pixel).all()
        assert (np.diff(fine) >= 0).all()
        assert 0 < len(table) <= most or order == 10
        tables.append(table)
    assert len(list((folder / "dataset").rglob("*.parquet"))) == len(set(listed)) == len(listed)
    whole = pa.concat_tables(tables)
    for order, pixel in listed:
        if order:
            above = whole[PIXEL].to_numpy() >> 2 * (29 - order + 1) == pixel >> 2
            assert above.sum() > most
    return whole


def test_each_row_is_in_the_file_of_its_pixel_with_types_and_units(tmp_path, monkeypatch):
    monkeypatch.setattr(hats_writing, "_HELD_BYTES", 50_000)  # several appendings to each file
    table, folder = a_sky(3000), tmp_path / "sky.hats"
    write(folder, table, meta={"model": "a model"}, partition_rows=200)
    found = check_partitions(folder, most=200)
    assert found.schema.names == [PIXEL, *SCHEMA.names]
    for name in SCHEMA.names:
        assert found.schema.field(name).type == SCHEMA.field(name).type
        assert (found.schema.field(name).metadata or {}) == (SCHEMA.field(name).metadata or {})
    assert found.drop_columns(PIXEL).sort_by("objid").to_pylist() == table.to_pylist()
    common = pq.read_schema(folder / "dataset" / "_common_metadata")
    assert common.equals(found.schema, check_metadata=True)
    footers = pq.read_metadata(folder / "dataset" / "_metadata")
    assert footers.num_rows == 3000
    assert (folder / "dataset" / footers.row_group(0).column(0).file_path).is_file()
    one = next((folder / "dataset").rglob("*.parquet"))
    assert Table.read(one, include_names=["flux"])["flux"].unit == u.nJy
    told = read_properties(folder / "hats.properties")
    assert (told["hats_nrows"], told["hats_col_ra"], told["hats_col_dec"]) == ("3000", "RA", "DEC")
    assert told["obs_collection"] == "sky"
    assert sorted(each.name for each in folder.iterdir()) == [
        "dataset", "hats.properties", "partition_info.csv", "properties",
    ]  # fmt: skip
    stored = open_table(folder)
    assert (stored.kind, stored.rows) == ("HATS catalogue", 3000)


positions = st.tuples(
    st.sampled_from([0.0, -0.0, 45.0, 90.0, 359.9999999999, 360.0, -10.0]) | st.floats(-360, 360),
    st.sampled_from([90.0, -90.0, 0.0, 41.8103148957786]) | st.floats(-90, 90),
)


@settings(max_examples=10, deadline=None)
@given(st.lists(positions, min_size=1, max_size=12), st.integers(1, 4))
def test_no_position_is_lost(tmp_path_factory, places, most):
    ra, dec = np.array(places).T
    table = pa.table({"row": np.arange(len(ra)), "RA": ra, "DEC": dec})
    folder = tmp_path_factory.mktemp("sky") / "sky.hats"
    write(folder, table, partition_rows=most)
    assert sorted(check_partitions(folder, most)["row"].to_pylist()) == list(range(len(ra)))


def test_the_pixel_of_a_row_is_the_same_whatever_rows_are_beside_it(tmp_path):
    pieces = [pa.table({"RA": ra, "DEC": [90.0] * len(ra)}) for ra in ([-0.0, 0.0], [-1.0, -0.0])]
    whole = pa.concat_tables(pieces)
    for most in (1, 4):
        counted = count_pixels(pieces, "RA", "DEC")
        folder = tmp_path / f"{most}.hats"
        write_hats(folder, whole.schema, [whole], counted, "RA", "DEC", partition_rows=most)
        assert len(check_partitions(folder, most)) == 4


def test_rows_that_change_between_the_passes_are_refused_and_leave_nothing(tmp_path):
    table = a_sky(100)
    for other in (a_sky(99), table.slice(1), a_sky(0)):
        counted = count_pixels([table], "RA", "DEC")
        with pytest.raises(ValueError, match="changed while they were read"):
            write_hats(tmp_path / "sky.hats", SCHEMA, [other], counted, "RA", "DEC")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def catalogue(tmp_path) -> Path:
    """Nine galaxies; images lie beside the catalogue."""
    pixels = np.random.default_rng(0).integers(0, 256, (9, 16, 16, 3), np.uint8)
    for number, image in enumerate(pixels):
        Image.fromarray(image).save(tmp_path / f"{number}.png")
    Table({
        "objid": 2**60 + np.arange(9),
        "raMean": np.linspace(0, 320, 9) * u.deg,
        "decMean": np.linspace(-80, 80, 9) * u.deg,
        "flux": np.arange(9, dtype="f4") * u.nJy,
        "file": [str(tmp_path / f"{number}.png") for number in range(9)],
        "label": list("ababababa"),
    }).write(tmp_path / "sky.fits")  # fmt: skip
    return tmp_path / "sky.fits"


def finished(model: Path, catalogue: Path, shard_rows: int = 4) -> Path:
    survey = Survey.open(verbs.plan(
        model, catalogue, out=catalogue.parent / "survey", shard_rows=shard_rows
    ))  # fmt: skip
    predictor = load(survey, "cpu")
    for shard in survey.plan.shards:
        attempt(survey, predictor, shard)
    verbs.finish(survey.folder)
    return survey.folder


POSITION = "ra=raMean,dec=decMean"


def test_a_survey_is_exported_and_its_catalogue_predicted_planned_and_inspected(
    model, catalogue, tmp_path
):
    folder = finished(model, catalogue)
    to = tmp_path / "answers.hats"
    assert verbs.export(folder, to=f"{to}/", columns=POSITION) == 9
    verbs.export(folder, to=tmp_path / "answers.parquet")
    whole = pq.read_table(tmp_path / "answers.parquet")
    found = pa.concat_tables(open_table(to).batches()).sort_by("objid").drop_columns(PIXEL)
    assert found.to_pylist() == whole.to_pylist()
    assert found.schema.field("flux").metadata[b"unit"] == b"nJy"
    with pytest.raises(RequestError, match=r"answers.hats exists already: give another --to"):
        verbs.export(folder, to=to, columns=POSITION)
    some = verbs.export(folder, to=tmp_path / "some.hats", columns=POSITION, where="flux > 5")
    assert (some, open_table(tmp_path / "some.hats").rows) == (3, 3)

    hats = to.rename(tmp_path / "renamed")  # by its files, and not its name
    predict(model, hats, out=tmp_path / "again.parquet")
    again = pd.read_parquet(tmp_path / "again.parquet")
    assert {*found.schema.names, PIXEL, "a_input"} < set(again)
    assert verbs.status(verbs.plan(model, hats, out=tmp_path / "second")).rows == 9
    # Its properties say what its positions are called.
    columns = open_path(str(hats)).columns
    assert (columns.ra, columns.dec) == ("raMean", "decMean")
    source = open_source(str(hats))
    np.testing.assert_allclose(np.sort(source.table["ra"]), np.linspace(0, 320, 9))
    # LSDB writes a catalogue into a collection, beside its margins.
    (tmp_path / "collection").mkdir()
    hats.rename(tmp_path / "collection" / "main")
    properties = tmp_path / "collection" / "collection.properties"
    properties.write_text("obs_collection=x\nhats_primary_table_url=main\nall_margins=margin\n")
    assert open_path(str(tmp_path / "collection")).number == 9
    assert len(open_source(str(tmp_path / "collection")).table) == 9
    properties.write_text("obs_collection=x\nhats_primary_table_url=gone\n")
    with pytest.raises(RequestError, match=r"its main one \(gone\) is not in the folder"):
        open_source(str(tmp_path / "collection"))


def test_what_is_no_position_is_refused_by_name_and_nothing_is_left(model, catalogue, tmp_path):
    table = Table.read(catalogue)
    table["ra"], table["dec"] = table["raMean"], table["decMean"]
    table["ra"][2], table["dec"][4], table["dec"][7] = np.nan, 91, np.nan
    table["hours"] = table["ra"].to(u.hourangle)
    table.write(tmp_path / "gaps.ecsv")
    folder = finished(model, tmp_path / "gaps.ecsv")
    before = sorted(tmp_path.iterdir())
    to = tmp_path / "sky.hats"
    with pytest.raises(RequestError, match="3 of 9 rows have no position in ra and dec") as error:
        verbs.export(folder, to=to)
    assert str(2**60 + 4) in str(error.value)
    for columns, reason in {
        "ra=hours,dec=dec": "the column hours is in .*; a HATS catalogue has degrees",
        "ra=label,dec=dec": "the column label holds string; expected degrees",
        "ra=nothing,dec=dec": "has no column 'nothing' for ra",
        "id=objid": "--columns id: expected ra=COLUMN,dec=COLUMN",
    }.items():
        with pytest.raises(RequestError, match=reason):
            verbs.export(folder, to=to, columns=columns)
    with pytest.raises(RequestError, match=r"--where 'ra > 400' holds for no row"):
        verbs.export(folder, to=to, where="ra > 400")
    with pytest.raises(RequestError, match=r"--columns are those of a HATS catalogue"):
        verbs.export(folder, to=tmp_path / "new.fits", columns="ra=ra")
    with pytest.raises(RequestError, match=r"--to .*sky.hat: expected a name ending in .*, .hats"):
        verbs.export(folder, to=tmp_path / "sky.hat")
    assert sorted(tmp_path.iterdir()) == before
    # The way out that the message names.
    where = str(error.value).split("--where '")[1].split("'")[0]
    assert verbs.export(folder, to=to, where=where) == 6


def test_without_positions_or_the_package_one_line_says_what_is_needed(
    model, catalogue, tmp_path, monkeypatch
):
    folder = finished(model, catalogue)
    with pytest.raises(RequestError, match=r"needs the columns ra and dec.*--columns ra=COLUMN"):
        verbs.export(folder, to=tmp_path / "sky.hats")
    monkeypatch.setitem(sys.modules, "cdshealpix.nested", None)
    with pytest.raises(RequestError, match=r"cdshealpix: pip install 'hubblefork\[survey\]'"):
        verbs.export(folder, to=tmp_path / "sky.hats", columns=POSITION)
    assert not (tmp_path / "sky.hats").exists()


def test_hats_and_lsdb_read_it(tmp_path):
    lsdb = pytest.importorskip("lsdb", reason="LSDB is not installed")
    from hats import read_hats
    from hats.io.validation import is_valid_catalog

    table, folder = a_sky(3000), tmp_path / "sky.hats"
    write(folder, table, partition_rows=200)
    assert is_valid_catalog(folder, strict=True)
    catalogue = lsdb.open_catalog(folder)
    assert read_hats(folder).schema.field("flux").metadata[b"unit"] == b"nJy"
    found = catalogue.compute().sort_values("objid")
    for name in ("objid", "RA", "big"):
        assert found[name].tolist() == table[name].to_pylist()
    cone = catalogue.cone_search(ra=10, dec=10, radius_arcsec=300).compute()
    ra, dec = (table[each].to_numpy() for each in ("RA", "DEC"))
    distances = SkyCoord(ra, dec, unit="deg").separation(SkyCoord(10, 10, unit="deg")).arcsec
    assert len(cone) == (distances < 300).sum() > 0
