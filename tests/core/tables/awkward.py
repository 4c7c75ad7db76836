"""Tables that are hard to keep: every type, values at the ends of their ranges, any script."""

import datetime

import pyarrow as pa
from hypothesis import strategies as st

from hubblefork.core.tables.columns import field

SUFFIXES = (".csv", ".tsv", ".parquet", ".fits", ".vot", ".ecsv")

SCHEMA = pa.schema(
    [
        field("objid", pa.int64(), description="of the survey"),
        field("specobjid", pa.uint64()),
        field("counts", pa.uint8()),
        field("shift", pa.int8()),
        field("flags", pa.uint16()),
        field("z", pa.float32(), "km / s", "redshift"),
        field("ra", pa.float64(), "deg"),
        field("name", pa.string()),
        field("good", pa.bool_()),
        field("night", pa.date32()),
    ]
)

_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)


def _numbers(kind: pa.DataType) -> st.SearchStrategy:
    return {
        "int8": st.integers(-128, 127),
        "uint8": st.integers(0, 255),
        "uint16": st.integers(0, 2**16 - 1),
        "int64": st.integers(-(2**63), 2**63 - 1),
        "uint64": st.integers(0, 2**64 - 1),
        "float": st.floats(width=32),
        "double": st.floats(),
        "bool": st.booleans(),
        "string": _TEXT,
        "date32[day]": st.dates(datetime.date(1600, 1, 1), datetime.date(2500, 1, 1)),
    }[str(kind)]


@st.composite
def tables(draw: st.DrawFn, schema: pa.Schema = SCHEMA, most: int = 5) -> pa.Table:
    """Tables of this schema, with missing values in every column."""
    rows = draw(st.integers(1, most))
    cells = {
        each.name: draw(st.lists(st.none() | _numbers(each.type), min_size=rows, max_size=rows))
        for each in schema
    }
    return pa.table(cells, schema)
