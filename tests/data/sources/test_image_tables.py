"""Damaged files: whatever bytes they hold, a good result or one clear line."""

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubblefork.core.errors import RequestError
from hubblefork.data.images.decoded import UnreadableImage
from hubblefork.data.sources import open_source
from hubblefork.data.sources.image_tables import (
    features,
    image_columns,
    read_schema,
    record_batches,
    scalar_columns,
)


def _read_all(path) -> None:
    source = open_source(path)
    images = source.read(range(len(source.table)), source.framing(size=8))
    for image in images:
        assert isinstance(image, UnreadableImage) or image.pixels.shape == (8, 8, 3)


def _is_told(path) -> None:
    try:
        _read_all(path)
        told = ""
    except RequestError as error:
        told = str(error)
    assert "\n" not in told


@pytest.fixture(params=["sky.parquet", "sky.arrow"])
def whole(files, tmp_path, request):
    table = files.galaxies(0, 12, ra=[1.5] * 12, id_str=[f"J{n}" for n in range(12)])
    write = files.write_parquet if request.param == "sky.parquet" else files.write_arrow
    return write(table, tmp_path / request.param)


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_file_with_changed_bytes_is_read_or_refused_in_one_line(whole, data):
    content = bytearray(whole.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    damaged = whole.with_name(f"damaged{whole.suffix}")
    damaged.write_bytes(content)
    _is_told(damaged)


@settings(max_examples=20, suppress_health_check=list(HealthCheck))
@given(share=st.floats(0, 1))
def test_a_file_cut_short_is_read_or_refused_in_one_line(whole, share):
    content = whole.read_bytes()
    damaged = whole.with_name(f"damaged{whole.suffix}")
    damaged.write_bytes(content[: int(share * len(content))])
    _is_told(damaged)


def test_batches_are_small_whatever_the_row_groups(files, tmp_path, monkeypatch):
    table = files.galaxies(0, 50)
    size = table["image"].nbytes
    monkeypatch.setattr("hubblefork.data.sources.image_tables._BATCH_BYTES", size // 10)
    for path in (
        files.write_parquet(table, tmp_path / "sky.parquet", rows=1 << 20),
        files.write_arrow(table, tmp_path / "sky.arrow", rows=1 << 20),
    ):
        lengths = list(map(len, record_batches(path, ["image"], "sky")))
        assert sum(lengths) == 50
        assert 10 <= len(lengths) <= 50
        _read_all(path)


def test_two_columns_of_one_name_are_refused(tmp_path, files):
    table = pa.Table.from_arrays([pa.array([b"1"]), pa.array([1]), pa.array([2])], ["i", "a", "a"])
    with pytest.raises(RequestError, match="two columns have one name"):
        read_schema(files.write_arrow(table, tmp_path / "sky.arrow"), "sky")


def test_columns_are_told_apart():
    encoded = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    columns = {
        "image": encoded, "thumb": pa.large_binary(), "n": pa.int8(), "kind": pa.string(),
        "word": pa.dictionary(pa.int32(), pa.string()), "box": pa.list_(pa.int8()),
        "night": pa.date32(), "z": pa.decimal128(9, 6),
    }  # fmt: skip
    schema = pa.schema(columns)
    assert image_columns(schema) == ["image", "thumb"]
    assert scalar_columns(schema) == ["n", "kind", "word", "night", "z"]
    noted = schema.with_metadata(
        {"huggingface": '{"info": {"features": {"image": {"_type": "Image"}}}}'}
    )
    assert image_columns(noted) == ["image"]
    assert image_columns(pa.schema({"image": pa.string(), "blob": pa.binary()})) == []
    for odd in (b"[]", b"{", b'{"info": 3}'):
        assert features(schema.with_metadata({"huggingface": odd})) == {}
