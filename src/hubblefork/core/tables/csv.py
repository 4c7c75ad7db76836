"""CSV files: the one reader of them, which never shifts, drops or invents a cell, and a writer."""

import csv
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv

from hubblefork.core.errors import first_line
from hubblefork.core.parsing import TooLarge, check_columns

# A comma, unless another of these divides the header into more cells.
_DELIMITERS = (",", ";", "\t", "|")
# The names of ten thousand columns, with 100 letters each.
_LONGEST_HEADER = 1 << 20
# Parsed at once; no row may be longer.
_BLOCK = 8 << 20

# Whole numbers up to this one are exact as floating-point numbers.
EXACT = 2**53


def read_csv(path: Path, delimiter: str | None = None) -> pd.DataFrame:
    """Return the cells of a CSV file as text, and NaN for an empty one.

    The first line names the columns. Every row has as many cells as it; blank lines are skipped.
    A cell in quotes may hold delimiters and line ends. The text is UTF-8, with or without a mark
    of its order of bytes. A column without a name is called as pandas does: `Unnamed: 0`.

    delimiter: `,`, `;`, a tab or `|`; None for the one that divides the header into most cells.

    Raises ValueError with the reason, and the number of the line, for anything else; OSError.

    >>> _ = (folder / "a.csv").write_text("id;size\\n007;1,5\\n")
    >>> read_csv(folder / "a.csv").to_dict("list")
    {'id': ['007'], 'size': ['1,5']}
    """
    header, delimiter = read_header(path, delimiter)
    table = pa.Table.from_batches(text_batches(path, len(header), delimiter)).to_pandas()
    table.columns = pd.Index(header)
    return table


def text_batches(path: Path, width: int, delimiter: str, skip: int = 0) -> Iterator[pa.RecordBatch]:
    """Yield the rows below the header block by block, their cells as text and null where empty.

    The columns are named after their places: `0`, `1`. width: of the header, in cells. skip: lines
    before it. Raises as `read_csv`.
    """
    places = [str(place) for place in range(width)]
    try:
        with pa.csv.open_csv(
            path,
            # The header is read as a row, so that no two ways of reading it can differ.
            pa.csv.ReadOptions(
                column_names=places, block_size=_BLOCK, use_threads=False, skip_rows=skip
            ),
            pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            pa.csv.ConvertOptions(
                column_types=dict.fromkeys(places, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
            ),
        ) as reader:
            above = 1
            for batch in reader:
                yield batch.slice(above)
                above = max(0, above - len(batch))
    except pa.ArrowInvalid as error:
        raise ValueError(_wrong_row(path, delimiter, skip) or first_line(error)) from None


def csv_text(table: pd.DataFrame, header: bool = True) -> str:
    r"""Return a table as the text of a CSV file that `read_csv` reads back, numbers to six digits.

    >>> csv_text(pd.DataFrame({"id": ["a\rb"], "x": [1]}))
    '"id","x"\n"a\rb",1\n'
    """
    write = partial(
        table.to_csv, index=False, header=header, float_format="%.6g", lineterminator="\n"
    )
    text = write()
    # Alone, a carriage return ends a line for every reader, and the csv module does not quote it.
    return write(quoting=csv.QUOTE_NONNUMERIC) if "\r" in text else text


def with_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of text with numbers in the columns that hold nothing else.

    Whole numbers that would not be exact, beyond 2^53 beside empty cells, stay text.

    >>> table = pd.DataFrame({"a": ["1", "2"], "b": ["1.5", None], "c": ["x", "1"]}, dtype="str")
    >>> with_numbers(table).dtypes.map(str).to_dict()
    {'a': 'int64', 'b': 'float64', 'c': 'str'}
    """
    return table.assign(**{name: _as_numbers(table[name]) for name in table})


def _as_numbers(text: pd.Series) -> pd.Series:
    numbers = pd.to_numeric(text, errors="coerce")
    lost = numbers.isna() & text.notna()
    if lost.any() and not text[lost].str.lower().eq("nan").all():
        return text
    if numbers.dtype.kind == "f":
        # Also 2^53 itself, to which the next number is rounded.
        large = np.isfinite(numbers) & (numbers.abs() >= EXACT)
        if large.any() and text[large].str.fullmatch(r"\s*[+-]?\d+\s*").any():
            return text
    return numbers


def read_header(path: Path, delimiter: str | None = None) -> tuple[list[str], str]:
    """Return the names of the columns of a CSV file, and its delimiter; raises as `read_csv`."""
    with open(path, "rb") as file:
        if len(file.readline(_LONGEST_HEADER + 1)) > _LONGEST_HEADER:
            raise TooLarge(
                f"its first line has more than {_LONGEST_HEADER >> 20} MB; expected the names of "
                "the columns"
            )
    choice = [
        (next((row for _, row in _rows(path, each)), []), each)
        for each in ([delimiter] if delimiter else _DELIMITERS)
    ]
    names, delimiter = max(choice, key=lambda each: len(each[0]))
    if not names:
        raise ValueError("it is empty; expected the names of the columns in its first line")
    check_columns(len(names))
    header = [name or f"Unnamed: {place}" for place, name in enumerate(names)]
    [(commonest, number)] = Counter(header).most_common(1)
    if number > 1:
        raise ValueError(f"two columns are called {commonest!r}; rename or remove one of them")
    return header, delimiter


def _rows(path: Path, delimiter: str, skip: int = 0) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of the line where each row begins, and its cells."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            line = sum(1 for _ in islice(file, skip))
            reader = csv.reader(file, delimiter=delimiter)
            for row in reader:
                if row:
                    yield line + 1, row
                line = skip + reader.line_num
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not text in UTF-8 ({error.reason}); save it as such") from None
    except csv.Error as error:
        raise ValueError(f"line {line + 1}: {error}") from None


def _wrong_row(path: Path, delimiter: str, skip: int = 0) -> str | None:
    """Say which row has another number of cells than the header; None if each has as many."""
    rows = _rows(path, delimiter, skip)
    _, header = next(rows)
    for line, row in rows:
        if len(row) != len(header):
            what = f"{len(row):,} cell{'s' * (len(row) != 1)}"
            hint = "; a delimiter at its end, or one in text without quotes, is too many"
            hint *= len(row) > len(header)
            return f"line {line} has {what}, and the header {len(header):,}{hint}"
    return None
