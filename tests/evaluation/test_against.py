"""The score in bins of a number: equal numbers of images, equal values together, nothing lost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubblefork.core.errors import RequestError
from hubblefork.evaluation.against import ScoreAgainst, score_against
from hubblefork.evaluation.intervals import wilson_interval
from hubblefork.evaluation.scores import accuracy, rmse


@settings(max_examples=30)
@given(
    st.lists(st.one_of(st.integers(0, 5), st.floats(-1e3, 1e3), st.just(np.nan)), min_size=2,
             max_size=200),
)  # fmt: skip
def test_every_image_with_a_number_is_in_one_bin(numbers):
    values = np.array(numbers, float)
    known = values[np.isfinite(values)]
    right = np.arange(len(values)) % 2 == 0
    if len(np.unique(known)) < 2:
        with pytest.raises(RequestError, match="fewer than two different"):
            score_against("z", values, right, accuracy)
        return
    found = score_against("z", values, right, accuracy)
    assert sum(each.n for each in found.bins) == len(known)
    assert found.unknown == len(values) - len(known)
    assert 2 <= len(found.bins) <= 8
    for one, other in zip(found.bins, found.bins[1:], strict=False):
        assert one.high < other.low
    for each in found.bins:
        inside = (values >= each.low) & (values <= each.high)
        assert each.value == right[inside].mean()
        assert each.interval == wilson_interval(int(right[inside].sum()), each.n)


def test_bins_have_equal_numbers_of_images():
    values = np.random.default_rng(0).lognormal(size=480)
    found = score_against("size", values, np.ones(480, bool), accuracy)
    assert [each.n for each in found.bins] == [60] * 8


def test_errors_of_votes_are_scored_too():
    found = score_against("z", np.arange(60.0), np.r_[np.full(30, 0.01), np.full(30, 0.04)], rmse)
    assert [round(each.value, 9) for each in found.bins] == [0.1, 0.2]
    assert ScoreAgainst.from_json(found.to_json()) == found
