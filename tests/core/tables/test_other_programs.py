"""Our tables are opened by astropy, pyarrow and pandas, and theirs by us."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy import units
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Column, MaskedColumn, QTable, Table
from astropy.time import Time

from hubblefork.core.tables.astropy_tables import from_astropy, to_astropy
from hubblefork.core.tables.columns import field, note
from hubblefork.core.tables.stored import open_table
from hubblefork.core.tables.writing import writing_table

OURS = pa.table(
    {"objid": [2**63 - 1, None], "big": [2**64 - 1, 7], "z": [0.1, None], "name": ["a b", "ζώο"],
     "good": [True, None]},
    pa.schema([("objid", pa.int64()), ("big", pa.uint64()), field("z", pa.float32(), "km / s"),
               ("name", pa.string()), ("good", pa.bool_())]),
)  # fmt: skip


def stored(path):
    table = open_table(path)
    return pa.concat_tables(table.batches())


@pytest.mark.filterwarnings("ignore:Column 'good' contains NULL")
@pytest.mark.parametrize(
    ("suffix", "kind"), [(".fits", "fits"), (".vot", "votable"), (".ecsv", "ascii.ecsv")]
)
def test_astropy_opens_what_we_write(tmp_path, suffix, kind):
    path = tmp_path / f"a{suffix}"
    with writing_table(path, OURS.schema, {"model": "x"}) as append:
        append(OURS)
    found = Table.read(path, format=kind)
    assert found["objid"].tolist() == [2**63 - 1, None]
    assert [int(each) for each in found["big"]] == [2**64 - 1, 7]
    assert found["z"].dtype.itemsize == 4
    assert found["z"].unit == units.km / units.s
    assert found["z"].tolist() == [pytest.approx(0.1), None]
    name = found["name"][1]
    assert (name.decode() if isinstance(name, bytes) else name) == "ζώο"
    assert found["good"][0] == True  # noqa: E712


def test_astropy_finds_the_names_in_a_votable(tmp_path):
    names = ["objid", "Größe", "col2", "note1", "a b"]
    table = pa.table([[1]] * len(names), names=names)
    with writing_table(tmp_path / "a.vot", table.schema, {"model": "x"}) as append:
        append(table)
    assert Table.read(tmp_path / "a.vot", use_names_over_ids=True).colnames == names
    told = Table.read(tmp_path / "a.vot").colnames  # some names are no identifiers in XML
    assert told == ["objid", "col2_", "col2", "note1", "col5"]


def test_the_fits_file_keeps_to_the_standard(tmp_path):
    path = tmp_path / "a.fits"
    with writing_table(path, OURS.schema, {"model": "é" * 100}) as append:
        append(OURS)
    with fits.open(path) as hdus:
        hdus.verify("exception")
        assert hdus[1].header["NAXIS2"] == 2
        assert hdus[1].data["big"].tolist() == [2**64 - 1, 7]
        assert hdus[1].header["HFNOTE1"] == "model: " + "\\xe9" * 100
    assert path.stat().st_size % 2880 == 0


def test_pandas_and_pyarrow_open_what_we_write(tmp_path):
    for suffix in (".csv", ".tsv", ".parquet"):
        with writing_table(tmp_path / f"a{suffix}", OURS.schema) as append:
            append(OURS)
    for suffix, delimiter in ((".csv", ","), (".tsv", "\t")):
        found = pd.read_csv(tmp_path / f"a{suffix}", sep=delimiter, dtype={"objid": "Int64"})
        assert found["objid"].tolist() == [2**63 - 1, pd.NA]
        assert found["big"].tolist() == [2**64 - 1, 7]
        assert found["name"].tolist() == ["a b", "ζώο"]
    assert pq.read_table(tmp_path / "a.parquet").equals(OURS)
    assert pd.read_parquet(tmp_path / "a.parquet")["name"].tolist() == ["a b", "ζώο"]


def test_we_open_what_astropy_writes(tmp_path):
    theirs = Table(
        {
            "objid": MaskedColumn([2**53 + 1, 5], mask=[False, True]),
            "z": Column(np.float32([0.1, 0.2]), unit="km/s", description="redshift"),
            "name": ["a b", "c"],
            "good": [True, False],
            "flux": np.arange(6.0).reshape(2, 3),
        }
    )
    filled = theirs.filled(5)
    for name, table, how in [
        ("a.fits", theirs, {}),
        ("a.fits.gz", theirs, {}),
        ("a.vot", filled, {"format": "votable", "tabledata_format": "binary"}),
        ("b.xml", filled, {"format": "votable"}),
        ("c.votable", theirs, {"format": "votable", "tabledata_format": "binary2"}),
        ("a.ecsv", theirs, {}),
        ("a.parquet", filled, {}),
    ]:
        table.write(tmp_path / name, **how)
        found = stored(tmp_path / name)
        assert found["objid"].to_pylist() == [2**53 + 1, 5 if table is filled else None], name
        assert found["z"].type == pa.float32()
        assert units.Unit(note(found.schema.field("z"), "unit")) == units.km / units.s, name
        assert found["name"].to_pylist() == ["a b", "c"]
        assert found["good"].to_pylist() == [True, False]
        assert found["flux"].to_pylist() == [[0, 1, 2], [3, 4, 5]], name


def test_a_fits_file_of_old_programs_is_read(tmp_path):
    columns = [
        fits.Column("scaled", "I", null=-1, array=np.array([1, -1], np.int16)),
        fits.Column("bits", "11X", array=np.array([[True] + [False] * 10] * 2)),
        fits.Column("lists", "PJ()", array=np.array([np.arange(3), np.arange(0)], dtype=object)),
        fits.Column("words", "PA()", array=np.array(["abc", "d"], dtype=object)),
        fits.Column("names", "6A", dim="(3,2)", array=np.array([["a", "bc"], ["d", ""]])),
        fits.Column("nothing", "0J"),
    ]
    table = fits.BinTableHDU.from_columns(columns)
    table.header["TSCAL1"], table.header["TZERO1"] = 0.5, 10.0
    table.writeto(tmp_path / "a.fit")
    found = stored(tmp_path / "a.fit").to_pydict()
    assert found == {
        "scaled": [10.5, None],
        "bits": [[True] + [False] * 10] * 2,
        "lists": [[0, 1, 2], []],
        "words": ["abc", "d"],
        "names": [["a", "bc"], ["d", None]],
        "nothing": [None, None],
    }


def test_a_fits_table_of_text_is_read(tmp_path):
    columns = [
        fits.Column("id", "I10", ascii=True, array=np.array([7, 8])),
        fits.Column("name", "A5", ascii=True, array=np.array(["a", "bc"])),
    ]
    fits.TableHDU.from_columns(columns).writeto(tmp_path / "a.fits")
    assert stored(tmp_path / "a.fits").to_pydict() == {"id": [7, 8], "name": ["a", "bc"]}
    content = (tmp_path / "a.fits").read_bytes()
    (tmp_path / "a.fits").write_bytes(content.replace(b"TFORM1  = 'I10", b"TFORM1  = 'I\x7f0"))
    with pytest.raises(ValueError, match="its header is damaged"):
        stored(tmp_path / "a.fits")


def test_a_table_of_astropy_is_one_of_arrow_and_back():
    theirs = QTable(
        {
            "id": np.array([1, 2], ">i8"),
            "v": [1.5, 2.5] * units.km / units.s,
            "when": Time(["2020-01-01T00:00:00", "2021-02-03T04:05:06.5"]),
            "sky": SkyCoord([10, 20], [-5, 5], unit="deg"),
            "bytes": np.array([b"ab", "é".encode()]),
            "hidden": MaskedColumn([1.0, 2.0], mask=[True, False], unit="mag"),
            "cutout": np.arange(8, dtype=np.uint8).reshape(2, 2, 2),
        }
    )
    found = from_astropy(theirs)
    assert found.drop_columns(["ra", "dec"]).to_pydict() == {
        "id": [1, 2],
        "v": [1.5, 2.5],
        "when": ["2020-01-01T00:00:00.000", "2021-02-03T04:05:06.500"],
        "bytes": ["ab", "é"],
        "hidden": [None, 2.0],
        "cutout": [[[0, 1], [2, 3]], [[4, 5], [6, 7]]],
    }
    assert found["ra"].to_pylist() == pytest.approx([10, 20])
    assert note(found.schema.field("dec"), "unit") == "deg"
    back = to_astropy(found)
    assert back["hidden"].mask.tolist() == [True, False]
    assert back["v"].unit == units.km / units.s
    assert back["cutout"].shape == (2, 2, 2)
    assert from_astropy(back).equals(found)


def test_columns_that_are_no_numbers_are_refused_by_name():
    for name, column in {"wave": [1j], "record": np.zeros(1, [("a", int)])}.items():
        with pytest.raises(ValueError, match=f"column '{name}'"):
            from_astropy(Table({name: column}))


def test_complex_numbers_are_refused_by_name(tmp_path):
    theirs = Table({"id": [1], "wave": [1j]})
    for name, kind in [("a.fits", "fits"), ("a.vot", "votable"), ("a.ecsv", "ascii.ecsv")]:
        theirs.write(tmp_path / name, format=kind)
        with pytest.raises(ValueError, match="column 'wave'"):
            open_table(tmp_path / name)
