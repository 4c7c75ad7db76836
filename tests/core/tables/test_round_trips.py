"""What is written in a format is read back, each value and each type that the format has."""

import math
import struct
from pathlib import Path

import pyarrow as pa
import pytest
from astropy import units
from hypothesis import given, settings

from hubblefork.core.tables.columns import field, note
from hubblefork.core.tables.stored import is_table, open_table
from hubblefork.core.tables.writing import check_writable, read_meta, writing_table
from tests.core.tables.awkward import SCHEMA, SUFFIXES, tables


def write(path, *parts, meta=None):
    with writing_table(path, parts[0].schema, meta or {}) as append:
        for part in parts:
            append(part)
    return open_table(path, lambda name: name == "name")


def read(path, *parts, **meta):
    table = write(path, *parts, **meta)
    return pa.concat_tables(table.batches()) if table.rows != 0 else table.schema.empty_table()


def bits(value):
    """A number by its bits, so that NaN equals itself and -0 is not 0."""
    if isinstance(value, float):
        return "nan" if math.isnan(value) else struct.pack(">d", value)
    return value


def expected(cells, of, suffix):
    """The values that are read back, by what each format cannot tell."""
    kind = str(of.type)
    if kind == "date32[day]" and suffix != ".parquet":
        cells = [None if cell is None else str(cell) for cell in cells]
    if kind == "bool" and suffix in (".csv", ".tsv"):
        cells = [None if cell is None else str(cell).lower() for cell in cells]
    if kind == "string" and suffix == ".fits":
        cells = [cell and cell.rstrip(" ") for cell in cells]
    if kind == "string" and suffix not in (".parquet", ".vot"):
        cells = [cell or None for cell in cells]
    if kind in ("float", "double") and suffix == ".fits":
        cells = [None if cell is None or math.isnan(cell) else cell for cell in cells]
    return cells


@settings(max_examples=12)
@given(table=tables())
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_value_comes_back(tmp_path_factory, suffix, table):
    found = read(tmp_path_factory.mktemp("table") / f"a{suffix}", table.slice(0, 1), table.slice(1))
    assert found.column_names == table.column_names
    for of in SCHEMA:
        cells = found[of.name].to_pylist()
        if pa.types.is_floating(of.type) and suffix in (".csv", ".tsv"):
            cells = pa.array(cells).cast(pa.float64()).cast(of.type).to_pylist()
        assert list(map(bits, cells)) == list(
            map(bits, expected(table[of.name].to_pylist(), of, suffix))
        ), of.name


@settings(max_examples=10)
@given(table=tables(pa.schema([SCHEMA.field("name")])))
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_single_column_of_missing_cells_keeps_its_rows(tmp_path_factory, suffix, table):
    found = read(tmp_path_factory.mktemp("table") / f"a{suffix}", table)
    of = SCHEMA.field("name")
    assert found["name"].to_pylist() == expected(table["name"].to_pylist(), of, suffix)


def test_columns_keep_types_units_and_descriptions(tmp_path):
    table = pa.table({each.name: [None] for each in SCHEMA}, SCHEMA)
    changed = {".vot": {"shift": "int16", "flags": "int32"}}
    for suffix in (".parquet", ".fits", ".vot", ".ecsv"):
        found = write(tmp_path / f"a{suffix}", table).schema
        for of in SCHEMA:
            kind = changed.get(suffix, {}).get(of.name, str(of.type))
            if of.name == "night" and suffix != ".parquet":
                kind = "string"
            assert str(found.field(of.name).type) == kind
            assert note(found.field(of.name), "description") == note(of, "description")
        assert units.Unit(note(found.field("z"), "unit")) == units.km / units.s
        assert note(found.field("name"), "unit") is None


def test_whole_numbers_keep_a_value_for_missing_ones(tmp_path):
    ends = {
        "small": (pa.uint8(), list(range(256))),
        "large": (pa.int64(), [-(2**63), 2**63 - 1, 2**63 - 2]),
        "unsigned": (pa.uint64(), [0, 1, 2**64 - 1]),
    }
    for name, (kind, values) in ends.items():
        column = pa.array([*values, None], kind)
        found = read(tmp_path / "a.fits", pa.table({name: column}))
        assert found[name].to_pylist() == [*values, None]


@pytest.mark.parametrize("suffix", [".parquet", ".fits", ".vot", ".ecsv"])
def test_vectors_come_back(tmp_path, suffix):
    schema = pa.schema(
        [
            field("flux", pa.list_(pa.float32(), 3), "Jy"),
            ("matrix", pa.list_(pa.list_(pa.int16(), 3), 2)),
            ("answers", pa.list_(pa.bool_(), 2)),
        ]
    )
    table = pa.table(
        {
            "flux": [[1, 0.1, 3], [4, 5, 6]],
            "matrix": [[[1, 2, 3], [4, 5, 6]], [[7, 8, 9], [-1, -2, -3]]],
            "answers": [[True, False], [False, True]],
        },
        schema,
    )
    found = read(tmp_path / f"a{suffix}", table)
    assert found.to_pylist() == table.to_pylist()
    assert found.schema.types == schema.types


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_notes_are_kept(tmp_path, suffix):
    meta = {"model": "runs/é/model.safetensors", "made_by": "x" * 200, "q": "<\"&'>"}
    path = tmp_path / f"a{suffix}"
    write(path, pa.table({"id": [1]}), meta=meta)
    assert is_table(path)
    assert read_meta(path) == ({} if suffix in (".csv", ".tsv") else meta)
    path.write_bytes(b"nothing of that kind")
    if suffix in (".parquet", ".vot", ".ecsv"):
        with pytest.raises(ValueError, match=r"^[^\n]+$"):
            read_meta(path)
    else:
        assert read_meta(path) == {}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_table_without_rows_has_its_columns(tmp_path, suffix):
    table = write(tmp_path / f"a{suffix}", pa.table({"id": pa.array([], pa.int64())}))
    assert table.schema.names == ["id"]
    assert list(table.batches()) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_any_rows_and_columns_of_a_large_table_are_read(tmp_path, suffix):
    rows = 100_000 if suffix in (".csv", ".parquet", ".fits") else 10_000
    number = pa.array(range(rows))
    block = pa.table({"id": number, "z": number.cast(pa.float64()), "name": number.cast("string")})
    stored = write(tmp_path / f"a{suffix}", *(block.slice(at, 7000) for at in range(0, rows, 7000)))
    sizes = [len(batch) for batch in stored.batches(4000)]
    assert sum(sizes) == rows
    assert set(sizes) <= {4000, rows % 4000}
    some = pa.concat_tables(stored.batches(columns=["z", "id"], start=9000, stop=9005))
    assert some.to_pydict() == {"z": [*map(float, range(9000, 9005))], "id": [*range(9000, 9005)]}
    assert stored.rows in (rows, None)
    assert list(stored.batches(start=rows)) == []
    assert sum(map(len, stored.batches(columns=[]))) == rows


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".fits", ".vot", ".ecsv"])
def test_what_a_format_cannot_hold_is_refused_by_name(tmp_path, suffix):
    for kind in (pa.binary(), pa.list_(pa.int64()), pa.struct({"bytes": pa.binary()})):
        reason = rf"{suffix} cannot hold column 'cutout' \(.*\); write .parquet, which can"
        schema = pa.schema([("id", pa.int64()), ("cutout", kind)])
        with (
            pytest.raises(ValueError, match=reason),
            writing_table(tmp_path / f"a{suffix}", schema),
        ):
            pytest.fail("it was begun")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_appears_whole_or_not_at_all(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_text("before")
    table = pa.table({"id": [1, 2]})
    with pytest.raises(ValueError, match="Failed to parse"):
        write(path, table, pa.table({"id": ["a"]}))
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_names_that_a_format_cannot_tell_are_refused(tmp_path):
    def refused(name, *names):
        schema = pa.schema([(each, pa.int64()) for each in names])
        with pytest.raises(ValueError, match="column") as error:
            check_writable(schema, tmp_path / name)
        return str(error.value)

    for name in ("a.fits", "a.vot"):
        assert "'ra' and 'RA' differ only in case" in refused(name, "ra", "z", "RA")
    assert "cannot have a column called 'ζ'" in refused("a.fits", "ζ")
    assert "cannot have a column called 'a\\nb'" in refused("a.vot", "a\nb")
    assert "two columns are called 'id'" in refused("a.csv", "id", "id")
    assert write(tmp_path / "a.csv", pa.table({"ra": [1], "RA": [2]})).schema.names == ["ra", "RA"]


def test_text_that_fits_cannot_hold_is_refused(tmp_path):
    with pytest.raises(ValueError, match="column 'name' has text with a NUL"):
        write(tmp_path / "a.fits", pa.table({"name": ["a\0b"]}))
    long = pa.table({"name": ["x" * (1 << 20)] + ["y"] * 9999})
    with pytest.raises(ValueError, match="column 'name' has text of 1,048,576 bytes"):
        write(tmp_path / "a.fits", long)
    assert list(tmp_path.iterdir()) == []


def test_dictionaries_decimals_and_times_are_written_everywhere(tmp_path):
    table = pa.table(
        {
            "kind": pa.array(["spiral", None, "spiral"]).dictionary_encode(),
            "price": pa.array([1, 2, 3]).cast(pa.decimal128(22, 2)),
            "seen": pa.array([0, 1, 2]).cast(pa.timestamp("ms")),
            "half": pa.array([0.5, None, 2]).cast(pa.float16()),
            "nothing": pa.nulls(3),
        }
    )
    for suffix in SUFFIXES:
        found = read(Path(tmp_path / f"a{suffix}"), table)
        assert found["kind"].to_pylist() == ["spiral", None, "spiral"]
        assert [float(each) for each in found["price"].to_pylist()] == [1, 2, 3]
        assert str(found["seen"][1]).startswith("1970-01-01 00:00:00.001")
        assert found["half"].to_pylist() == [0.5, None, 2]
        assert found["nothing"].null_count == 3
