"""Tables that are small on the disk and huge in memory are refused; those of surveys are read."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hubblefork.core.errors import RequestError
from hubblefork.core.parsing import check_memory
from hubblefork.data.sources import open_source
from hubblefork.data.sources.companion_table import columns_beside
from hubblefork.data.sources.image_tables import read_scalars, read_schema
from tests.memory import memory_limited


def refusal(path):
    with memory_limited(), pytest.raises(RequestError) as error:
        open_source(path)
    message = str(error.value)
    assert "\n" not in message
    assert len(message) <= 1000
    return message


def short_rows(path):
    """Ten thousand columns, of which 50,000 rows have the first: 160 KB that would take 4 GB."""
    path.write_text(
        "id,image,label," + ",".join(f"c{n}" for n in range(9990)) + "\n" + "a\n" * 50000
    )


def test_rows_without_their_cells_take_memory_too(tmp_path):
    short_rows(tmp_path / "table.csv")
    assert "line 2 has 1 cell, and the header 9,993" in refusal(tmp_path / "table.csv")
    with memory_limited():
        columns, note = columns_beside(tmp_path / "table.csv", ["a.png"], "galaxies")
    assert columns.empty
    assert "line 2 has 1 cell" in note


def test_the_table_of_a_challenge_is_held_to_the_same(tmp_path):
    (tmp_path / "images_training_rev1").mkdir()
    short_rows(tmp_path / "training_solutions_rev1.csv")
    assert "line 2 has 1 cell" in refusal(f"kaggle:{tmp_path}")


@pytest.mark.parametrize(
    ("header", "message"),
    [("x" * 3_000_000, "first line has more than 1 MB"), ("," * 20_000, "it has 20,001 columns")],
)
def test_a_csv_with_an_endless_header_is_refused(tmp_path, header, message):
    (tmp_path / "table.csv").write_text(header + "\n1\n")
    assert message in refusal(tmp_path / "table.csv")


def test_a_survey_of_ten_million_rows_is_within_the_limits():
    check_memory(8 * 100 * 10_000_000, size=1 << 30)  # of a hundred columns
    check_memory(20 * (100 << 20), size=100 << 20)  # as Parquet


def test_text_that_is_stored_once_is_not_held_in_every_row(tmp_path):
    long = pa.DictionaryArray.from_arrays(pa.array(np.zeros(100_000, np.int32)), ["x" * 100_000])
    plain = pa.chunked_array([long])
    for name, column in {"coded": plain, "noted": long}.items():
        table = pa.table({"id": pa.array(range(100_000)).cast(pa.string()), "label": column})
        pq.write_table(table.append_column("image", table["id"]), tmp_path / f"{name}.parquet")
    assert (tmp_path / "coded.parquet").stat().st_size < 2_000_000
    for name in ("coded", "noted"):
        assert "would take" in refusal(tmp_path / f"{name}.parquet")


def test_numbers_that_repeat_are_not_read_as_a_whole(tmp_path):
    column = pa.array(np.zeros(1_000_000))
    table = pa.table({f"c{n}": column for n in range(70)} | {"image": column, "label": column})
    pq.write_table(table, tmp_path / "table.parquet", compression="zstd")
    assert (tmp_path / "table.parquet").stat().st_size < 1_000_000
    assert "would take" in refusal(tmp_path / "table.parquet")


def test_images_that_are_stored_once_are_read_a_few_at_a_time(tmp_path):
    schema = pa.schema([("image", pa.binary()), ("label", pa.int64())])
    path = tmp_path / "table.parquet"
    with pq.ParquetWriter(path, schema) as writer:
        column = pa.array([b"x" * 1_000_000] * 100)
        for _ in range(8):
            writer.write_table(pa.table([column, pa.array([0, 1] * 50)], schema=schema))
    assert path.stat().st_size < 2_000_000
    with memory_limited(512 << 20):
        source = open_source(path)
        assert [len(batch) for batch in source.read_group(0)][:2] == [16, 16]


def test_a_parquet_table_of_too_many_columns_is_refused(tmp_path):
    pq.write_table(pa.table({f"c{n}": [1] for n in range(10_001)}), tmp_path / "table.parquet")
    assert "it has 10,001 columns" in refusal(tmp_path / "table.parquet")


def test_notes_that_are_nested_without_end_are_not_followed(tmp_path):
    deep = b"[" * 100_000
    table = pa.table({"id": ["a", "b"], "image": ["a.png", "b.png"], "label": ["x", "y"]})
    noted = table.replace_schema_metadata({b"pandas": deep, b"huggingface": deep})
    pq.write_table(noted, tmp_path / "table.parquet")
    assert "2 of 2 files are not there" in refusal(tmp_path / "table.parquet")


def test_values_are_those_of_the_file_whatever_they_are_stored_as(tmp_path):
    expected = pd.DataFrame(
        {"text": ["a", None, "b", "a"], "kind": ["x", "y", "x", "x"], "number": [4, 1, 3, 2]}
    )
    stored = expected.assign(kind=expected["kind"].astype("category")).set_index("number")
    path = tmp_path / "table.parquet"
    stored.to_parquet(path, row_group_size=2)
    found = read_scalars(path, read_schema(path, "t"), "t")
    assert found["text"].fillna("-").tolist() == ["a", "-", "b", "a"]
    assert found["kind"].tolist() == ["x", "y", "x", "x"]
    assert found["number"].tolist() == [4, 1, 3, 2]
