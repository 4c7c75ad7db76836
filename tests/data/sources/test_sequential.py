"""Reading groups of a large file batch by batch."""

import pandas as pd
import pytest

from hubblefork.data.sources.sequential import StreamedSource


class _Counting(StreamedSource):
    """Ten rows in groups of 4 and 6, read in batches of 2; says which batches were read."""

    def __init__(self) -> None:
        self.table = pd.DataFrame({"id": map(str, range(10))})
        self.starts = [0, 4, 10]
        self.read_rows: list[int] = []
        self.broken_at: int | None = None

    def read_group(self, group):
        for row in range(self.starts[group], self.starts[group + 1], 2):
            if row == self.broken_at:
                raise ValueError("broken")
            self.read_rows.append(row)
            yield [bytes([row]), bytes([row + 1])]


def stored(source, *rows) -> list[int]:
    return [image[0] for image in source.job(rows).args[0]]


def test_each_batch_is_read_once_from_front_to_back():
    source = _Counting()
    assert stored(source, 0, 1, 2) + stored(source, 3, 4, 9) == [0, 1, 2, 3, 4, 9]
    assert source.read_rows == [0, 2, 4, 6, 8]


def test_another_group_is_read_from_its_start():
    source = _Counting()
    assert stored(source, 9, 7, 0) == [9, 7, 0]
    assert source.read_rows == [4, 6, 8, 4, 6, 0]


def test_after_an_error_the_group_is_read_again():
    source = _Counting()
    source.broken_at = 6
    for _ in range(2):
        with pytest.raises(ValueError, match="broken"):
            stored(source, 5, 6)
    source.broken_at = None
    assert stored(source, 6) == [6]
