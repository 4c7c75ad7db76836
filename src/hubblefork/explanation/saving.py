"""Results that save themselves: tables as CSV, arrays as NPY, whole or not at all."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd

from hubblefork.core.files import replacing
from hubblefork.core.tables.csv import csv_text


class TableResult:
    """A result with a `table`, which it can write."""

    table: pd.DataFrame

    def save(self, path: str | Path) -> None:
        """Write the table as a CSV file."""
        save_table(self.table, path)


def save_table(table: pd.DataFrame, path: str | Path) -> None:
    """Write a table as a CSV file, with six significant digits."""
    with replacing(path) as file:
        file.write(csv_text(table))


def save_array(array: np.ndarray, path: str | Path) -> None:
    """Write an array as an NPY file."""
    content = BytesIO()  # written straight to a file, an error would not tell of a full disk
    np.save(content, array)
    with replacing(path, binary=True) as file:
        file.write(content.getbuffer())
