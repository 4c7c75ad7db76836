"""Files and folders are opened by what they hold; what is damaged or claims too much is refused."""

import gzip

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.table import Table

from hubblefork.core.tables.stored import is_table, open_table
from tests.memory import memory_limited


def refusal(path):
    with memory_limited(), pytest.raises(ValueError, match=r"^[^\n]+$") as error:
        list(open_table(path).batches())
    return str(error.value)


def csv_types(folder, *cells):
    path = folder / "a.csv"
    path.write_text("a,b\n" + "".join(f'"{cell}",x\n' for cell in cells))
    return str(open_table(path).schema.field("a").type)


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "-2", ""], "int64"),
        (["+1", " 2 "], "int64"),
        (["18446744073709551615", "0"], "uint64"),
        (["18446744073709551615", "-1"], "string"),
        (["18446744073709551616"], "string"),
        (["0", "0.5"], "double"),
        (["1e5", "nan", "-inf", "+41.3"], "double"),
        (["1e400"], "string"),
        (["007"], "string"),
        (["-00.5"], "string"),
        (["9007199254740993", "0.5"], "string"),
        (["9007199254740991", "0.5"], "double"),
        (["true", "false"], "string"),
        (["0x10"], "string"),
        (["1", "one"], "string"),
        (["", ""], "string"),
    ],
)
def test_the_types_of_csv_lose_nothing(tmp_path, cells, kind):
    assert csv_types(tmp_path, *cells) == kind
    assert csv_types(tmp_path, *reversed(cells)) == kind


def test_types_are_found_in_all_of_a_long_file(tmp_path):
    path = tmp_path / "a.csv"
    rows = 900_000  # more than one block
    path.write_text("id,b\n" + "1234567,8\n" * rows + "9007199254740993,x\n")
    assert [str(kind) for kind in open_table(path).schema.types] == ["int64", "string"]
    with path.open("a") as file:
        file.write("0.5,8\n")
    table = open_table(path)
    assert [str(kind) for kind in table.schema.types] == ["string", "string"]
    assert table.rows == rows + 2
    assert next(table.batches(start=rows)).to_pydict() == {
        "id": ["9007199254740993", "0.5"],
        "b": ["x", "8"],
    }


def test_ids_of_csv_stay_text_where_asked(tmp_path):
    (tmp_path / "a.tsv").write_text("id\tz,x\n12\t0.5\n")
    table = open_table(tmp_path / "a.tsv", lambda name: name == "id")
    assert next(table.batches()).to_pydict() == {"id": ["12"], "z,x": [0.5]}


def test_a_ragged_csv_is_refused_with_its_line(tmp_path):
    (tmp_path / "a.csv").write_text("id,ra\na,1\nb,2,3\n")
    assert refusal(tmp_path / "a.csv").startswith("line 3 has 3 cells, and the header 2")


def test_a_ragged_ecsv_is_refused_with_its_line(tmp_path):
    Table({"id": [1, 2], "ra": [1.0, 2.0]}).write(tmp_path / "a.ecsv")
    with (tmp_path / "a.ecsv").open("a") as file:
        file.write("3 4.0 5\n")
    lines = len((tmp_path / "a.ecsv").read_text().splitlines())
    assert refusal(tmp_path / "a.ecsv").startswith(f"line {lines} has 3 cells, and the header 2")


def table(number):
    return pa.table({"id": [number, number + 1], "name": ["a", "b"]})


def test_a_folder_of_parquet_is_one_table_in_the_order_of_names(tmp_path):
    for number, name in enumerate(["b", "a", "c"]):
        pq.write_table(table(10 * number), tmp_path / f"{name}.parquet")
    for name in ("_metadata", ".a.parquet.crc", "_x.parquet", "readme.md"):
        (tmp_path / name).write_text("no table")
    stored = open_table(tmp_path)
    assert (is_table(tmp_path), stored.rows, stored.kind) == (True, 6, "folder of 3 Parquet files")
    assert pa.concat_tables(stored.batches())["id"].to_pylist() == [10, 11, 0, 1, 20, 21]
    [some] = stored.batches(start=3, stop=5)
    assert some["id"].to_pylist() == [1, 20]


def test_a_hats_catalogue_is_its_partitions(tmp_path):
    leaf = tmp_path / "dataset" / "Norder=1" / "Dir=0"
    leaf.mkdir(parents=True)
    pq.write_table(table(0), leaf / "Npix=44.parquet")
    (leaf / "Npix=45").mkdir()
    pq.write_table(table(10), leaf / "Npix=45" / "part0.parquet")
    pq.write_table(table(99), tmp_path / "dataset" / "data_thumbnail.parquet")
    pq.write_metadata(table(0).schema, tmp_path / "dataset" / "_common_metadata")
    for name in ("hats.properties", "partition_info.csv"):
        (tmp_path / name).write_text("hats_nrows=4\n")
    stored = open_table(tmp_path)
    assert (is_table(tmp_path), stored.rows, stored.kind) == (True, 4, "HATS catalogue")
    assert pa.concat_tables(stored.batches())["id"].to_pylist() == [0, 1, 10, 11]


def test_files_of_a_folder_that_differ_are_named(tmp_path):
    pq.write_table(table(0), tmp_path / "a.parquet")
    pq.write_table(table(0).append_column("z", pa.array([1.5, 2])), tmp_path / "b.parquet")
    assert refusal(tmp_path).startswith("b.parquet: column 'z' is double, and not there in a.parq")
    pq.write_table(pa.table({"id": ["x"], "name": ["y"]}), tmp_path / "b.parquet")
    assert refusal(tmp_path).startswith("b.parquet: column 'id' is string, and int64 in a.parquet")
    (tmp_path / "b.parquet").write_bytes(b"PAR1")
    assert refusal(tmp_path).startswith("b.parquet: ")


def test_folders_whose_names_are_columns_are_refused(tmp_path):
    pq.write_to_dataset(table(0), tmp_path, partition_cols=["name"])
    assert "its folder name=a stands for a column" in refusal(tmp_path)


def test_images_in_parquet_are_handed_on_a_few_at_a_time(tmp_path):
    images = pa.array([bytes(300_000)] * 200, pa.binary())
    pq.write_table(pa.table({"id": range(200), "image": images}), tmp_path / "a.parquet")
    stored = open_table(tmp_path / "a.parquet")
    assert stored.nested == {"image": "binary"}
    with memory_limited(200 << 20):
        sizes = [len(batch) for batch in stored.batches()]
    assert sum(sizes) == 200
    assert max(sizes) <= 64


def test_text_that_is_stored_once_takes_no_more_memory_than_a_batch(tmp_path):
    text = pa.DictionaryArray.from_arrays(pa.array([0] * 3000, pa.int32()), ["x" * 1_000_000])
    pq.write_table(pa.table({"note": text}), tmp_path / "a.parquet")
    assert (tmp_path / "a.parquet").stat().st_size < 1 << 21
    with memory_limited():
        assert sum(map(len, open_table(tmp_path / "a.parquet").batches())) == 3000


def test_a_fits_file_is_a_table_only_without_an_image(tmp_path):
    image = fits.PrimaryHDU(np.zeros((4, 4)))
    rows = fits.table_to_hdu(Table({"id": [1]}))
    noted = fits.PrimaryHDU(np.zeros(9, np.uint8))  # as TOPCAT keeps a description of the table
    squeezed = fits.CompImageHDU(np.zeros((32, 32), np.int16))
    for number, (hdus, answer) in enumerate(
        [
            ([image], False),
            ([image, rows], False),
            ([noted, rows], True),
            ([fits.PrimaryHDU(), squeezed], False),
            ([fits.PrimaryHDU(), rows, rows], True),
        ]
    ):
        path = tmp_path / f"{number}.fits.gz"
        fits.HDUList([each.copy() for each in hdus]).writeto(path)
        assert is_table(path) == answer, number
    assert open_table(tmp_path / "4.fits.gz").kind == "FITS table (the first of 2)"
    assert refusal(tmp_path / "0.fits.gz") == "it has no table, only images"


def test_other_files_and_folders_are_no_tables(tmp_path):
    (tmp_path / "a.xml").write_text("<html/>")
    (tmp_path / "a.fits").write_text("nothing")
    (tmp_path / "a.png").write_text("nothing")
    assert not any(map(is_table, [*tmp_path.iterdir(), tmp_path, tmp_path / "gone.csv"]))
    assert refusal(tmp_path / "gone.csv") == "the file is not there"
    assert refusal(tmp_path / "a.png").startswith("expected a name ending in .csv, ")
    assert refusal(tmp_path) == "it has no Parquet file"


def fits_file(path, **cards):
    columns = [fits.Column("id", "K", array=np.arange(1000)), fits.Column("name", "8A")]
    fits.BinTableHDU.from_columns(columns).writeto(path)
    content = bytearray(path.read_bytes())
    for name, value in cards.items():
        at = content.index(name.ljust(8).encode() + b"=")
        content[at : at + 80] = f"{name:8}= {value:>20}".ljust(80).encode()
    path.write_bytes(content)
    return path


def test_fits_files_that_promise_more_than_they_hold_are_refused(tmp_path):
    path = fits_file(tmp_path / "a.fits", NAXIS2=10**12)
    assert refusal(path).startswith("it ends before the last of its 1,000,000,000,000 rows")
    zipped = tmp_path / "a.fits.gz"
    zipped.write_bytes(gzip.compress(path.read_bytes()))
    assert refusal(zipped).startswith("it ends before the last of its 1,000,000,000,000 rows")
    wide = fits_file(tmp_path / "b.fits", NAXIS1=10**12)
    assert "would take" in refusal(wide)
    wider = fits_file(tmp_path / "f.fits", NAXIS1=10**18)
    assert "would take" in refusal(wider)
    many = fits_file(tmp_path / "c.fits", TFIELDS=10**9)
    assert "1,000,000,000 columns" in refusal(many)
    long = fits_file(tmp_path / "d.fits", TFORM1="'999999999K'")
    assert refusal(long)
    odd = fits_file(tmp_path / "g.fits", TTYPE1="'id\x7f")
    assert "its header is damaged" in refusal(odd)
    cut = fits_file(tmp_path / "e.fits")
    cut.write_bytes(cut.read_bytes()[:9000])
    assert "it is incomplete" in refusal(cut)


def test_vectors_that_lie_outside_of_a_fits_file_are_refused(tmp_path):
    column = fits.Column("v", "PJ()", array=np.array([np.arange(3)], dtype=object))
    fits.BinTableHDU.from_columns([column]).writeto(tmp_path / "a.fits")
    content = bytearray((tmp_path / "a.fits").read_bytes())
    for count, offset in ((2**31 - 1, 0), (3, 2**31 - 1), (-5, 0)):
        content[5760:5768] = np.array([count, offset], ">i4").tobytes()
        (tmp_path / "a.fits").write_bytes(content)
        assert refusal(tmp_path / "a.fits")


VOTABLE = """<?xml version="1.0"?>
<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE>
<TABLE nrows="1000000000000">{fields}<DATA>{data}</DATA></TABLE></RESOURCE></VOTABLE>"""


def votable(path, fields, data):
    path.write_text(VOTABLE.format(fields=fields, data=data))
    return path


def test_votables_that_promise_more_than_they_hold_are_refused(tmp_path):
    path = tmp_path / "a.vot"
    number = '<FIELD name="z" datatype="double"/>'
    cells = "<TABLEDATA><TR><TD>1.5</TD></TR><TR><TD>NaN</TD></TR><TR><TD/></TR></TABLEDATA>"
    [found] = open_table(votable(path, number, cells)).batches()
    assert str(found["z"].to_pylist()) == "[1.5, nan, None]"
    wide = '<FIELD name="z" datatype="double" arraysize="1000000000"/>'
    assert "1,000,000,000 elements" in refusal(votable(path, wide, cells))
    assert "of 2 cells" in refusal(votable(path, number, cells.replace("<TD/>", "<TD/><TD/>")))
    assert "row that ends" in refusal(votable(path, number.replace("double", "int"), cells))
    assert refusal(cut(path, number, cells))
    stream = '<BINARY2><STREAM encoding="base64">AAAA</STREAM></BINARY2>'
    assert "middle of a row" in refusal(votable(path, number, stream))
    elsewhere = '<BINARY2><STREAM href="file:///etc/passwd"/></BINARY2>'
    assert "rows are in another file" in refusal(votable(path, number, elsewhere))


def cut(path, fields, data):
    votable(path, fields, data)
    path.write_text(path.read_text()[:-60])
    return path


def test_an_ecsv_header_that_is_damaged_is_refused(tmp_path):
    path = tmp_path / "a.ecsv"
    head = "# %ECSV 1.0\n# ---\n"
    for content in (
        "a b\n1 2\n",
        head,
        head + "# datatype: 5\na\n1\n",
        head + "# datatype: [{name: b, datatype: int64}]\na\n1\n",
        head + "# datatype: " + "[" * 20_000 + "\na\n1\n",
        head + "# x\n" * 400_000 + "a\n",
        head + "# datatype: [{name: a, datatype: int64}]\na\n1.5\n",
        head + "# datatype: [{name: a, datatype: string, subtype: 'int64[2]'}]\na\n\"[1,2,3]\"\n",
    ):
        path.write_text(content)
        assert refusal(path)
