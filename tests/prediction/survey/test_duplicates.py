"""Repeated ids are found among any number of rows, whatever they are."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from hubblefork.prediction.survey import duplicates
from hubblefork.prediction.survey.duplicates import IdCheck


@given(
    st.lists(st.lists(st.text(st.characters(codec="utf-8"), max_size=2), max_size=6), max_size=5)
)
def test_the_second_row_of_an_id_and_later_ones_are_found(tmp_path_factory, parts):
    check = IdCheck(tmp_path_factory.mktemp("ids"), expected=10)
    for part in parts:
        check.add(np.array(part, dtype=object))
    repeated = pd.Series([each for part in parts for each in part], dtype=object).duplicated()
    number, rows = check.repeated(examples=100)
    assert number == repeated.sum()
    assert rows == np.flatnonzero(repeated).tolist()


def test_ids_in_several_files_are_compared_alike(tmp_path, monkeypatch):
    monkeypatch.setattr(duplicates, "_AT_ONCE", 100)
    check = IdCheck(tmp_path, expected=1000)
    ids = np.array([str(number) for number in range(1000)] + ["500", "7"], dtype=object)
    check.add(ids[:600])
    check.add(ids[600:])
    assert check.repeated() == (2, [1000, 1001])
    assert len(list(tmp_path.iterdir())) == 11
