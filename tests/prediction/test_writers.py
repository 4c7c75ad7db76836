"""Blocks of predictions become one table, whole or not at all."""

import numpy as np
import pandas as pd
import pytest

from hubblefork.core.errors import RequestError
from hubblefork.prediction.writers import write_predictions
from hubblefork.tasks.classes import Classes
from hubblefork.tasks.predictions import Predictions


def block(ids: list[str], problem: str = "") -> Predictions:
    values = np.full((len(ids), 2), np.nan if problem else 0.5)
    problems = np.full(len(ids), problem, object)
    return Predictions(Classes(("a", "b")), np.array(ids, object), values, problems=problems)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_blocks_become_one_table_and_problems_are_returned(tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    unread = write_predictions([block(["1", "2"]), block(["3"], "the file is empty")], path)
    written = pd.read_csv(path) if suffix == ".csv" else pd.read_parquet(path)
    assert written["id"].astype(str).tolist() == ["1", "2", "3"]
    assert unread.to_dict("records") == [{"id": "3", "problem": "the file is empty"}]


def test_a_table_that_fails_half_way_is_not_left(tmp_path):
    def blocks():
        yield block(["1"])
        raise OSError("the disk went away")

    for name in ("out.csv", "out.parquet"):
        with pytest.raises(OSError, match="went away"):
            write_predictions(blocks(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_nothing_readable_is_a_mistake(tmp_path):
    with pytest.raises(RequestError, match="no image of 2 could be read"):
        write_predictions([block(["1", "2"], "the file is empty")], tmp_path / "out.csv")
    assert list(tmp_path.iterdir()) == []
